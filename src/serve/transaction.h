/*
 * What a request does in PostgreSQL: the call of its row, or one that a handler makes, in one transaction with the door that
 * lets the caller in (enter), the claim of its key (once.h) and what tells others (leave).
 *
 * When PostgreSQL has confirmed the commit, or refused, the request is answered, or its handler goes on; then the events of
 * the transaction are published.
 */
#ifndef IM_TRANSACTION_H
#define IM_TRANSACTION_H

#include "call.h"
#include "request.h"

#include <libpq-fe.h>

/* What goes on with the rows of a call: they are gone when it returns. */
typedef void transaction_handler(struct request *r, const PGresult *rows);

/* Runs the route's call, NULL when it has none, then its handler.  Where the body was not readable, or a field does not fit,
 * only the door is asked, and then that is said. */
void transaction_begin(struct request *r, const struct call *call, bool readable);

/* A further call by a handler, in a transaction of its own; then goes on with its rows, NULL answers with them. */
void transaction_call(struct request *r, const struct call *call, transaction_handler *then);

/* The last call again, whose rows are the answer, with what has been set since. */
void transaction_again(struct request *r);

#endif
