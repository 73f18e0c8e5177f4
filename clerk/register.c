#include "register.h"
#include "base/config.h"
#include "base/http.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/push.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_SIZE = 64, LINES_SIZE = 262144, ASK_MAX = 500, ANSWER_SIZE = 512, TIMEOUT_MS = 2000, RETRY_MS = 200 };

struct statement register_sockets = {.sql = "select from api.clerk_sockets($1, $2)"};
struct statement register_begin = {.sql = "select from api.clerk_begin($1, $2)"};
struct statement register_doubtful = {.sql = "select * from api.clerk_doubtful($1, $2)"};

static const char *node;
static bool stopping;

/* The stream of events.  worker is the process that sends it, "" while there is none; begun is true once PostgreSQL has
 * heard of that. */
static void stream_done(CURLcode result, long status);
static struct http stream = {.done = stream_done};
static struct event *reconnect;
static char stream_url[300], line[LINE_SIZE], worker[16];
static size_t line_length;
static bool begun;

/* Lines that PostgreSQL has not yet heard, as the text of an array that is still open. */
static char lines[LINES_SIZE], telling[LINES_SIZE + 2];
static size_t lines_length;

static struct job tell_job, doubtful_job;
static bool telling_now, asking; /* at most one of each runs */
static const char *tell_values[2], *doubtful_values[2];

/* The questions under way: sockets in doubt, and which of them were told to close. */
static void question_done(CURLcode result, long status);
static struct http question = {.done = question_done};
static char question_prefix[256], question_url[300], answer[ANSWER_SIZE];
static size_t answer_length;
static struct {
    char socket[24];
    bool ended;
} doubts[ASK_MAX];
static int doubts_count, doubts_at;

static void tell_next(void);

/* Whatever PostgreSQL has not heard is asked for again: all begins anew. */
static void forget(void)
{
    begun = false;
    lines_length = 0;
}

static void tell_done(struct job *job)
{
    telling_now = false;
    if (job->lost || job->failure) {
        log_error("could not note sockets: %s", job->failure ? PQresultErrorMessage(job->failure) : "PostgreSQL is away");
        forget(); /* with the next tick */
        return;
    }
    push_events(job->steps[1].result);
    tell_next();
}

static void tell(const struct statement *statement, const char *value)
{
    tell_values[0] = node;
    tell_values[1] = value;
    tell_job = (struct job){
        .steps = {{.statement = statement, .values = tell_values}, {.statement = &push_left}},
        .count = 2,
        .done = tell_done,
    };
    telling_now = true;
    db_run(&tell_job);
}

/* While PostgreSQL works the next lines gather, so that a crowd is told in few transactions. */
static void tell_next(void)
{
    if (telling_now || stopping || !*worker)
        return;
    if (!begun) {
        begun = true;
        tell(&register_begin, worker);
    } else if (lines_length) {
        snprintf(telling, sizeof telling, "{%.*s}", (int)lines_length, lines);
        lines_length = 0;
        tell(&register_sockets, telling);
    }
}

static void lines_add(const char *text)
{
    if (lines_length + LINE_SIZE + 3 > sizeof lines) {
        log_error("events of sockets come faster than PostgreSQL takes them");
        forget();
    }
    lines_length += (size_t)snprintf(lines + lines_length, sizeof lines - lines_length, "%s\"%s\"", lines_length ? "," : "", text);
    tell_next();
}

/* --- questions --- */

static void doubtful_done(struct job *job);

static void ask_next(void)
{
    if (doubts_at == doubts_count || stopping || !*worker) {
        asking = false;
        return;
    }
    snprintf(question_url, sizeof question_url, "%s/pub?id=c%s", question_prefix, doubts[doubts_at].socket);
    answer_length = 0;
    curl_easy_setopt(question.easy, CURLOPT_URL, question_url);
    curl_easy_setopt(question.easy, CURLOPT_CUSTOMREQUEST, doubts[doubts_at].ended ? "DELETE" : "GET");
    http_start(&question);
}

/* How many sockets there are, or were until now, says the answer to both; 404 that there is no such channel. */
static void question_done(CURLcode result, long status)
{
    static const char count[] = "active subscribers: ";
    char text[LINE_SIZE];
    const char *there;

    answer[answer_length] = '\0';
    there = status == 200 ? strstr(answer, count) : NULL;
    if (result != CURLE_OK || (!there && status != 404))
        log_error("could not ask for a socket: %s, status %ld", curl_easy_strerror(result), status);
    else if (status == 404 || strtol(there + strlen(count), NULL, 10) == 0)
        lines_add((snprintf(text, sizeof text, "missing %s", doubts[doubts_at].socket), text));
    else if (!doubts[doubts_at].ended)
        lines_add((snprintf(text, sizeof text, "subscriber_enqueue %s", doubts[doubts_at].socket), text));
    doubts_at++;
    ask_next();
}

