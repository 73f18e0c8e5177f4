/*
 * The connection to nchan over which events are published: HTTP requests go out one behind the other, without waiting for
 * the answer to the one before, and answers come in the same order.
 *
 * nginx closes a connection after so many requests or seconds, and says so only afterwards: what a connection has not
 * answered that had answered something is sent again over the next.  So a publication may come twice, as any event.  When
 * nothing is answered for PUBLISHER_PATIENCE_MS, or there is nobody, all that was sent has failed; soon after it is tried anew.
 */
#ifndef IM_PUBLISHER_H
#define IM_PUBLISHER_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>

enum { PUBLISHER_DEPTH = 16, PUBLISHER_PATIENCE_MS = 2000, PUBLISHER_RETRY_MS = 100 };

/* A body for channels, at most 255, with commas between; an empty body closes their sockets.  All is the caller's, and stays
 * until done() is told. */
struct publication {
    const char *channels, *body;
    size_t channels_length, body_length;
    void *owner;
};

/* The address is unix:/path or host:port.  From the event loop, done() hears of each publication the status of its answer, 0
 * when there was none, and ready() that there is room again. */
void publisher_open(struct event_base *base, const char *address, void (*done)(void *owner, int status), void (*ready)(void));

/* How many publications may be sent now; none while nobody answers. */
int publisher_room(void);

/* Sends one; there must be room. */
void publisher_send(const struct publication *publication);

void publisher_close(void);

#endif
