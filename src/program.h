/*
 * The life of a program: libfcgi driven by an event loop.
 *
 * Every connection that nginx keeps open is one FCGX_Request; requests of all connections are in flight at once
 * and share the process's PostgreSQL connections.  Nothing blocks but libfcgi reading a request that nginx has
 * already buffered.  SIGTERM and SIGUSR1 (multiwatch's) stop it: it accepts nothing more, answers what runs,
 * publishes its events and leaves.
 */
#ifndef IM_PROGRAM_H
#define IM_PROGRAM_H

#include "request.h"
#include "route.h"

#include <event2/event.h>

/* Serves the program's routes on descriptor 0 until it is told to stop; the exit status of main(). */
int program_run(const struct program *program);

/* The compiled call of the i-th route, NULL when it has none. */
const struct call *program_call(int route);

/* The calls around every call: enter, by whose token it is, and leave, which hands over the events. */
const struct call *program_enter(enum audience audience);
const struct call *program_leave(void);

/* The request has been answered and nothing of it is running: sends it off and waits for the next. */
void program_finish(struct request *r);

#endif
