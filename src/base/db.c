#include "db.h"
#include "bulk.h"
#include "first.h"
#include "log.h"
#include "loop.h"

#include <stdlib.h>
#include <string.h>

/* PostgreSQL cancels a statement after 5 s; a connection that says nothing for longer is dead. */
static const struct timeval answer_timeout = {8, 0};

enum { BACKOFF_FIRST_MS = 50, BACKOFF_MAX_MS = 1000 };

/* DOWN waits for its retry, with nothing open.  CONNECTING: libpq is at it, and says which event it waits for.  PREPARING: all
 * statements are on their way, and the sync behind them comes back.  IDLE: it is in the list idle, and nothing is expected.  BUSY:
 * its job's results come.  Each state that waits for PostgreSQL has a time in which to hear from it; past that, or by any
 * error, connection_lost() makes it DOWN.  IDLE and BUSY are counted in alive. */
struct connection {
    PGconn *pg;
    struct event *readable, *writable, *retry;
    enum { DOWN, CONNECTING, PREPARING, IDLE, BUSY } state;
    struct job *job; /* BUSY: whose results are being read */
    int backoff_ms;
    SLIST_ENTRY(connection) idle;
};

static struct event_base *loop;
static struct event *impatience; /* pending while a job waits, for the deadline of the first */
static struct statement **prepared;
static int prepared_count;
static const char *conninfo;
static struct connection *connections;
static int connection_count, alive, busy;

/* Connections in the state IDLE, the last used first: taken by db_run(), or lost. */
static SLIST_HEAD(idle_list, connection) idle = SLIST_HEAD_INITIALIZER(idle);

/* Jobs that nobody has sent, in the order of their deadlines, because no connection is free or there are enough like them
 * (bulk.h); at the head also those that were sent and lost, with a deadline that is past.  They leave by a connection that
 * becomes free, some in the company of others, or by on_impatience(), which says that they are lost. */
static struct job_queue queue = STAILQ_HEAD_INITIALIZER(queue);

static void on_socket(evutil_socket_t fd, short what, void *arg);

void db_end(struct job *job)
{
    busy--;
    bulk_end(job);
    job_end(job);
}

static bool flush(struct connection *c)
{
    int left = PQflush(c->pg);

    if (left == 1)
        loop_add(c->writable, NULL);
    return left >= 0;
}

static void connection_lost(struct connection *c);

static void connection_give(struct connection *c, struct job *job)
{
    c->state = BUSY;
    c->job = job;
    bulk_begin(job);
    loop_add(c->readable, &answer_timeout);
    if (!job_send(job, c->pg) || !flush(c))
        connection_lost(c);
}

/* Answers for the jobs that have waited past their deadline, or for all. */
static void queue_fail(long now)
{
    struct job *job;

    while ((job = STAILQ_FIRST(&queue)) && (alive == 0 || job->deadline <= now)) {
        STAILQ_REMOVE_HEAD(&queue, waiting);
        job->lost = true;
        db_end(job);
    }
}

static void on_impatience(evutil_socket_t fd, short what, void *arg)
{
    const struct job *first_waiting;
    long now = loop_now();

    (void)fd, (void)what, (void)arg;
    queue_fail(now);
    if ((first_waiting = STAILQ_FIRST(&queue))) {
        long left = first_waiting->deadline - now;
        loop_add(impatience, &(struct timeval){left / 1000, left % 1000 * 1000});
    }
}

static struct job *queue_runnable(void)
{
    struct job *one;

    STAILQ_FOREACH(one, &queue, waiting)
        if (bulk_may_run(one))
            return one;
    return NULL;
}

/* The first that waits and may run, with those that can be done at once with it. */
static struct job *queue_next(void)
{
    struct job *next = queue_runnable(), *all;

    if (!next)
        return NULL;
    STAILQ_REMOVE(&queue, next, job, waiting);
    all = bulk_gather(next, &queue);
    if (all != next) {
        busy++;
        job_begin(all, next->deadline);
    }
    return all;
}

