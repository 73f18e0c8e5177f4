#include "push.h"
#include "config.h"
#include "log.h"
#include "loop.h"
#include "publisher.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* nchan takes 255 channels in one request.  While small events wait a large one is given every SMALL_TURNS-th place, and never
 * more than SLICES_MAX at once: nchan needs 3 ms for one to 200 sockets. */
enum { CHANNELS_MAX = 200, SMALL_TURNS = 8, SLICES_MAX = 2, TXID_SIZE = 24, TOLD_MAX = 200 };

/* Some events of one transaction, which is told when all are out and none has failed. */
struct transaction {
    char txid[TXID_SIZE];
    int left;
    bool failed;
};

/* A body on its way to one slice of channels after the other; in its lane until the last is sent, freed when that is answered.
 * Without a transaction it is not in the outbox. */
struct event_out {
    struct lane *lane;
    struct transaction *transaction;
    void (*out)(void *owner); /* to be called when it is out, or has failed; may be NULL */
    void *owner;
    long since;              /* in milliseconds */
    size_t size;             /* what it takes of PUSH_QUEUE_BYTES */
    const char *rest, *body; /* channels of which no slice has been sent, "" when all are */
    size_t body_length;
    int slices; /* sent and not answered */
    bool failed;
    STAILQ_ENTRY(event_out) next;
    char text[];
};

STAILQ_HEAD(lane, event_out);

struct statement push_told = {.sql = "select * from api.told($1)"};
struct statement push_left = {.sql = "select * from api.leave()"};

static struct lane small = STAILQ_HEAD_INITIALIZER(small), large = STAILQ_HEAD_INITIALIZER(large);
static int wait_for;      /* milliseconds, 0: for ever */
static int events;        /* in a lane or not yet answered, */
static size_t bytes;      /* so many */
static int slices, turns; /* of large events that are being answered; of small ones since the last large one */
static int late;          /* not published in time, or for lack of room, since that was last logged, */
static long late_logged;  /* in milliseconds */
static bool publishing;   /* publish() runs: whoever is told that an event is over may have another */

/* Transactions whose events are out, as the text of a PostgreSQL array that is still open. */
static char told[TOLD_MAX * TXID_SIZE], telling[TOLD_MAX * TXID_SIZE];
static size_t told_length;
static int told_count;
static const char *told_values[] = {telling};
static struct job told_job;
static bool told_running;

/* --- what is told --- */

static void told_send(void);

static void told_done(struct job *job)
{
    told_running = false;
    if (job->lost || job->failure)
        log_error("could not clear the outbox: events will be pushed again");
    else
        push_events(job->steps[0].result); /* for sockets that came meanwhile */
    if (told_count)
        told_send();
}

static void told_send(void)
{
    snprintf(telling, sizeof telling, "{%.*s}", (int)told_length, told);
    told_length = 0;
    told_count = 0;
    told_job = (struct job){.steps = {{.statement = &push_told, .values = told_values}}, .count = 1, .done = told_done};
    told_running = true;
    db_run(&told_job);
}

/* While one deletion runs the next ones gather, so that a busy program deletes many at a time.  When more than
 * TOLD_MAX gather, the clerk takes the rest: it tells twice, which is allowed. */
static void told_add(const char *txid)
{
    if (told_count < TOLD_MAX - 1) {
        told_length += (size_t)snprintf(told + told_length, sizeof told - told_length, "%s%s", told_count ? "," : "", txid);
        told_count++;
    }
    if (!told_running)
        told_send();
}

static void transaction_leave(struct transaction *t, bool failed)
{
    t->failed |= failed;
    if (--t->left)
        return;
    if (!t->failed)
        told_add(t->txid);
    free(t);
}

/* --- the lanes --- */

/* It is out, or never will be, and stands in no lane. */
static void event_finish(struct event_out *e)
{
    struct event_out over = *e;

    events--;
    bytes -= e->size;
    free(e);
    if (over.transaction)
        transaction_leave(over.transaction, over.failed);
    if (over.out)
        over.out(over.owner);
}

/* Takes the first of a lane, of which nothing has been sent, out of it: for lack of time, or because there is nobody to tell. */
static void event_drop(struct lane *lane)
{
    struct event_out *e = STAILQ_FIRST(lane);

    STAILQ_REMOVE_HEAD(lane, next);
    e->failed = *e->rest != '\0';
    late += e->failed;
    event_finish(e);
}

/* The first of a lane that is still to be sent, NULL: none. */
static struct event_out *lane_first(struct lane *lane)
{
    struct event_out *e;
    long oldest = wait_for ? loop_now() - wait_for : 0;

    while ((e = STAILQ_FIRST(lane)) && !e->slices && (!*e->rest || e->since < oldest))
        event_drop(lane);
    return e;
}

/* Whose turn it is, NULL: nobody's. */
static struct event_out *turn(void)
{
    struct event_out *next = lane_first(&small), *other = lane_first(&large);

