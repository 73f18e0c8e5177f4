/*
 * Whether a whole FastCGI request has arrived on a connection.
 *
 * libfcgi reads and blocks until it has what it wants, and one event loop serves everybody: whoever connects and sends
 * half a record would stop the program for all.  So nothing is read before the request is there to its end, the empty
 * record of its body.  nginx reads a body before it passes it on, and then sends head and body at once; with at most
 * 64 KiB of body and 40 of head both are in the socket together.
 */
#ifndef IM_ARRIVAL_H
#define IM_ARRIVAL_H

#include <stddef.h>

enum { ARRIVAL_MAX = 131072 };

/* WHOLE: libfcgi will not wait.  PART: there is more to come.  OVER: the peer has gone, or sends no request. */
enum arrival { ARRIVAL_WHOLE, ARRIVAL_PART, ARRIVAL_OVER };

/* Looks at what the socket holds, and leaves it there. */
enum arrival arrival_look(int fd);

/* The same of bytes. */
enum arrival arrival_of(const unsigned char *bytes, size_t length);

#endif
