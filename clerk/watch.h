/*
 * Watches the push instance on this machine, as nchan forgets to give back what clients took that left with frames
 * under way: 8 KiB and one connection of worker_connections for each.  When it has few connections left, or holds too
 * much memory, it is ended; its supervisor starts it anew, and clients connect again and pull.
 */
#ifndef IM_WATCH_H
#define IM_WATCH_H

#include <event2/event.h>

/* Looks at the instance behind IM_PUSH_EVENTS (default IM_PUBLISHER) every second.  Does nothing unless that is
 * unix:/path: only there is its process known, by the credentials of whoever listens. */
void watch_open(struct event_base *base);

void watch_close(void);

#endif
