/*
 * Giving up the request that is being worked on, instead of the process.
 *
 * Whatever runs for a request runs within abandon_guard().  When something in it fails that nobody can go on without,
 * mostly memory, abandon_request() leaves the guarded function at once.  What the request owns is released with it;
 * what a function had just made by itself is lost, so release that before.  Outside of a guard nothing has been promised
 * to anybody yet: the process ends, to be started again.
 */
#ifndef IM_ABANDON_H
#define IM_ABANDON_H

#include "must.h"

#include <stdbool.h>

struct request;

/* Has obstacks that find no memory abandon the request; call once. */
void abandon_open(void);

/* Runs work(r); false when it was abandoned.  Guards may be nested: the innermost is left. */
MUST_USE bool abandon_guard(void (*work)(struct request *r), struct request *r);

/* Logs the line as an error, and does not return. */
__attribute__((noreturn)) void abandon_request(const char *why);

#endif
