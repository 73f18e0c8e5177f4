#include "loop.h"
#include "log.h"

#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

/* More events than ever have a time at once: two for each of 400 connections of nginx and 64 of PostgreSQL, and the timers. */
enum { TIMES = 1024 };

static void ignore(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
}

/* libevent's room for times grows with them and stays: none that is set later needs memory. */
static bool reserve(struct event_base *base)
{
    static const struct timeval hour = {3600, 0};
    struct event *events = calloc(TIMES, sizeof *events);
    bool room = events != NULL;
    int n = 0;

    for (; room && n < TIMES; n++)
        room = event_assign(&events[n], base, -1, 0, ignore, NULL) == 0 && event_add(&events[n], &hour) == 0;
    while (n--)
        event_del(&events[n]);
    free(events);
    return room;
}

struct event_base *loop_new(void)
{
    struct event_base *base = event_base_new();

    if (!base || !reserve(base))
        log_fatal("could not make an event loop: out of memory");
    return base;
}

struct event *loop_event(struct event_base *base, evutil_socket_t fd, short what, event_callback_fn run, void *arg)
{
    struct event *event = event_new(base, fd, what, run, arg);

    if (!event)
        log_fatal("could not make an event: out of memory");
    return event;
}

struct event *loop_timer(struct event_base *base, event_callback_fn run, void *arg)
{
    return loop_event(base, -1, 0, run, arg);
}

struct event *loop_signal(struct event_base *base, int signal, event_callback_fn run, void *arg)
{
    return loop_event(base, signal, EV_SIGNAL | EV_PERSIST, run, arg);
}

void loop_add(struct event *event, const struct timeval *wait)
{
    if (event_add(event, wait) != 0)
        event_active(event, EV_TIMEOUT, 1);
}

long loop_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
