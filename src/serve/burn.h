/*
 * What takes tens of milliseconds of CPU by design, Argon2id: for one request after the other, and between two whoever has
 * come meanwhile is heard, and PostgreSQL's answers to others, for a few milliseconds.
 *
 * As many requests of a process as IM_PASSWORDS_WAITING says wait for their turn.  Who comes when they do is refused with
 * 429, and soon: to be answered after seconds would help him less, and he would ask again meanwhile.
 */
#ifndef IM_BURN_H
#define IM_BURN_H

#include <event2/event.h>

struct request;

/* Reads IM_PASSWORDS_WAITING; call once, before the loop runs. */
void burn_open(struct event_base *loop);

/* Works for the request in its turn, or answers 429.  The rows that its handler was given are gone by then. */
void burn_later(struct request *r, void (*work)(struct request *r));

#endif
