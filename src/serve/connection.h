/*
 * The connections of nginx: libfcgi driven by the event loop.
 *
 * Every connection that nginx keeps open is one FCGX_Request; requests of all connections are in flight at once and share the
 * process's PostgreSQL connections.  Nothing blocks: libfcgi reads a request when all of it has arrived, and writes nothing
 * (output.h).
 */
#ifndef IM_CONNECTION_H
#define IM_CONNECTION_H

#include "route.h"

#include <event2/event.h>

/* Listens on descriptor 0, and has what comes served (serve.h) as the program's. */
void connection_open(struct event_base *loop, const struct program *program);

/* Accepts nothing more, and closes connections on which nothing has come. */
void connection_stop(void);

/* Requests that are being worked on. */
int connection_requests(void);

#endif
