/*
 * imclerk: the one daemon.  It publishes what crashed programs left in the outbox, keeps presence from nchan's
 * channel events, watches the push instance, runs what is due (refunds, expiries), and removes the bytes of files that are
 * gone.  Several may run at once: every job is safe to do twice.  See imclerk(8); the rules are in sql/api/clerk.sql.
 */
#include "config.h"
#include "call.h"
#include "http.h"
#include "log.h"
#include "push.h"
#include "store.h"
#include "watch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

enum { TICK_MS = 500, LINE_MAX_LENGTH = 256, LINES_SIZE = 262144, NAMES_SIZE = 32768 };

static struct event_base *loop;
static struct event *tick, *reconnect;

/* At most so many events are taken from the outbox at once; they are at least IM_OUTBOX_AGE old. */
static struct statement outbox = {.sql = "select * from api.clerk_outbox($1::interval, 500)"};
static struct statement due = {.sql = "select * from api.clerk_due()"};
static struct statement file_gone = {.sql = "select name from api.clerk_file_gone()"};
static struct statement file_forget = {.sql = "select from api.clerk_file_forget($1)"};
static struct statement leave = {.sql = "select * from api.leave()"};
static struct statement presence = {.sql = "select from api.clerk_presence($1, $2)"};
static struct statement presence_reset = {.sql = "select from api.clerk_presence_reset($1)"};
static struct statement presence_forget = {.sql = "select from api.clerk_presence_forget($1)"};

static const char *outbox_values[1];
static struct job outbox_job, due_job, forget_job, presence_job;
static bool outbox_running, due_running, forget_running, presence_running;
static bool stopping; /* begins nothing more, and ends when what runs in PostgreSQL is done */

/* This clerk's push instance, and the lines of its presence stream that PostgreSQL has not yet heard, as the text of an
 * array that is still open. */
static const char *node;
static void stream_done(CURLcode result, long status);
static struct http stream = {.done = stream_done};
static char stream_url[300], line[LINE_MAX_LENGTH];
static size_t line_length;
static char lines[LINES_SIZE], telling[LINES_SIZE + 2];
static size_t lines_length;
static const struct statement *begin = &presence_forget; /* to run before any line; NULL once it has */
static const char *presence_values[2];

static void presence_next(void);
static void stream_start(evutil_socket_t fd, short what, void *arg);

static void complain(const struct job *job, const char *what)
{
    const char *message = job->failure ? PQresultErrorField(job->failure, PG_DIAG_MESSAGE_PRIMARY) : NULL;

    if (job->lost || job->failure)
        log_error("could not %s: %s", what, message ? message : "PostgreSQL is away");
}

static void outbox_done(struct job *job)
{
    outbox_running = false;
    complain(job, "read the outbox");
    if (job->steps[0].result)
        push_events(job->steps[0].result);
}

static void forget_done(struct job *job)
{
    forget_running = false;
    complain(job, "forget removed files");
}

/* Bytes first, then the names of those that could be removed; whatever ends in between is done again. */
static void files_remove(const PGresult *rows)
{
    static char names[NAMES_SIZE];
    static const char *values[] = {names};
    size_t length = 1;

    for (int row = 0; row < PQntuples(rows) && length + 100 < sizeof names; row++) {
        const char *name = PQgetvalue(rows, row, 0);
        if (store_remove(name))
            length += (size_t)snprintf(names + length, sizeof names - length, "%s%s", length > 1 ? "," : "", name);
        else
            log_error("could not remove the file %s: %s", name, strerror(errno));
    }
    if (length == 1)
        return;
    names[0] = '{';
    names[length] = '}';
    names[length + 1] = '\0';
    forget_job = (struct job){.steps = {{.statement = &file_forget, .values = values}}, .count = 1, .done = forget_done};
    forget_running = true;
    db_run(&forget_job);
}

static void due_done(struct job *job)
{
    due_running = false;
    complain(job, "run what is due");
    if (job->lost || job->failure)
        return;
    push_events(job->steps[1].result);
    if (!forget_running)
        files_remove(job->steps[2].result);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct timeval wait = {0, TICK_MS * 1000};

    (void)fd, (void)what, (void)arg;
    if (stopping)
        return;
    event_add(tick, &wait);
    presence_next();
    if (!outbox_running && push_busy() == 0) {
        outbox_job = (struct job){.steps = {{.statement = &outbox, .values = outbox_values}}, .count = 1,
                                  .done = outbox_done};
        outbox_running = true;
        db_run(&outbox_job);
    }
    if (!due_running) {
        due_job = (struct job){.steps = {{.statement = &due}, {.statement = &leave}, {.statement = &file_gone}}, .count = 3,
                               .done = due_done};
        due_running = true;
        db_run(&due_job);
    }
}