    if (other && slices < SLICES_MAX && (!next || turns >= SMALL_TURNS)) {
        turns = 0;
        return other;
    }
    turns++;
    return next;
}

/* How long the next slice of at most CHANNELS_MAX channels is. */
static size_t slice_length(const char *channels)
{
    const char *end = channels;
    int n = 0;

    while (*end && (*end != ',' || ++n < CHANNELS_MAX))
        end++;
    return (size_t)(end - channels);
}

static void slice_send(struct event_out *e)
{
    size_t length = slice_length(e->rest);
    struct publication slice = {e->rest, e->body, length, e->body_length, e};

    e->rest += length + (e->rest[length] == ',');
    e->slices++;
    slices += e->lane == &large;
    if (!*e->rest)
        STAILQ_REMOVE_HEAD(e->lane, next);
    config_fault("publish");
    publisher_send(&slice);
}

static void late_log(void)
{
    long now = loop_now();

    if (late == 0 || now - late_logged < 1000)
        return;
    log_error("could not publish %d events in time", late);
    late = 0;
    late_logged = now;
}

static void publish(void)
{
    struct event_out *e;

    if (publishing)
        return;
    publishing = true;
    while (publisher_room() > 0 && (e = turn()))
        slice_send(e);
    if (publisher_room() == 0)
        lane_first(&small), lane_first(&large); /* who has waited long enough waits no longer for an answer to others */
    publishing = false;
    late_log();
}

static void on_done(void *owner, int status)
{
    struct event_out *e = owner;
    bool closed = status == 404 && e->body_length == 0; /* no such channel: there is no socket to close */

    e->slices--;
    slices -= e->lane == &large;
    if (status / 100 != 2 && !closed) {
        if (status)
            log_error("could not publish an event: status %d", status);
        e->failed = true;
        if (*e->rest)
            STAILQ_REMOVE_HEAD(e->lane, next);
        e->rest = "";
    }
    if (!*e->rest && !e->slices)
        event_finish(e);
}

void push_open(struct event_base *base, int wait_ms)
{
    wait_for = wait_ms;
    publisher_open(base, config_required("IM_PUBLISHER"), on_done, publish);
}

/* NULL when there is no room for it: the clerk takes it from the outbox. */
static struct event_out *event_add_out(struct transaction *transaction, const char *channels, const char *body)
{
    size_t channels_size = strlen(channels) + 1, body_length = strlen(body),
           size = sizeof(struct event_out) + channels_size + body_length + 1;
    struct event_out *e = bytes < PUSH_QUEUE_BYTES ? malloc(size) : NULL;

    if (!e) {
        late++;
        return NULL;
    }
    *e = (struct event_out){.transaction = transaction, .since = loop_now(), .size = size, .body_length = body_length};
    e->rest = memcpy(e->text, channels, channels_size);
    e->body = memcpy(e->text + channels_size, body, body_length + 1);
    e->lane = slice_length(channels) + 1 < channels_size ? &large : &small;
    STAILQ_INSERT_TAIL(e->lane, e, next);
    events++;
    bytes += size;
    return e;
}

/* The transaction of the next row: mostly that of the row before, which else is complete.  Without memory for it nobody is told
 * that its events are out, and the clerk publishes them again. */
static struct transaction *transaction_of(const char *txid, struct transaction *before)
{
    struct transaction *t = before;

    if (before && strcmp(before->txid, txid) == 0)
        return before;
    if (before)
        transaction_leave(before, false);
    t = *txid ? malloc(sizeof *t) : NULL;
    if (t) {
        *t = (struct transaction){.left = 1};
        snprintf(t->txid, sizeof t->txid, "%s", txid);
    }
    return t;
}

void push_events(const PGresult *result)
{
    struct transaction *t = NULL;

    for (int i = 0; i < PQntuples(result); i++) {
        if (!PQgetisnull(result, i, 0))
            continue;
        t = transaction_of(PQgetvalue(result, i, 1), t);
        bool added = event_add_out(t, PQgetvalue(result, i, 2), PQgetvalue(result, i, 3)) != NULL;
        if (t && added)
            t->left++;
        else if (t)
            t->failed = true;
    }
    if (t)
        transaction_leave(t, false);
    publish();
}

bool push_body(const char *channels, const char *body, void (*out)(void *owner), void *owner)
{
    struct event_out *e = event_add_out(NULL, channels, body);

    if (!e)
        return false;
    e->out = out;
    e->owner = owner;
    publish();
    return true;
}

int push_busy(void)
{
    return events + told_count + told_running;
}

size_t push_bytes(void)
{
    return bytes;
}

static void lane_free(struct lane *lane)
{
    struct event_out *e;

    while ((e = STAILQ_FIRST(lane))) {
        STAILQ_REMOVE_HEAD(lane, next);
        if (e->transaction && --e->transaction->left == 0)
            free(e->transaction);
        free(e);
    }
}

void push_close(void)
{
    publisher_close();
    lane_free(&small);
    lane_free(&large);
}
