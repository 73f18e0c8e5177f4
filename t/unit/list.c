/*
 * A long list goes out in pieces, as nginx takes them, and others are served between two of them.
 */
#include "base/code.h"
#include "serve/list.h"
#include "serve/reply.h"
#include "serve/request.h"

#include <event2/event.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tap.h"

enum { MANY = 10000, ROW = 11 + 100 };

static struct event_base *loop;
static const struct program program = {.name = "test"};
static const struct route route = {"GET", "/group/members/{groupId}", USER, LIST, NULL, NULL};
static struct request r;
static int nginx; /* its end of the connection */
static bool finished;
static int reads, turns; /* of nginx; of somebody else */
static unsigned char taken[4 << 20], body[4 << 20];
static size_t taken_length;

static void on_over(struct request *of)
{
    (void)of;
    event_base_loopbreak(loop);
}

static void on_finish(struct request *of)
{
    finished = true;
    output_end(of);
    if (output_send(of, on_over))
        on_over(of);
}

/* Somebody else, for whom it is time whenever nginx has read. */
static void on_turn(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
    turns++;
}

static void on_read(evutil_socket_t fd, short what, void *other)
{
    ssize_t n = read(fd, taken + taken_length, sizeof taken - taken_length);

    (void)what;
    taken_length += n > 0 ? (size_t)n : 0;
    reads++;
    event_active(other, EV_TIMEOUT, 1);
}

static PGresult *rows(int count)
{
    static char name[] = "name", text[ROW];
    PGresAttDesc column = {.name = name, .typid = 25};
    PGresult *made = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);

    PQsetResultAttrs(made, 1, &column);
    for (int row = 0; row < count; row++) {
        snprintf(text, sizeof text, "%0100d", row);
        PQsetvalue(made, row, 0, text, 100);
    }
    return made;
}

static void begin(int count)
{
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0 || fcntl(ends[1], F_SETFL, O_NONBLOCK) != 0)
        exit(1);
    nginx = ends[1];
    r = (struct request){.program = &program,
                         .route = &route,
                         .method = "GET",
                         .path = "/",
                         .finish = on_finish,
                         .parameters = (char *[]){NULL},
                         .output = {.socket = ends[0], .id = 1},
                         .rows = rows(count)};
    request_pool(&r);
    finished = false;
    reads = turns = 0;
    taken_length = 0;
}

static void end(void)
{
    close(r.output.socket);
    close(nginx);
    output_free(&r.output);
    request_pool_free(&r);
    PQclear(r.rows);
}

/* What the answer's records have behind its headers. */
static const char *content(void)
{
    size_t length = 0;

    for (size_t at = 0, size; at + 8 <= taken_length; at += 8 + size) {
        size = (size_t)taken[at + 4] << 8 | taken[at + 5];
        if (taken[at + 1] == 6) /* stdout */
            memcpy(body + length, taken + at + 8, size);
        length += taken[at + 1] == 6 ? size : 0;
    }
    body[length] = '\0';
    const char *blank = strstr((char *)body, "\r\n\r\n");
    return blank ? blank + 4 : "";
}

/* All rows, each once, in their order. */
static bool whole(const char *json, int count)
{
    char row[ROW + 8];

    for (int i = 0; i < count; i++) {
        int n = snprintf(row, sizeof row, "%s{\"name\":\"%0100d\"}", i ? "," : "[", i);
        if (strncmp(json, row, (size_t)n) != 0)
            return false;
        json += n;
    }
    return strcmp(json, "]}") == 0;
}

static const char *data(void)
{
    const char *found = strstr(content(), "\"data\":");

    return found ? found + 7 : "";
}

static void check_long(void)
{
    struct event *other = event_new(loop, -1, 0, on_turn, NULL), *reading;

    begin(MANY);
    reading = event_new(loop, nginx, EV_READ | EV_PERSIST, on_read, other);
    event_add(reading, NULL);
    ok(list_wanted(&r) && list_is_long(&r), "ten thousand rows are a long list");
    list_begin(&r);
    ok(!r.answered && r.row > 0 && r.row < 2 * LIST_PIECE / ROW, "of which a piece is made first: %d rows", r.row);
    event_base_dispatch(loop);
    on_read(nginx, 0, other);
    ok(finished && reads > 5 && turns > 5, "others are served meanwhile: %d times", turns);
    ok(whole(data(), MANY), "it is whole");
    ok(strstr((char *)body, "X-IM-Code: 200\r\n") && !strstr((char *)body, "Content-Length"),
       "with the headers of every answer but a length");
    event_free(reading);
    event_free(other);
    end();
}

static void check_left(void)
{
    begin(MANY);
    close(nginx);
    nginx = dup(0);
    list_begin(&r);
    event_base_dispatch(loop);
    ok(finished && r.output.broken && r.row < 2 * LIST_PIECE / ROW, "for who has left no more is made");
    end();
}

static void check_short(void)
{
    begin(20);
    ok(!list_is_long(&r), "a short list");
    reply_rows(&r, r.rows);
    ok(r.answered && output_send(&r, on_over), "goes out at once");
    taken_length = (size_t)read(nginx, taken, sizeof taken);
    ok(whole(data(), 20) && strstr((char *)body, "Content-Length: "), "whole, with a length");
    end();
}

int main(void)
{
    loop = event_base_new();
    output_open(loop);
    check_long();
    check_left();
    check_short();
    event_base_free(loop);
    return done_testing();
}