static void presence_done(struct job *job)
{
    presence_running = false;
    complain(job, "note presence");
    if (!job->lost && !job->failure)
        push_events(job->steps[1].result);
    if (job->lost || job->failure) {
        begin = &presence_forget; /* what was said meanwhile is worth nothing: begin anew, with the next tick */
        lines_length = 0;
        return;
    }
    presence_next();
}

static void presence_run(const struct statement *statement)
{
    presence_job = (struct job){
        .steps = {{.statement = statement, .values = presence_values}, {.statement = &leave}},
        .count = 2,
        .done = presence_done,
    };
    presence_running = true;
    db_run(&presence_job);
}

static void presence_next(void)
{
    if (presence_running || stopping)
        return;
    presence_values[0] = node;
    if (begin) {
        const struct statement *first = begin;
        begin = NULL;
        presence_run(first);
    } else if (lines_length) {
        snprintf(telling, sizeof telling, "{%.*s}", (int)lines_length, lines);
        lines_length = 0;
        presence_values[1] = telling;
        presence_run(&presence);
    }
}

/* "subscriber_enqueue 10001 4711 17 1764086400": nchan's word, account, connection, session, expiry (push.conf). */
static bool line_in_form(void)
{
    int n = -1;

    sscanf(line, "subscriber_%*[den]queue %*16[0-9] %*32[0-9a-zA-Z:.-] %*16[0-9] %*16[0-9]%n", &n);
    return n >= 0 && line[n] == '\0';
}

/* While PostgreSQL works the next lines gather, so that a crowd is told in few transactions. */
static void line_read(void)
{
    if (!line_in_form())
        return;
    if (lines_length + LINE_MAX_LENGTH + 3 > sizeof lines) {
        log_error("presence events come faster than PostgreSQL takes them");
        begin = &presence_forget;
        lines_length = 0;
    }
    lines_length += (size_t)snprintf(lines + lines_length, sizeof lines - lines_length, "%s\"%s\"",
                                     lines_length ? "," : "", line);
    presence_next();
}

static size_t on_stream(char *data, size_t size, size_t n, void *arg)
{
    (void)arg;
    for (size_t i = 0; i < size * n; i++) {
        if (data[i] == '\n') {
            line[line_length] = '\0';
            line_length = 0;
            line_read();
        } else if (line_length < sizeof line - 1) {
            line[line_length++] = data[i];
        }
    }
    return size * n;
}

/* The stream breaks with its push instance: whoever was online there is not. */
static void stream_done(CURLcode result, long status)
{
    struct timeval wait = {0, 200000};

    (void)result;
    if (status)
        log_info("presence stream ended: status %ld", status);
    line_length = 0;
    lines_length = 0;
    begin = &presence_reset;
    presence_next();
    event_add(reconnect, &wait);
}

static void stream_start(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
    http_start(&stream);
}

static void stream_open(void)
{
    char prefix[256];

    http_prepare(&stream, config_text("IM_PUSH_EVENTS", config_required("IM_PUBLISHER")), prefix, sizeof prefix);
    snprintf(stream_url, sizeof stream_url, "%s/events", prefix);
    curl_easy_setopt(stream.easy, CURLOPT_URL, stream_url);
    curl_easy_setopt(stream.easy, CURLOPT_WRITEFUNCTION, on_stream);
    reconnect = event_new(loop, -1, 0, stream_start, NULL);
    stream_start(-1, 0, NULL);
}

static void on_stop(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
    stopping = true;
}

int main(int argc, char **argv)
{
    struct statement *statements[] = {&outbox, &due, &file_gone, &file_forget, &leave, &presence, &presence_reset,
                                      &presence_forget, &push_told};
    int count = sizeof statements / sizeof *statements;
    struct timeval now = {0, 0};

    log_open("imclerk");
    if (argc == 2 && strcmp(argv[1], "--calls") == 0)
        return statement_print(statements, count);
    config_load();
    prctl(PR_SET_DUMPABLE, 0);
    signal(SIGPIPE, SIG_IGN);
    node = config_text("IM_NODE", "1");
    outbox_values[0] = config_text("IM_OUTBOX_AGE", "1.5 seconds");
    if (!store_open())
        log_fatal("could not open the folder IM_FILES: %s", strerror(errno));
    loop = event_base_new();
    struct event *term = evsignal_new(loop, SIGTERM, on_stop, NULL);
    db_open(loop, "clerk", statements, count, config_number("IM_DB_CONNECTIONS", 2, 1, 64));
    db_start();
    event_add(term, NULL); /* until here a signal simply ends the process */
    push_open(loop);
    stream_open();
    watch_open(loop);
    tick = event_new(loop, -1, 0, on_tick, NULL);
    event_add(tick, &now);
    log_info("ready");
    do
        event_base_loop(loop, EVLOOP_ONCE);
    while (!stopping || db_busy());
    log_info("stopped");
    http_close(&stream);
    watch_close();
    push_close();
    db_close();
    event_free(term);
    return EXIT_SUCCESS;
}
