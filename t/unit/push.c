/*
 * Publishing, to a publisher of its own that answers as it is told to: late, half, not at all, or goes away; and with a
 * database that only notes what is told.
 */
#include "base/publisher.h"
#include "base/push.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "peer.h"
#include "tap.h"

/* --- the database --- */

static char told[65536];
static struct job *running;

void db_run(struct job *job)
{
    snprintf(told + strlen(told), sizeof told - strlen(told), "%s", job->steps[0].values[0]);
    running = job;
}

/* Ends the job that runs. */
static void job_finish(void)
{
    struct job *job = running;

    if (!job)
        return;
    running = NULL;
    PGresult *rows = job->steps[0].result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    job->done(job);
    PQclear(rows);
}

/* Whether this is what has been told since it was last asked: the arrays, one behind the other. */
static bool told_is(const char *expected)
{
    bool same = strcmp(told, expected) == 0;

    if (!same)
        printf("# told %s\n", told);
    *told = '\0';
    return same;
}

/* --- events --- */

static PGresult *rows;

static void row_add(const char *txid, const char *channels, const char *body)
{
    static char names[][9] = {"refusal", "txid", "channels", "body"};

    if (!rows) {
        PGresAttDesc columns[4] = {{0}};
        for (int i = 0; i < 4; i++)
            columns[i].name = names[i];
        rows = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
        PQsetResultAttrs(rows, 4, columns);
    }
    int n = PQntuples(rows);
    PQsetvalue(rows, n, 0, NULL, -1);
    PQsetvalue(rows, n, 1, (char *)txid, (int)strlen(txid));
    PQsetvalue(rows, n, 2, (char *)channels, (int)strlen(channels));
    PQsetvalue(rows, n, 3, (char *)body, (int)strlen(body));
}

static void rows_push(void)
{
    push_events(rows);
    PQclear(rows);
    rows = NULL;
}

static void push_one(const char *txid, const char *channels, const char *body)
{
    row_add(txid, channels, body);
    rows_push();
}

/* "c1,c2,…": the caller's to free. */
static char *many(int count)
{
    char *text = malloc((size_t)count * 8 + 9), *end = text;

    for (int i = 1; i <= count; i++)
        end += snprintf(end, 9, "%sc%d", i > 1 ? "," : "", i);
    return text;
}

static long now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Runs the loop until it holds, for 20 s at most. */
#define until(holds)                                                                                                               \
    for (long end = now_ms() + 20000; !(holds) && now_ms() < end;)                                                                 \
    event_base_loop(loop, EVLOOP_ONCE), job_finish()

static bool order_is(const char *expected)
{
    char seen[4096] = "";

    for (int i = 0; i < got; i++)
        snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s%s", i ? " " : "", requests[i].body);
    if (strcmp(seen, expected) != 0)
        printf("# %s\n", seen);
    return strcmp(seen, expected) == 0;
}

/* --- what must hold --- */

static int outs, one = 1;

static void on_out(void *owner)
{
    outs += *(int *)owner;
}

static void publish_one(const char *channels, const char *body, void (*out)(void *owner), void *owner)
{
    if (!push_body(channels, body, out, owner))
        exit(1);
}

static void check_order(void)
{
    become(HOLDS, 201);
    row_add("7", "c1", "a");
    row_add("7", "c1,c2", "b");
    row_add("8", "c1", "c");
    row_add("9", "", "nobody");
    rows_push();
    publish_one("c5", "d", on_out, &one);
    until(got == 4);
    ok(order_is("a b c d") && connections == 1, "events go out in order, without waiting for answers");
    ok(strncmp(requests[0].line, "POST /pub?id=c1 HTTP/1.", 23) == 0, "to their channels");
    ok(told_is("{9}"), "an event for nobody is told at once, others are not");
    answer_held(1);
    until(held == 3);
    ok(told_is(""), "nor is a transaction of which one event is out");
    answer_held(3);
    until(push_busy() == 0);
    ok(told_is("{7}{8}"), "all are when all their events are");
    ok(outs == 1, "whoever waits for an event hears once that it is out");
}

static void check_depth(void)
{
    become(HOLDS, 202);
    for (int i = 0; i < 20; i++)
        publish_one("c1", "x", NULL, NULL);
    until(got == PUBLISHER_DEPTH);
    ok(push_busy() == 20, "twenty wait");
    answer_held(got);
    until(got == 20);
    answer_held(4);
    until(push_busy() == 0);
    ok(connections == 0 || connections == 1, "one connection is enough for all");
}

/* Answers one request after the other, as the publisher of a big group does. */
static void answer_slowly(int count)
{
    for (int before = got - held; got - held < before + count;) {
        until(held > 0);
        answer_held(1);
        event_base_loop(loop, EVLOOP_ONCE);
    }
}

