/*
 * What a request asks of PostgreSQL, and what becomes of what that says: these functions stand in the place of db.h's and push.h's,
 * and of the one of libpq's that reads an error.
 */
#include "base/code.h"
#include "base/db.h"
#include "base/jsonread.h"
#include "base/push.h"
#include "serve/gather.h"
#include "serve/once.h"
#include "serve/transaction.h"

#include <stdarg.h>
#include <string.h>

#include "tap.h"

/* --- PostgreSQL, of which one job waits, and the doorbell --- */

static struct job *waiting;
static int pushed;

void db_open(struct event_base *base, const char *program, struct statement **statements, int count, long connections)
{
    (void)base, (void)program, (void)statements, (void)count, (void)connections;
}

void db_start(void)
{
}

int db_busy(void)
{
    return waiting != NULL;
}

void db_run(struct job *job)
{
    waiting = job;
}

void push_events(const PGresult *result)
{
    (void)result;
    pushed++;
}

struct statement push_told;

/* Of the failure that there is. */
static struct {
    const char *state, *message, *constraint, *domain, *hint, *context;
} error;

char *PQresultErrorField(const PGresult *result, int field)
{
    const char *value = field == PG_DIAG_SQLSTATE          ? error.state
                        : field == PG_DIAG_MESSAGE_PRIMARY ? error.message
                        : field == PG_DIAG_CONSTRAINT_NAME ? error.constraint
                        : field == PG_DIAG_DATATYPE_NAME   ? error.domain
                        : field == PG_DIAG_MESSAGE_HINT    ? error.hint
                        : field == PG_DIAG_CONTEXT         ? error.context
                                                           : NULL;
    return result ? (char *)(uintptr_t)value : NULL;
}

/* A row of one column, or of leave()'s four of which the first is a refusal and the last its cause. */
static PGresult *row(int columns, const char *first, const char *last)
{
    static char name[] = "id";
    PGresult *made = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    PGresAttDesc described[4] = {
        {.name = name, .typid = 20}, {.name = name, .typid = 25}, {.name = name, .typid = 25}, {.name = name, .typid = 25}};

    PQsetResultAttrs(made, columns, described);
    for (int i = 0; i < columns; i++) {
        const char *value = i == 0 ? first : i == columns - 1 ? last : NULL;
        PQsetvalue(made, 0, i, (char *)(uintptr_t)value, value ? (int)strlen(value) : -1);
    }
    return made;
}

/* --- a request --- */

static struct request r;
static int code, answers, finished;
static char detail[80], data[80];

static void answer(struct request *request, int said, const char *about, const char *json)
{
    (void)request;
    code = said;
    answers++;
    snprintf(detail, sizeof detail, "%s", about ? about : "");
    snprintf(data, sizeof data, "%s", json);
}

static void finish(struct request *request)
{
    (void)request;
    finished++;
}

static const struct route routes[] = {
    {"POST", "/send", USER, ONE, "send(:me, count)", NULL},
    {"GET", "/list", ADMIN, LIST, "list(:me, count)", NULL},
    {"PUT", "/set", ADMIN, NOTHING, "set(:me, count)", NULL},
    {0},
};
static const struct program program = {.name = "test", .routes = routes, .answer = answer};

static void end(void)
{
    PQclear(r.rows);
    json_object_put(r.document);
    request_pool_free(&r);
}

/* As serve.c would when it has found the row and the caller; the statements of the job that follows are in waiting. */
static void begin(int row, const char *body, const char *key)
{
    static char *environment[2];
    static char header[80];
    char unread[JSON_FIELD];

    end();
    snprintf(header, sizeof header, "HTTP_IDEMPOTENCY_KEY=%s", key ? key : "");
    environment[0] = key ? header : NULL;
    waiting = NULL;
    answers = finished = pushed = code = 0;
    r = (struct request){.program = &program,
                         .route = &routes[row],
                         .method = routes[row].method,
                         .path = routes[row].path,
                         .text = body,
                         .length = strlen(body),
                         .parameters = environment,
                         .known = true,
                         .claims = {.subject = 10001},
                         .audience = row ? AUDIENCE_ADMIN : AUDIENCE_USER,
                         .finish = finish};
    request_pool(&r);
    r.body = r.document = json_read(body, strlen(body), unread);
    transaction_begin(&r, &route_calls[row], r.body != NULL);
}

