/*
 * Answers on their way to an nginx that reads as fast as it likes, or not at all.
 */
#include "serve/request.h"

#include <event2/event.h>
#include <fastcgi.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tap.h"

enum { SIZE = 1 << 20 };

static struct event_base *loop;
static struct request r;
static int nginx; /* its end of the connection */
static int then, ticks;
static unsigned char taken[SIZE + 65536];
static size_t taken_length;

static void on_then(struct request *of)
{
    (void)of;
    then++;
    event_base_loopbreak(loop);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
    ticks++;
}

/* Takes some of what there is, as an event that others wait for. */
static void on_read(evutil_socket_t fd, short what, void *arg)
{
    ssize_t n = read(fd, taken + taken_length, taken_length + 10000 < sizeof taken ? 10000 : sizeof taken - taken_length);

    (void)what, (void)arg;
    taken_length += n > 0 ? (size_t)n : 0;
}

static void request_make(void)
{
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        exit(1);
    nginx = ends[1];
    memset(&r, 0, sizeof r);
    r.output.socket = ends[0];
    r.output.id = 258;
    then = ticks = 0;
    taken_length = 0;
}

static void request_end(void)
{
    close(r.output.socket);
    output_free(&r.output);
    close(nginx);
}

/* The answer in what was taken, as FastCGI has it; its length, -1 when it is not whole. */
static long answer_of(char *answer)
{
    long length = 0;

    for (size_t at = 0; at + 8 <= taken_length;) {
        size_t size = (size_t)taken[at + 4] << 8 | taken[at + 5];
        if (taken[at] != FCGI_VERSION_1 || taken[at + 2] != 1 || taken[at + 3] != 2 || at + 8 + size > taken_length)
            return -1;
        if (taken[at + 1] == FCGI_END_REQUEST)
            return at + 8 + size == taken_length ? length : -1;
        memcpy(answer + length, taken + at + 8, size);
        length += (long)size;
        at += 8 + size;
    }
    return -1;
}

int main(void)
{
    char *body = malloc(SIZE), *answer = malloc(SIZE + 65536);
    struct event *tick, *reading;

    loop = event_base_new();
    output_open(loop);
    tick = event_new(loop, -1, EV_PERSIST, on_tick, NULL);
    event_add(tick, &(struct timeval){0, 1000});
    for (int i = 0; i < SIZE; i++)
        body[i] = (char)('a' + i % 23);

    request_make();
    output_add(&r, "Status: 204 x\r\n\r\n", 17);
    output_end(&r);
    ok(output_send(&r, on_then) && !r.output.broken && then == 0, "a small answer is out at once");
    on_read(nginx, 0, NULL);
    ok(answer_of(answer) == 17 && memcmp(answer, "Status: 204 x\r\n\r\n", 17) == 0, "and arrives");
    request_end();

    request_make();
    output_add(&r, body, SIZE);
    output_end(&r);
    ok(!output_send(&r, on_then) && !r.output.broken, "a large one is not, where nginx does not read");
    event_base_loopexit(loop, &(struct timeval){0, 50000});
    event_base_dispatch(loop);
    ok(ticks > 0 && then == 0, "others are served meanwhile");
    reading = event_new(loop, nginx, EV_READ | EV_PERSIST, on_read, NULL);
    event_add(reading, NULL);
    event_base_dispatch(loop);
    ok(then == 1 && !r.output.broken, "it goes out as nginx reads, which is told once");
    while (taken_length < sizeof taken && answer_of(answer) < 0)
        on_read(nginx, 0, NULL);
    ok(answer_of(answer) == SIZE && memcmp(answer, body, SIZE) == 0, "and is whole");
    event_free(reading);
    request_end();

    request_make();
    output_add(&r, body, SIZE);
    ok(!output_send(&r, on_then), "nginx reads nothing at all");
    event_base_dispatch(loop);
    ok(then == 1 && r.output.broken, "after a while the connection is given up");
    request_end();

    request_make();
    close(nginx);
    nginx = dup(0);
    output_add(&r, body, SIZE);
    ok(output_send(&r, on_then) && r.output.broken && then == 0, "nginx has gone: nothing waits for it");
    request_end();

    event_free(tick);
    event_base_free(loop);
    free(body);
    free(answer);
    return done_testing();
}