static void check_lanes(void)
{
    char *channels = many(1000);

    become(HOLDS, 201);
    push_one("20", channels, "big");
    until(held == 2);
    push_one("21", "c1", "small");
    answer_slowly(4);
    until(got == 6);
    answer_held(6);
    until(push_busy() == 0);
    ok(order_is("big big small big big big"), "a small event goes between the slices of a large one, of which two are under way");
    ok(requests[0].channels == 200 && requests[5].channels == 200, "a slice has 200 channels");
    until(push_busy() == 0);
    ok(told_is("{21}{20}"), "each is told when it is out");
    become(HOLDS, 201);
    push_one("22", channels, "big");
    for (int i = 0; i < 100; i++)
        publish_one("c1", "s", NULL, NULL);
    int bigs = 0, gap = 0, longest = 0;
    answer_slowly(105);
    for (int i = 0; i < got; i++) {
        bool big = strcmp(requests[i].body, "big") == 0;
        bigs += big;
        gap = big ? 0 : gap + 1;
        if (bigs > 0 && bigs < 5 && gap > longest)
            longest = gap;
    }
    ok(bigs == 5 && longest <= 8 + PUBLISHER_DEPTH, "many small ones do not keep a large one waiting (%d)", longest);
    until(push_busy() == 0);
    ok(told_is("{22}"), "which is told");
    free(channels);
}

static void check_refusals(void)
{
    become(ANSWERS, 507);
    push_one("30", "c1", "x");
    until(push_busy() == 0);
    ok(told_is(""), "what nchan refuses is not told");
    become(ANSWERS, 404);
    push_one("31", "c1", "");
    until(push_busy() == 0);
    ok(strncmp(requests[0].line, "DELETE ", 7) == 0 && told_is("{31}"), "a socket to close that is gone is closed");
    char *channels = many(1000);
    become(ANSWERS, 403);
    push_one("32", channels, "x");
    until(push_busy() == 0);
    ok(got <= 2 && told_is(""), "of what is refused nothing more is sent");
    free(channels);
}

static void check_closes(void)
{
    become(ANSWERS, 201);
    leave();
    most = 3;
    for (int i = 0; i < 10; i++)
        push_one((char[]){'4', (char)('0' + i), '\0'}, "c1", "x");
    until(push_busy() == 0);
    ok(connections == 4, "what a connection has not answered goes out over the next");
    ok(strlen(told) >= 30, "and is told");
    *told = '\0';
    become(ANSWERS, 201);
    leave();
    most = 3;
    says_so = true;
    for (int i = 0; i < 10; i++)
        publish_one("c1", "x", on_out, &one);
    outs = 0;
    until(push_busy() == 0);
    ok(connections == 4 && outs == 10 && got == 10, "also when the answer says that it is the last");
}

static void check_hostile(int how, const char *title)
{
    long start = now_ms();

    become(how, 201);
    leave();
    outs = 0;
    push_one("50", "c1", "x");
    publish_one("c1", "y", on_out, &one);
    for (int i = 0; i < 30; i++)
        push_one("51", "c1", "z");
    until(push_busy() == 0);
    ok(outs == 1 && told_is(""), "a publisher that %s: nothing is told, all is over after %ld ms", title, now_ms() - start);
    become(ANSWERS, 201);
    push_one("52", "c1", "x");
    until(push_busy() == 0);
    ok(told_is("{52}"), "and it is tried anew");
}

static void check_bounds(void)
{
    char *body = malloc(100001);
    int added = 0;

    memset(body, 'x', 100000);
    body[100000] = '\0';
    become(HOLDS, 201);
    leave();
    while (added < 1000 && push_body("c1", body, NULL, NULL))
        added++;
    ok(added == PUSH_QUEUE_BYTES / 100000 + 1, "the queue has %d MiB: %d of 1,000 find room", PUSH_QUEUE_BYTES >> 20, added);
    push_one("60", "c1", "late");
    until(push_busy() == 0);
    ok(got == PUBLISHER_DEPTH && told_is(""), "who waits for a second is not sent, nor told");
    free(body);
}

static void check_nobody(struct evconnlistener **listener, const char *path)
{
    evconnlistener_free(*listener);
    unlink(path);
    leave();
    push_one("70", "c1", "x");
    until(push_busy() == 0);
    ok(told_is(""), "without a publisher nothing is told");
    push_one("71", "c1", "y");
    become(ANSWERS, 201);
    *listener = listen_at(path);
    until(push_busy() == 0);
    ok(told_is("{71}"), "what comes while it starts is published when it is there");
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
}

int main(void)
{
    char folder[] = "/tmp/im-push.XXXXXX", path[64], address[80];

    if (!mkdtemp(folder))
        return 1;
    signal(SIGPIPE, SIG_IGN);
    snprintf(path, sizeof path, "%s/s", folder);
    snprintf(address, sizeof address, "unix:%s", path);
    setenv("IM_PUBLISHER", address, 1);
    loop = event_base_new();
    struct event *tick = event_new(loop, -1, EV_PERSIST, on_tick, NULL);
    event_add(tick, &(struct timeval){0, 5000});
    struct evconnlistener *listener = listen_at(path);
    push_open(loop, PUSH_WAIT_MS);
    check_order();
    check_depth();
    check_lanes();
    check_refusals();
    check_closes();
    check_hostile(HALF, "answers half");
    check_hostile(HOLDS, "does not answer");
    check_hostile(NONSENSE, "does not speak HTTP");
    check_hostile(LEAVES, "leaves without an answer");
    check_bounds();
    check_nobody(&listener, path);
    push_one("80", "c1", "left"); /* freed with the queue */
    push_close();
    leave();
    evconnlistener_free(listener);
    event_free(tick);
    event_base_free(loop);
    unlink(path);
    rmdir(folder);
    return done_testing();
}