static size_t on_answer(char *data, size_t size, size_t n, void *arg)
{
    (void)arg;
    for (size_t i = 0; i < size * n && answer_length < sizeof answer - 1; i++)
        answer[answer_length++] = data[i];
    return size * n;
}

static void doubtful_done(struct job *job)
{
    const PGresult *rows = job->steps[0].result;

    doubts_at = doubts_count = 0;
    if (!job->lost && !job->failure) {
        for (int i = 0; i < PQntuples(rows) && i < ASK_MAX; i++) {
            snprintf(doubts[i].socket, sizeof doubts[i].socket, "%s", PQgetvalue(rows, i, 0));
            doubts[i].ended = *PQgetvalue(rows, i, 1) == 't';
            doubts_count++;
        }
    }
    ask_next();
}

/* Once what was heard is told, so that nothing is asked that is known already. */
static void doubtful_run(void)
{
    static char max[12];

    if (asking || telling_now || lines_length || !begun || stopping || !*worker)
        return;
    snprintf(max, sizeof max, "%d", ASK_MAX);
    doubtful_values[0] = node;
    doubtful_values[1] = max;
    doubtful_job =
        (struct job){.steps = {{.statement = &register_doubtful, .values = doubtful_values}}, .count = 1, .done = doubtful_done};
    asking = true;
    db_run(&doubtful_job);
}

/* --- the stream --- */

/* "subscriber_enqueue 17", as push.conf has it. */
static bool line_in_form(void)
{
    int n = -1;

    sscanf(line, "subscriber_%*[den]queue %*18[0-9]%n", &n);
    return n >= 0 && line[n] == '\0';
}

static size_t on_stream(char *data, size_t size, size_t n, void *arg)
{
    (void)arg;
    for (size_t i = 0; i < size * n; i++) {
        if (data[i] == '\n') {
            line[line_length] = '\0';
            line_length = 0;
            if (line_in_form())
                lines_add(line);
        } else if (line_length < sizeof line - 1) {
            line[line_length++] = data[i];
        }
    }
    return size * n;
}

/* The stream's own headers say which worker it comes from, as soon as nothing more can be missed. */
static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
    static const char name[] = "X-IM-Worker: ";
    size_t digits, length = sizeof name - 1;

    (void)arg;
    if (size * n <= length || strncasecmp(data, name, length) != 0)
        return size * n;
    digits = strspn(data + length, "0123456789"); /* a header ends with \r\n */
    snprintf(worker, sizeof worker, "%.*s", (int)digits, data + length);
    forget();
    tell_next();
    return size * n;
}

static void stream_done(CURLcode result, long status)
{
    struct timeval wait = {0, RETRY_MS * 1000};

    (void)result;
    if (status)
        log_info("the stream of sockets ended: status %ld", status);
    line_length = 0;
    *worker = '\0';
    loop_add(reconnect, &wait);
}

static void stream_start(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
    http_start(&stream);
}

void register_open(struct event_base *base)
{
    const char *address = config_text("IM_PUSH_EVENTS", config_required("IM_PUBLISHER"));
    char prefix[256];

    node = config_text("IM_NODE", "1");
    http_prepare(&question, address, question_prefix, sizeof question_prefix);
    curl_easy_setopt(question.easy, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(question.easy, CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS);
    http_prepare(&stream, address, prefix, sizeof prefix);
    snprintf(stream_url, sizeof stream_url, "%s/events", prefix);
    curl_easy_setopt(stream.easy, CURLOPT_URL, stream_url);
    curl_easy_setopt(stream.easy, CURLOPT_WRITEFUNCTION, on_stream);
    curl_easy_setopt(stream.easy, CURLOPT_HEADERFUNCTION, on_header);
    reconnect = loop_timer(base, stream_start, NULL);
    stream_start(-1, 0, NULL);
}

void register_tick(void)
{
    tell_next();
    doubtful_run();
}

void register_stop(void)
{
    stopping = true;
}

void register_close(void)
{
    http_close(&stream);
    http_close(&question);
}
