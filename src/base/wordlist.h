/*
 * Keeps a program's list of sensitive words (sensitive.h) equal to the table im.sensitive_word: asks PostgreSQL every second
 * whether it has changed, and then for a thousand words at a time.
 */
#ifndef IM_WORDLIST_H
#define IM_WORDLIST_H

#include "must.h"
#include "db.h"

#include <stdbool.h>

/* The statement that asks; register it with db_open before wordlist_open. */
extern struct statement wordlist_statement;

/* Loads the list (first_ask) and starts asking once the loop runs. */
void wordlist_open(struct event_base *base);

/* True when IM_WORDS is "refuse": text that would be starred out is refused instead. */
MUST_USE bool wordlist_refuses(void);

#endif
