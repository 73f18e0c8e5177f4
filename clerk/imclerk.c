/*
 * imclerk: the one daemon.  It publishes what crashed programs left in the outbox, keeps the register of sockets to what
 * nchan says, watches the push instance, runs what is due (refunds, expiries), puts messages where administrators find
 * them, and removes the bytes of files that are gone.  Several may run at once: every job is safe to do twice.  See
 * imclerk(8); the rules are in sql/api/clerk.sql.
 */
#include "base/config.h"
#include "base/db.h"
#include "base/http.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/push.h"
#include "base/store.h"
#include "register.h"
#include "watch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

enum { TICK_MS = 500, NAMES_SIZE = 32768 };

static struct event_base *loop;
static struct event *tick;

/* At most so many events are taken from the outbox at once; they are at least IM_OUTBOX_AGE old. */
static struct statement outbox = {.sql = "select * from api.clerk_outbox($1::interval, 500)"};
static struct statement due = {.sql = "select * from api.clerk_due()"};
static struct statement search = {.sql = "select from api.clerk_search()"};
static struct statement file_gone = {.sql = "select name from api.clerk_file_gone()"};
static struct statement file_forget = {.sql = "select from api.clerk_file_forget($1)"};

static const char *outbox_values[1];
static struct job outbox_job, due_job, search_job, forget_job;
static bool outbox_running, due_running, search_running, forget_running;
static bool stopping; /* begins nothing more, and ends when what runs in PostgreSQL is done */

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

static void search_done(struct job *job)
{
    search_running = false;
    complain(job, "put messages where they are found");
}

/* In a transaction of its own, so that whoever recalls a message waits for nothing else. */
static void search_go_on(void)
{
    if (search_running)
        return;
    search_job = (struct job){.steps = {{.statement = &search}}, .count = 1, .done = search_done};
    search_running = true;
    db_run(&search_job);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct timeval wait = {0, TICK_MS * 1000};

    (void)fd, (void)what, (void)arg;
    if (stopping)
        return;
    loop_add(tick, &wait);
    register_tick();
    search_go_on();
    if (!outbox_running && push_busy() == 0) {
        outbox_job = (struct job){.steps = {{.statement = &outbox, .values = outbox_values}}, .count = 1, .done = outbox_done};
        outbox_running = true;
        db_run(&outbox_job);
    }
    if (!due_running) {
        due_job = (struct job){
            .steps = {{.statement = &due}, {.statement = &push_left}, {.statement = &file_gone}}, .count = 3, .done = due_done};
        due_running = true;
        db_run(&due_job);
    }
}

static void on_stop(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
    stopping = true;
    register_stop();
}

int main(int argc, char **argv)
{
    struct statement *statements[] = {&outbox,    &due,       &search,           &file_gone,      &file_forget,
                                      &push_left, &push_told, &register_sockets, &register_begin, &register_doubtful};
    int count = sizeof statements / sizeof *statements;
    struct timeval now = {0, 0};

    log_open("imclerk");
    if (argc == 2 && strcmp(argv[1], "--calls") == 0)
        return statement_print(statements, count);
    config_load();
    prctl(PR_SET_DUMPABLE, 0);
    signal(SIGPIPE, SIG_IGN);
    outbox_values[0] = config_text("IM_OUTBOX_AGE", "1.5 seconds");
    if (!store_open())
        log_fatal("could not open the folder IM_FILES: %s", strerror(errno));
    loop = loop_new();
    struct event *term = loop_signal(loop, SIGTERM, on_stop, NULL);
    db_open(loop, "clerk", statements, count, config_number("IM_DB_CONNECTIONS", 2, 1, 64));
    db_start();
    if (event_add(term, NULL) != 0) /* until here a signal simply ends the process */
        log_fatal("could not wait for signals");
    http_open(loop);
    push_open(loop, PUSH_FOR_EVER);
    register_open(loop);
    watch_open(loop);
    tick = loop_timer(loop, on_tick, NULL);
    loop_add(tick, &now);
    log_info("ready");
    do
        event_base_loop(loop, EVLOOP_ONCE);
    while (!stopping || db_busy());
    log_info("stopped");
    register_close();
    watch_close();
    push_close();
    db_close();
    event_free(term);
    return EXIT_SUCCESS;
}