static void connection_idle(struct connection *c)
{
    struct job *next;

    c->job = NULL;
    queue_fail(loop_now());
    if ((next = queue_next())) {
        connection_give(c, next);
        return;
    }
    c->state = IDLE;
    event_remove_timer(c->readable);
    SLIST_INSERT_HEAD(&idle, c, idle);
}

static void connection_lost(struct connection *c)
{
    struct job *job = c->state == BUSY ? c->job : NULL;
    struct timeval wait = {c->backoff_ms / 1000, c->backoff_ms % 1000 * 1000L};

    if (c->state != CONNECTING) /* the retries that follow say nothing new */
        log_error("lost a PostgreSQL connection: %s", c->pg ? PQerrorMessage(c->pg) : "out of memory");
    if (c->state == IDLE)
        SLIST_REMOVE(&idle, c, connection, idle);
    if (c->state == IDLE || c->state == BUSY)
        alive--;
    if (c->readable)
        event_free(c->readable);
    if (c->writable)
        event_free(c->writable);
    c->readable = c->writable = NULL;
    PQfinish(c->pg);
    c->pg = NULL;
    c->job = NULL;
    c->state = DOWN;
    c->backoff_ms = c->backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : c->backoff_ms * 2;
    loop_add(c->retry, &wait);
    if (job) {
        job->deadline = 0;
        STAILQ_INSERT_HEAD(&queue, job, waiting);
    }
    event_active(impatience, EV_TIMEOUT, 1); /* nobody hears done() from within db_run() */
}

static bool watch(struct connection *c)
{
    if (c->readable)
        event_free(c->readable);
    if (c->writable)
        event_free(c->writable);
    c->readable = event_new(loop, PQsocket(c->pg), EV_READ | EV_PERSIST, on_socket, c);
    c->writable = event_new(loop, PQsocket(c->pg), EV_WRITE, on_socket, c);
    return c->readable && c->writable;
}

/* All statements go out in one pipeline; the connection serves when its sync comes back. */
static void connection_prepare(struct connection *c)
{
    bool sent = watch(c) && event_add(c->readable, &answer_timeout) == 0;
    c->state = PREPARING;
    sent = sent && PQsetnonblocking(c->pg, 1) == 0 && PQenterPipelineMode(c->pg) == 1;
    for (int i = 0; sent && i < prepared_count; i++)
        sent = PQsendPrepare(c->pg, prepared[i]->name, prepared[i]->sql, 0, NULL) == 1;
    if (!sent || PQpipelineSync(c->pg) != 1 || !flush(c))
        connection_lost(c);
}

static void connection_poll(struct connection *c)
{
    PostgresPollingStatusType status = PQconnectPoll(c->pg);

    if (status == PGRES_POLLING_FAILED) {
        connection_lost(c);
    } else if (status == PGRES_POLLING_OK) {
        connection_prepare(c);
    } else if (!watch(c)) { /* again, for libpq may have opened another socket */
        connection_lost(c);
    } else {
        loop_add(status == PGRES_POLLING_READING ? c->readable : c->writable, &answer_timeout);
    }
}

/* Warnings are of functions that go on after a failure (api.clerk_due). */
static void on_notice(void *arg, const PGresult *notice)
{
    const char *severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *message = PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY);

    (void)arg;
    if (severity && strcmp(severity, "WARNING") == 0)
        log_error("PostgreSQL warns: %s", message ? message : "");
}

static void connection_start(evutil_socket_t fd, short what, void *arg)
{
    struct connection *c = arg;

    (void)fd, (void)what;
    c->state = CONNECTING;
    c->pg = PQconnectStart(conninfo);
    if (!c->pg || PQstatus(c->pg) == CONNECTION_BAD || !watch(c)) {
        connection_lost(c);
        return;
    }
    PQsetNoticeReceiver(c->pg, on_notice, NULL);
    loop_add(c->writable, &answer_timeout);
}

