#include "serve.h"
#include "base/abandon.h"
#include "base/code.h"
#include "base/config.h"
#include "base/limit.h"
#include "base/log.h"
#include "base/push.h"
#include "base/wordlist.h"
#include "gather.h"
#include "once.h"
#include "reply.h"
#include "twin.h"

#include <stdlib.h>
#include <string.h>

/* What one caller may ask of one process: 200 at once, 100 a second. */
static struct limit requests = {.burst = 200, .per_minute = 6000};

/* The keys that its calls need: of the tokens that enter by them, and of digests. */
static void keys_open(struct call *const *calls, int count)
{
    for (int i = 0; i < count; i++) {
        if (calls[i] != &once_call && call_digests(calls[i]))
            request_open();
        for (int a = 0; a < AUDIENCES; a++)
            if (calls[i] == &enter_calls[a])
                token_know((enum audience)a);
    }
}

void serve_open(struct event_base *loop, const struct program *program)
{
    struct call *calls[CALLS_MAX];
    static struct statement *statements[STATEMENTS_MAX];
    int called, n = gather_statements(program, calls, &called, statements);

    limit_open();
    keys_open(calls, called);
    db_open(loop, program->name, statements, n, config_number("IM_DB_CONNECTIONS", 4, 1, 64));
    call_types(calls, called);
    if (statements[n - 1] == &wordlist_statement)
        wordlist_open(loop);
    db_start();
}

int serve_print(const struct program *program)
{
    struct call *calls[CALLS_MAX];
    struct statement *statements[STATEMENTS_MAX];
    int called, n = gather_statements(program, calls, &called, statements);

    return statement_print(statements, n);
}

static bool identify_caller(struct request *r)
{
    switch (r->route->who) {
    case ANYONE:
        return true;
    case USER:
        return r->known || request_identify(r, AUDIENCE_USER);
    case ADMIN:
        return request_identify(r, AUDIENCE_ADMIN);
    case CALLER:
        return request_identify(r, AUDIENCE_SERVICE) || request_identify(r, AUDIENCE_USER);
    }
    return false;
}

bool serve_allows(struct request *r, struct limit *limit)
{
    bool allowed = limit_take(limit, r->claims.subject * 4 + r->audience); /* their numbers have nothing in common */

    if (!allowed)
        reply_code(r, CODE_TOO_MANY, NULL);
    return allowed;
}

static int job_add(struct request *r, const struct call *call)
{
    int step = r->job.count++;

    r->job.steps[step] = (struct step){.statement = &call->statement, .values = r->parameters[step]};
    return step;
}

static void call_done(struct job *job);

static void job_run(struct request *r)
{
    r->job.done = call_done;
    r->job.owner = r;
    config_fault("request");
    db_run(&r->job);
    config_fault("commit");
}

static void job_start(struct request *r, const struct call *call, request_handler *then)
{
    r->job.count = 0;
    r->job.bulk = NULL;
    r->call = call;
    r->then = then;
    r->call_step = r->leave_step = -1;
}

/* Binds the call into the job; a field that does not fit leaves the call out and is remembered.  Where a key has been claimed
 * its rows are kept. */
static void job_bind(struct request *r, const struct call *call)
{
    bool keyed = r->job.count && r->job.steps[0].statement == &once_call.statement;

    r->refused = call_bind(call, r, r->parameters[r->job.count], &r->refused_field);
    if (r->refused)
        return;
    r->job.bulk = keyed ? NULL : call->bulk;
    r->call_step = job_add(r, call);
    if (keyed && call->keeps) {
        r->job.steps[r->call_step].statement = &call->keeping;
        r->parameters[r->call_step][call->count] = request_value(r, "key");
    }
    if (call->leaves)
        r->leave_step = r->call_step;
    else if (strcmp(r->method, "GET") != 0)
        r->leave_step = job_add(r, &leave_call);
}

static void job_add_door(struct request *r, const struct call *door)
{
    const char *fits;

    if (call_bind(door, r, r->parameters[r->job.count], &fits) != 0)
        abandon_request("a verified token has claims that no door takes");
    job_add(r, door);
}

/* Every transaction begins with the door, also a handler's second: the account may have been banned meanwhile. */
static void job_enter(struct request *r)
{
    if (r->route->who != ANYONE)
        job_add_door(r, &enter_calls[r->audience]);
}

/* The same, and a key is claimed, or only looked for when a handler goes on before anything is done. */
static void job_enter_once(struct request *r, bool claims)
{
    request_set(r, "claims", claims ? "true" : "false");
    if (once_wanted(r))
        job_add_door(r, &once_call);
    else if (!r->call->door)
        job_enter(r);
}

void serve_call(struct request *r, const struct call *call, request_handler *then)
{
    job_start(r, call, then);
    job_enter_once(r, true);
    job_bind(r, call);
    if (r->refused)
        reply_code(r, r->refused, r->refused_field);
    else
        job_run(r);
}

static void request_end(struct request *r)
{
    if (r->answered)
        r->finish(r);
}

static void answer_internal(struct request *r)
{
    request_pool(r);
    reply_code(r, CODE_INTERNAL, NULL);
}

