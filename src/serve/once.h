/*
 * Idempotency-Key: a repeated request has the first one's answer, and its effect once.
 *
 * Every call of a user that writes takes it, and nothing in its route row or function says so: once() comes before it in
 * its transaction, in the door's place, and claims the key; where the answer has rows they are kept in the statement that
 * makes them, so that effect and answer cannot part.  What was claimed before ends the transaction with SQLSTATE I0200 and
 * the rows as they were kept.  A refusal rolls the claim back, and may be tried again.  Calls with :key of their own, and bodies that
 * nginx keeps in a file, are left alone.
 */
#ifndef IM_ONCE_H
#define IM_ONCE_H

#include "base/must.h"
#include "call.h"

#include <libpq-fe.h>
#include <stdbool.h>

struct request;
struct route;

/* Enters like a door, and claims the key. */
extern struct call once_call;

/* Whether what the route's call answers is kept: it is a user's, writes and has rows. */
MUST_USE bool once_keeps(const struct route *route);

/* Whether the request has a key for this. */
MUST_USE bool once_wanted(struct request *r);

/* The rows that were kept, with the columns of the call: what such a failure says.  To be cleared. */
MUST_USE PGresult *once_rows(const struct call *call, const PGresult *failure);

/* Whether the failure says that it was done before. */
MUST_USE bool once_done(const PGresult *failure);

#endif
