/*
 * The register of sockets (im.connection), kept to what this clerk's push instance says.
 *
 * Handshakes note sockets.  nchan's channel events confirm them and take them away: a stream of lines that the clerk
 * reads.  What events it missed it asks for: when the stream begins, every socket of the instance is in doubt, and
 * nchan is asked about each.  A socket that was told to close, and is there still, is told again.
 */
#ifndef IM_REGISTER_H
#define IM_REGISTER_H

#include "base/db.h"

#include <event2/event.h>

/* To be registered with db_open. */
extern struct statement register_sockets, register_begin, register_doubtful;

/* Listens to the instance behind IM_PUSH_EVENTS (default IM_PUBLISHER), whose name is IM_NODE. */
void register_open(struct event_base *base);

/* To be called now and then: does what could not be done when it was due. */
void register_tick(void);

/* Begins nothing more in PostgreSQL. */
void register_stop(void);

void register_close(void);

#endif