/* PostgreSQL has done the job, whose n-th step said that, and leave() so. */
static void done(int step, PGresult *rows, PGresult *left)
{
    struct job *job = waiting;

    waiting = NULL;
    if (step >= 0)
        job->steps[step].result = rows;
    if (left)
        job->steps[job->count - 1].result = left;
    if (job)
        job->done(job);
    PQclear(rows);
    PQclear(left);
}

/* It has not, for that reason. */
static void failed(const char *state, const char *message, const char *constraint, const char *domain)
{
    struct job *job = waiting;
    PGresult *failure = PQmakeEmptyPGresult(NULL, PGRES_FATAL_ERROR);

    error.state = state;
    error.message = message;
    error.constraint = constraint;
    error.domain = domain;
    waiting = NULL;
    job->failure = failure;
    job->done(job);
    PQclear(failure);
}

static bool said(int wanted, const char *about)
{
    return code == wanted && answers == 1 && finished == 1 && strcmp(detail, about) == 0;
}

static const char *sql(int step)
{
    return waiting && step < waiting->count ? waiting->steps[step].statement->sql : "nothing";
}

static void open_calls(void)
{
    struct call *calls[CALLS_MAX];
    struct statement *statements[STATEMENTS_MAX];
    int count;

    (void)gather_statements(&program, calls, &count, statements);
    for (int i = 0; i < count; i++)
        for (int a = 0; a < calls[i]->count; a++) {
            struct argument *argument = &calls[i]->arguments[a];
            const char *name = argument->names[0];
            argument->kind = strcmp(name, "key") == 0 || strcmp(name, "digest") == 0 || strcmp(name, "address") == 0 ? KIND_TEXT
                             : strcmp(name, "claims") == 0                                                           ? KIND_BOOL
                                                                                                                     : KIND_INT;
            argument->max = INT64_C(9007199254740992);
            if (strcmp(name, "count") == 0)
                snprintf(argument->domain, sizeof argument->domain, "few");
        }
}

static void check_steps(void)
{
    begin(0, "{\"count\":3}", NULL);
    ok(strcmp(sql(0), "select * from api.send(api.enter($1, $2, $3), $4)") == 0 && strstr(sql(1), "leave()") && waiting->count == 2,
       "a user's call is one statement with its door, and leave is %s", "the next");
    ok(strcmp(waiting->steps[0].values[0], "10001") == 0 && strcmp(waiting->steps[0].values[3], "3") == 0,
       "with what the token and the %s", "body say");
    begin(1, "{\"count\":3}", NULL);
    ok(strstr(sql(0), "admin_enter(") && strstr(sql(1), "list(") && waiting->count == 2,
       "who reads leaves nothing behind: %d steps", waiting->count);
    begin(2, "{\"count\":3}", NULL);
    ok(strstr(sql(0), "admin_enter(") && strstr(sql(1), "set(") && strstr(sql(2), "leave()"),
       "an administrator's door is a step %s", "by itself");
    begin(0, "{\"count\":3}", "k");
    ok(strstr(sql(0), "once(") && strstr(sql(1), "send(") && strstr(sql(1), "keep("),
       "a key is claimed first, and the rows are kept: %s", sql(1));
}

