#include "push.h"
#include "config.h"
#include "http.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* nchan takes 255 channels in one request. */
enum { CHANNELS_MAX = 200, TIMEOUT_MS = 2000, TXID_SIZE = 24, TOLD_MAX = 200, EVENTS_MAX = 10000 };

/* A body on its way to one slice of channels after the other.  An empty txid is not in the outbox. */
struct event_out {
    char txid[TXID_SIZE];
    bool last; /* of its transaction: once it is out, the transaction is told */
    char *channels, *rest, *body;
    void (*out)(void *owner); /* to be called when it is out, or has failed; may be NULL */
    void *owner;
    STAILQ_ENTRY(event_out) next;
};

struct statement push_told = {.sql = "select * from api.told($1)"};
struct statement push_left = {.sql = "select * from api.leave()"};

static void publish_done(CURLcode result, long status);

static struct http publisher = {.done = publish_done};
static char url_prefix[256], url[CHANNELS_MAX * 24 + 300];
static struct curl_slist *headers;
static STAILQ_HEAD(event_queue, event_out) queue = STAILQ_HEAD_INITIALIZER(queue);
static bool publishing;
static bool failed; /* an event of the transaction under way was not taken */
static int events;

/* Transactions whose events are out, as the text of a PostgreSQL array that is still open. */
static char told[TOLD_MAX * TXID_SIZE], telling[TOLD_MAX * TXID_SIZE];
static size_t told_length;
static int told_count;
static const char *told_values[] = {telling};
static struct job told_job;
static bool told_running;

static void publish_next(void);

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
        told_length += (size_t)snprintf(told + told_length, sizeof told - told_length, "%s%s",
                                        told_count ? "," : "", txid);
        told_count++;
    }
    if (!told_running)
        told_send();
}

static void event_drop(struct event_out *e)
{
    STAILQ_REMOVE_HEAD(&queue, next);
    events--;
    free(e->channels);
    free(e->body);
    free(e);
}

static void event_finish(struct event_out *e)
{
    void (*out)(void *) = e->out;
    void *owner = e->owner;

    if (e->last && !failed && *e->txid)
        told_add(e->txid);
    if (e->last)
        failed = false;
    event_drop(e);
    if (out)
        out(owner);
}

static void publish_done(CURLcode result, long status)
{
    struct event_out *e = STAILQ_FIRST(&queue);
    bool closed = status == 404 && !*e->body; /* no such channel: there is no socket to close */

    publishing = false;
    if (result != CURLE_OK || (status / 100 != 2 && !closed)) {
        log_error("could not publish an event: %s, status %ld", curl_easy_strerror(result), status);
        failed = true;
        e->rest = NULL;
    }
    if (!e->rest)
        event_finish(e);
    publish_next();
}

/* Cuts the next slice of at most CHANNELS_MAX ids off the event's list, into the URL. */
static void slice_url(struct event_out *e)
{
    char *end = e->rest;
    int n = 0;

    while (*end && (*end != ',' || ++n < CHANNELS_MAX))
        end++;
    snprintf(url, sizeof url, "%s/pub?id=%.*s", url_prefix, (int)(end - e->rest), e->rest);
    e->rest = *end ? end + 1 : NULL;
}

static void publish_next(void)
{
    struct event_out *e;

    while ((e = STAILQ_FIRST(&queue)) && !publishing && !*e->rest)
        event_finish(e); /* nobody to tell */
    if (!e || publishing)
        return;
    config_fault("publish");
    slice_url(e);
    publishing = true;
    curl_easy_setopt(publisher.easy, CURLOPT_URL, url);
    curl_easy_setopt(publisher.easy, CURLOPT_CUSTOMREQUEST, *e->body ? "POST" : "DELETE");
    curl_easy_setopt(publisher.easy, CURLOPT_POSTFIELDS, e->body);
    curl_easy_setopt(publisher.easy, CURLOPT_POSTFIELDSIZE, (long)strlen(e->body));
    http_start(&publisher);
}

static size_t ignore(char *data, size_t size, size_t n, void *arg)
{
    (void)data, (void)arg;
    return size * n;
}

void push_open(struct event_base *base)
{
    http_open(base);
    http_prepare(&publisher, config_required("IM_PUBLISHER"), url_prefix, sizeof url_prefix);
    headers = curl_slist_append(NULL, "Content-Type: application/json");
    headers = curl_slist_append(headers, "Expect:");
    curl_easy_setopt(publisher.easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(publisher.easy, CURLOPT_WRITEFUNCTION, ignore);
    curl_easy_setopt(publisher.easy, CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS);
}

/* NULL when there is no memory for it: the clerk takes it from the outbox. */
static struct event_out *event_add_out(const char *txid, bool last, const char *channels, const char *body)
{
    struct event_out *e = calloc(1, sizeof *e);
    char *own_channels = strdup(channels), *own_body = strdup(body);

    if (!e || !own_channels || !own_body) {
        log_error("could not queue an event: out of memory");
        free(own_channels);
        free(own_body);
        free(e);
        return NULL;
    }
    e->channels = own_channels;
    e->body = own_body;
    snprintf(e->txid, sizeof e->txid, "%s", txid);
    e->last = last;
    e->rest = e->channels;
    STAILQ_INSERT_TAIL(&queue, e, next);
    events++;
    return e;
}

void push_events(const PGresult *result)
{
    int rows = PQntuples(result);

    if (events > EVENTS_MAX)
        return; /* nchan hangs; the clerk takes them from the outbox */
    for (int i = 0; i < rows; i++) {
        const char *txid = PQgetvalue(result, i, 1);
        bool last = i + 1 == rows || strcmp(txid, PQgetvalue(result, i + 1, 1)) != 0;
        if (PQgetisnull(result, i, 0) && !event_add_out(txid, last, PQgetvalue(result, i, 2), PQgetvalue(result, i, 3)))
            break;
    }
    publish_next();
}

bool push_body(const char *channels, const char *body, void (*out)(void *owner), void *owner)
{
    if (events > EVENTS_MAX)
        return false;
    struct event_out *e = event_add_out("", true, channels, body);
    if (!e)
        return false;
    e->out = out;
    e->owner = owner;
    publish_next();
    return true;
}

int push_busy(void)
{
    return events + told_count + told_running;
}

void push_close(void)
{
    http_close(&publisher);
    curl_slist_free_all(headers);
    while (!STAILQ_EMPTY(&queue))
        event_drop(STAILQ_FIRST(&queue));
}
