/*
 * The event loop, and the events that last as long as the process: made at start, where a lack of memory ends it.
 */
#ifndef IM_LOOP_H
#define IM_LOOP_H

#include <event2/event.h>

struct event_base *loop_new(void);

/* An event that is not yet added: a descriptor's, a timer's, a signal's. */
struct event *loop_event(struct event_base *base, evutil_socket_t fd, short what, event_callback_fn run, void *arg);
struct event *loop_timer(struct event_base *base, event_callback_fn run, void *arg);
struct event *loop_signal(struct event_base *base, int signal, event_callback_fn run, void *arg);

/* Adds the event, and waits for at most that time unless it is NULL.  A timer can always be added.  A descriptor's event for
 * which there is no memory hears at once that its time is over (EV_TIMEOUT). */
void loop_add(struct event *event, const struct timeval *wait);

/* Milliseconds, of a clock that nobody sets. */
long loop_now(void);

#endif