static void check_answers(void)
{
    begin(0, "{\"count\":3}", NULL);
    ok(answers == 0, "nothing is answered before PostgreSQL has said %s", "that it is done");
    done(0, row(1, "7", NULL), row(4, NULL, NULL));
    ok(said(CODE_OK, "") && strcmp(data, "{\"id\":7}") == 0 && pushed == 1, "then its rows are, and its events %s", "published");
    begin(2, "{\"count\":3}", NULL);
    done(-1, NULL, row(4, "3006", "the group is muted"));
    ok(said(3006, "") && strcmp(r.cause, "the group is muted") == 0, "a refusal that was committed: %s", r.cause ? r.cause : "");
    begin(0, "{\"count\":3}", NULL);
    failed("I3006", "I3006", NULL, NULL);
    ok(said(3006, "") && pushed == 0, "one that was %s", "not");
    begin(0, "{\"count\":3}", NULL);
    error.hint = "the group is muted";
    error.context = "PL/pgSQL function im.group_speaks(bigint,bigint) line 8 at RAISE\nSQL statement \"select a secret\"";
    failed("I3006", "until noon", NULL, NULL);
    ok(said(3006, "until noon"), "its words are the client's: %s", detail);
    ok(strcmp(r.cause, "the group is muted (im.group_speaks:8)") == 0, "its cause and its place the log's: %s", r.cause);
    error.hint = error.context = NULL;
    begin(0, "{\"count\":3}", NULL);
    failed("23505", "duplicate key", "friend_targetId_i2001", NULL);
    ok(code == 2001, "a constraint that %s", "names its code");
    begin(0, "{\"count\":3}", NULL);
    failed("53200", "out of memory", NULL, NULL);
    ok(said(CODE_INTERNAL, ""), "what nobody has %s is 500 without a word", "refused");
}

static void check_fields(void)
{
    begin(1, "{\"count\":\"x\"}", NULL);
    ok(answers == 0 && strstr(sql(0), "admin_enter(") && waiting->count == 1, "of a field that does not fit only the %s hears",
       "door");
    done(-1, NULL, NULL);
    ok(said(CODE_BAD_REQUEST, "count"), "and then its sender: %s", detail);
    begin(1, "{", NULL);
    ok(answers == 0 && waiting->count == 1, "as of a body that cannot be %s", "read");
    failed("I0401", "I0401", NULL, NULL);
    ok(said(CODE_UNAUTHORIZED, ""), "who is not let in is told %s of it", "nothing");
    begin(0, "{\"count\":3}", NULL);
    failed("23514", "value for domain few violates check constraint", "few_check", "few");
    ok(answers == 0 && strstr(sql(0), "enter(") && waiting && waiting->count == 1,
       "a domain is looked at before the door, which is %s", "asked then");
    done(-1, NULL, NULL);
    ok(said(CODE_BAD_REQUEST, "count"), "the field is named: %s", detail);
}

static void lose(bool sent)
{
    struct job *job = waiting;

    waiting = NULL;
    job->lost = true;
    job->sent = sent;
    job->done(job);
}

static void check_lost(void)
{
    begin(0, "{\"count\":3}", NULL);
    lose(false);
    ok(said(CODE_INTERNAL, "") && pushed == 0, "a job that was %s", "never sent");
    begin(0, "{\"count\":3}", NULL);
    lose(true);
    ok(said(CODE_INTERNAL, "") && pushed == 0, "one whose outcome is %s", "unknown");
    begin(0, "{\"count\":3}", "k");
    route_calls[0].statement.columns = row(1, "0", NULL);
    failed("I0200", "[{\"id\": 7}]", NULL, NULL);
    ok(said(CODE_OK, "") && strcmp(data, "{\"id\":7}") == 0 && pushed == 0, "what was done under that key is answered %s",
       "as it was");
    PQclear(route_calls[0].statement.columns);
}

int main(void)
{
    fclose(stderr); /* which is told of every refusal */
    open_calls();
    check_steps();
    check_answers();
    check_fields();
    check_lost();
    end();
    return done_testing();
}
