/*
 * Events while there is no memory: a timer needs none, and who cannot wait for a descriptor hears that the time is over.
 */
#include "../memory/fail.c"

#include "base/loop.h"

#include <stdarg.h>

#include "tap.h"

enum { TIMERS = 1000 };

static int fired, told;

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
    fired++;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)arg;
    told = what;
}

int main(void)
{
    static struct event *timers[TIMERS];
    static struct plan failing;
    struct event_base *loop = loop_new();
    int ends[2];

    if (pipe(ends) != 0)
        return EXIT_FAILURE;
    struct event *readable = loop_event(loop, ends[0], EV_READ, on_readable, NULL);
    for (int i = 0; i < TIMERS; i++)
        timers[i] = loop_timer(loop, on_timer, NULL);
    plan = &failing;
    failing = (struct plan){.armed = 1, .nth = -1};
    for (int i = 0; i < TIMERS; i++)
        loop_add(timers[i], &(struct timeval){3600, 0});
    loop_add(readable, &(struct timeval){3600, 0});
    event_base_loop(loop, EVLOOP_NONBLOCK);
    failing.armed = 0;
    if (!under_valgrind()) {
        ok(told == EV_TIMEOUT, "who cannot wait for a descriptor is told %s", "at once");
        ok(failing.failed, "there was no memory: %d allocations were refused", failing.count);
    }
    ok(fired == 0, "all of %d timers wait", TIMERS);
    loop_add(timers[0], &(struct timeval){0, 1});
    event_base_loop(loop, EVLOOP_ONCE);
    ok(fired == 1, "and come: %s", "one");
    loop_add(readable, NULL);
    told = write(ends[1], "x", 1) == 1 ? 0 : -1;
    event_base_loop(loop, EVLOOP_ONCE);
    ok(told == EV_READ, "with memory the descriptor is %s", "heard");
    for (int i = 0; i < TIMERS; i++)
        event_free(timers[i]);
    event_free(readable);
    event_base_free(loop);
    return done_testing();
}