/* Works for the request.  When that is abandoned it gives back what it holds, which leaves enough to say so. */
static void request_work(struct request *r, void (*work)(struct request *r))
{
    if (abandon_guard(work, r))
        return;
    request_pool_free(r);
    r->values = NULL;
    r->path = "";
    if (!abandon_guard(answer_internal, r)) {
        reply_write(r, 500, "", "");
        r->answered = true;
    }
}

void serve_resume(struct request *r, void (*work)(struct request *r))
{
    log_request(r->id);
    request_work(r, work);
    request_end(r);
    log_request(NULL);
}

/* The refusal that a committed transaction has left behind, or 0. */
static int late_refusal(const struct request *r)
{
    const PGresult *left = r->leave_step >= 0 ? r->job.steps[r->leave_step].result : NULL;

    return left && PQntuples(left) && !PQgetisnull(left, 0, 0) ? (int)strtol(PQgetvalue(left, 0, 0), NULL, 10) : 0;
}

static void answer_late(struct request *r, int code)
{
    const PGresult *left = r->job.steps[r->leave_step].result;

    r->cause = PQgetisnull(left, 0, 3) ? NULL : request_copy(r, PQgetvalue(left, 0, 3));
    reply_code(r, code, NULL);
}

/* A field that does not fit its domain is refused before anything in the statement runs, its door too: whether the account
 * is let in has to be known first. */
static bool knock(struct request *r)
{
    const char *field = r->call && r->call->door && !r->refused ? reply_unfit(r, r->job.failure) : NULL;

    if (!field)
        return false;
    r->cause = request_copy(r, PQresultErrorField(r->job.failure, PG_DIAG_CONSTRAINT_NAME));
    job_start(r, r->call, r->then);
    job_enter(r);
    r->refused = CODE_BAD_REQUEST;
    r->refused_field = field;
    job_run(r);
    return true;
}

static void answer_again(struct request *r)
{
    PGresult *rows = r->route->shape == NOTHING ? NULL : once_rows(r, r->job.failure);

    if (rows && r->then)
        r->then(r, rows);
    else
        reply_rows(r, rows);
    PQclear(rows);
}

static void call_answer(struct request *r)
{
    const PGresult *rows = r->call_step >= 0 ? r->job.steps[r->call_step].result : NULL;
    int late = late_refusal(r);

    if (knock(r))
        return;
    if (once_done(r->job.failure))
        answer_again(r);
    else if (r->job.lost || r->job.failure)
        reply_failure(r, r->job.failure);
    else if (r->refused)
        reply_code(r, r->refused, r->refused_field);
    else if (late)
        answer_late(r, late);
    else if (r->then)
        r->then(r, rows);
    else
        reply_rows(r, rows);
}

/* The transaction is over: the answer goes out first, then the events. */
static void call_done(struct job *job)
{
    struct request *r = job->owner;
    const PGresult *events = r->leave_step >= 0 && !job->lost && !job->failure ? job->steps[r->leave_step].result : NULL;

    config_fault("answer");
    log_request(r->id);
    request_work(r, call_answer);
    request_end(r);
    log_request(NULL); /* its id has gone with it */
    if (events)
        push_events(events);
}

/* The account is checked in the call's own transaction and before its syntax is complained about. */
static void request_run(struct request *r, const struct call *call, bool readable)
{
    const char *unread = r->refused_field;

    job_start(r, call, r->route->handler);
    if (!readable) {
        r->refused = CODE_BAD_REQUEST;
        r->refused_field = unread;
    } else if (call) {
        job_enter_once(r, r->route->shape != NOTHING || !r->route->handler);
        job_bind(r, call);
    }
    if (r->refused || !call) {
        r->job.count = 0;
        job_enter(r);
    }
    if (r->job.count)
        job_run(r);
    else if (r->refused)
        reply_code(r, r->refused, r->refused_field);
    else
        r->route->handler(r, NULL);
}

void serve_dispatch(struct request *r)
{
    int row = route_find(r->program, r);

    if (row < 0) {
        reply_code(r, CODE_NOT_FOUND, NULL);
        return;
    }
    r->route = &r->program->routes[row];
    if (!identify_caller(r)) {
        reply_code(r, CODE_UNAUTHORIZED, NULL);
        return;
    }
    if (r->route->who != ANYONE && !serve_allows(r, &requests))
        return;
    request_run(r, r->route->call ? &route_calls[row] : NULL, r->body || request_read(r));
}

/* Without the query, and with one slash where a client's base and path have put two between them, as nginx reads it too. */
static const char *path_of(struct request *r, const char *uri)
{
    char *path = obstack_copy0(&r->pool, uri, (int)strcspn(uri, "?")), *out = path;

    for (const char *in = path; *in; in++)
        if (*in != '/' || out == path || out[-1] != '/')
            *out++ = *in;
    *out = '\0';
    return path;
}

static void request_begin(struct request *r)
{
    request_pool(r);
    if (!r->method || !r->path) {
        reply_code(r, CODE_BAD_REQUEST, NULL);
    } else {
        r->path = path_of(r, r->path);
        serve_dispatch(r);
    }
}

void serve_request(struct request *r)
{
    request_work(r, request_begin);
    request_end(r);
}