static void job_finished(struct connection *c)
{
    struct job *job = c->job;

    if (job_again(job)) {
        connection_give(c, job);
        return;
    }
    c->backoff_ms = BACKOFF_FIRST_MS;
    bulk_end(job); /* those like it may go on with this connection */
    connection_idle(c);
    db_end(job);
}

/* Reads what has arrived; false when the connection is of no more use. */
static bool connection_read(struct connection *c)
{
    int nulls = 0;

    if (!PQconsumeInput(c->pg))
        return false;
    while (!PQisBusy(c->pg) && nulls < 2) {
        PGresult *result = PQgetResult(c->pg);
        ExecStatusType status = PQresultStatus(result);
        if (!result) {
            nulls++;
            continue;
        }
        nulls = 0;
        if (c->state == PREPARING && status == PGRES_FATAL_ERROR) { /* another schema, for the moment, or no memory */
            log_error("could not prepare a statement: %s", PQresultErrorMessage(result));
            PQclear(result);
            return false;
        }
        if (status == PGRES_PIPELINE_SYNC) {
            PQclear(result);
            if (c->state == PREPARING)
                alive++, connection_idle(c);
            else if (c->state == BUSY)
                job_finished(c);
            return true;
        }
        if (c->state == BUSY)
            job_take(c->job, result);
        else
            PQclear(result);
    }
    return PQstatus(c->pg) == CONNECTION_OK;
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
    struct connection *c = arg;

    (void)fd;
    if (what & EV_TIMEOUT)
        connection_lost(c);
    else if (c->state == CONNECTING)
        connection_poll(c);
    else if (((what & EV_WRITE) && !flush(c)) || ((what & EV_READ) && !connection_read(c)))
        connection_lost(c);
}

void db_open(struct event_base *base, const char *program, struct statement **statements, int count, long wanted)
{
    loop = base;
    prepared = statements;
    prepared_count = count;
    connection_count = (int)wanted;
    conninfo = first_open(program, statements, count);
}

void db_start(void)
{
    first_close();
    connections = calloc((size_t)connection_count, sizeof *connections);
    impatience = loop_timer(loop, on_impatience, NULL);
    if (!connections)
        log_fatal("out of memory");
    for (int i = 0; i < connection_count; i++) {
        connections[i].retry = loop_timer(loop, connection_start, &connections[i]);
        connections[i].backoff_ms = BACKOFF_FIRST_MS;
        connection_start(-1, 0, &connections[i]);
    }
    /* the first request must not find nobody at home */
    while (alive == 0)
        event_base_loop(loop, EVLOOP_ONCE);
}

/* On a free connection, or else behind those that wait. */
static void run(struct job *job)
{
    struct connection *c = bulk_may_run(job) ? SLIST_FIRST(&idle) : NULL;

    if (c) {
        SLIST_REMOVE_HEAD(&idle, idle);
        connection_give(c, job);
    } else {
        STAILQ_INSERT_TAIL(&queue, job, waiting);
        if (!event_pending(impatience, EV_TIMEOUT, NULL))
            loop_add(impatience, &(struct timeval){DB_WAIT_MS / 1000, DB_WAIT_MS % 1000 * 1000});
        if (alive == 0)
            event_active(impatience, EV_TIMEOUT, 1);
    }
}

void db_run(struct job *job)
{
    busy++;
    job_begin(job, loop_now() + DB_WAIT_MS);
    run(job);
}

void db_again(struct job *job)
{
    run(job);
}

int db_busy(void)
{
    return busy;
}

int db_connections(void)
{
    return alive;
}

int db_waiting(void)
{
    return job_count(&queue);
}

void db_close(void)
{
    for (int i = 0; i < connection_count; i++) {
        struct connection *c = &connections[i];
        if (c->readable)
            event_free(c->readable);
        if (c->writable)
            event_free(c->writable);
        event_free(c->retry);
        PQfinish(c->pg);
    }
    event_free(impatience);
    free(connections);
    connections = NULL;
    connection_count = 0;
    SLIST_INIT(&idle);
}
