#include "loop.h"
#include "log.h"

#include <time.h>

struct event_base *loop_new(void)
{
    struct event_base *base = event_base_new();

    if (!base)
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

long loop_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
