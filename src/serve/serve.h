/*
 * The way of a request: route, identity, syntax, one transaction, answer, events.
 *
 * A handler either answers (reply.h) or goes on with transaction_call(), whose continuation does.
 */
#ifndef IM_SERVE_H
#define IM_SERVE_H

#include "base/must.h"
#include "request.h"
#include "route.h"

#include <event2/event.h>

struct limit;

/* Prepares every call of the program, and those around each: enter, leave, told, the word list. */
void serve_open(struct event_base *loop, const struct program *program);

/* Prints the same calls as SQL, for imctl; an exit status. */
int serve_print(const struct program *program);

/* Serves a request that has just come in, from routing to its end. */
void serve_request(struct request *r);

/* Routes by method and path, checks who calls, binds the arguments and runs the row's call or handler.
 * Everything that can be refused on the way is answered here.  A handler may set another method, path and body
 * and dispatch again. */
void serve_dispatch(struct request *r);

/* Takes one of what the verified caller has left of the limit; when that is nothing, answers 429 and is false. */
MUST_USE bool serve_allows(struct request *r, struct limit *limit);

/* Goes on with a request that has waited for something else than a call: work() is as a handler. */
void serve_resume(struct request *r, void (*work)(struct request *r));

#endif
