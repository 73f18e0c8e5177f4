#include "transaction.h"
#include "base/abandon.h"
#include "base/code.h"
#include "base/config.h"
#include "base/db.h"
#include "base/push.h"
#include "bind.h"
#include "gather.h"
#include "list.h"
#include "once.h"
#include "reply.h"
#include "serve.h"

#include <stdlib.h>
#include <string.h>

/* What a request does in PostgreSQL: one transaction after the other.  Lives in its pool. */
struct transaction {
    struct job job;
    const struct call *call;   /* the one in the job, if any */
    int call_step, leave_step; /* their places in the job, -1 when absent */
    transaction_handler *then; /* who goes on with the call's rows; NULL: they are the answer */
    int refused;               /* a syntax error's code, answered once the account has been checked; else 0 */
    const char *refused_field; /* what it is about */
    const char *parameters[JOB_STEPS][DB_PARAMETERS];
};

static int job_add(struct transaction *t, const struct call *call)
{
    int step = t->job.count++;

    t->job.steps[step] = (struct step){.statement = &call->statement, .values = t->parameters[step]};
    return step;
}

static void call_done(struct job *job);

static void job_run(struct request *r)
{
    struct job *job = &r->transaction->job;

    job->done = call_done;
    job->owner = r;
    config_fault("request");
    db_run(job);
    config_fault("commit");
}

static struct transaction *job_start(struct request *r, const struct call *call, transaction_handler *then)
{
    if (!r->transaction)
        r->transaction = obstack_alloc(&r->pool, sizeof *r->transaction);
    *r->transaction = (struct transaction){.call = call, .then = then, .call_step = -1, .leave_step = -1};
    return r->transaction;
}

/* Binds the call into the job; a field that does not fit leaves the call out and is remembered.  Where a key has been claimed
 * its rows are kept. */
static void job_bind(struct request *r, const struct call *call)
{
    struct transaction *t = r->transaction;
    bool keyed = t->job.count && t->job.steps[0].statement == &once_call.statement;

    t->refused = bind_call(call, r, t->parameters[t->job.count], &t->refused_field);
    if (t->refused)
        return;
    t->job.bulk = keyed ? NULL : call->bulk;
    t->call_step = job_add(t, call);
    if (list_wanted(r) && !t->then)
        t->job.steps[t->call_step].keep = &r->rows;
    if (keyed && call->keeps) {
        t->job.steps[t->call_step].statement = &call->keeping;
        t->parameters[t->call_step][call->count] = request_value(r, "key");
    }
    if (call->leaves)
        t->leave_step = t->call_step;
    else if (strcmp(r->method, "GET") != 0)
        t->leave_step = job_add(t, &leave_call);
}

static void job_add_door(struct request *r, const struct call *door)
{
    struct transaction *t = r->transaction;
    const char *fits;

    if (bind_call(door, r, t->parameters[t->job.count], &fits) != 0)
        abandon_request("a verified token has claims that no door takes");
    job_add(t, door);
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
    else if (!r->transaction->call->door)
        job_enter(r);
}

void transaction_call(struct request *r, const struct call *call, transaction_handler *then)
{
    const struct transaction *t = job_start(r, call, then);

    job_enter_once(r, true);
    job_bind(r, call);
    if (t->refused)
        reply_code(r, t->refused, t->refused_field);
    else
        job_run(r);
}

void transaction_again(struct request *r)
{
    transaction_call(r, r->transaction->call, NULL);
}

/* What leave() has said, NULL when it did not come to that. */
static const PGresult *left_behind(const struct transaction *t)
{
    return t->leave_step >= 0 ? t->job.steps[t->leave_step].result : NULL;
}

/* The refusal that a committed transaction has left behind, or 0. */
static int late_refusal(const struct transaction *t)
{
    const PGresult *left = left_behind(t);

    return left && PQntuples(left) && !PQgetisnull(left, 0, 0) ? (int)strtol(PQgetvalue(left, 0, 0), NULL, 10) : 0;
}

static void answer_late(struct request *r, int code)
{
    const PGresult *left = left_behind(r->transaction);

    r->cause = PQgetisnull(left, 0, 3) ? NULL : request_copy(r, PQgetvalue(left, 0, 3));
    reply_code(r, code, NULL);
}

/* A field that does not fit its domain is refused before anything in the statement runs, its door too: whether the account
 * is let in has to be known first. */
static bool knock(struct request *r)
{
    struct transaction *t = r->transaction;
    const char *field = t->call && t->call->door && !t->refused ? reply_unfit(t->call, t->job.failure) : NULL;

    if (!field)
        return false;
    r->cause = request_copy(r, PQresultErrorField(t->job.failure, PG_DIAG_CONSTRAINT_NAME));
    job_start(r, t->call, t->then);
    job_enter(r);
    t->refused = CODE_BAD_REQUEST;
    t->refused_field = field;
    job_run(r);
    return true;
}

static void answer_again(struct request *r)
{
    const struct transaction *t = r->transaction;
    PGresult *rows = r->route->shape == NOTHING ? NULL : once_rows(t->call, t->job.failure);

    if (rows && t->then)
        t->then(r, rows);
    else
        reply_rows(r, rows);
    PQclear(rows);
}

static void answer_rows(struct request *r)
{
    const struct transaction *t = r->transaction;
    const PGresult *rows = t->call_step >= 0 ? t->job.steps[t->call_step].result : NULL;

    if (t->then)
        t->then(r, rows);
    else
        reply_rows(r, rows);
}

static void call_answer(struct request *r)
{
    const struct transaction *t = r->transaction;
    int late = late_refusal(t);

    if (knock(r))
        return;
    if (once_done(t->job.failure))
        answer_again(r);
    else if (t->job.failure)
        reply_failure(r, t->call, t->job.failure);
    else if (t->job.lost)
        reply_lost(r, t->job.sent);
    else if (t->refused)
        reply_code(r, t->refused, t->refused_field);
    else if (late)
        answer_late(r, late);
    else
        answer_rows(r);
}

/* The transaction is over: the answer goes out first, then the events. */
static void call_done(struct job *job)
{
    struct request *r = job->owner;
    const PGresult *events = !job->lost && !job->failure ? left_behind(r->transaction) : NULL;

    config_fault("answer");
    serve_resume(r, call_answer);
    if (events)
        push_events(events);
}

/* The account is checked in the call's own transaction and before its syntax is complained about. */
void transaction_begin(struct request *r, const struct call *call, bool readable)
{
    struct transaction *t = job_start(r, call, r->route->handler);

    if (!readable) {
        t->refused = CODE_BAD_REQUEST;
        t->refused_field = r->unread;
    } else if (call) {
        job_enter_once(r, r->route->shape != NOTHING || !r->route->handler);
        job_bind(r, call);
    }
    if (t->refused || !call) {
        t->job.count = 0;
        job_enter(r);
    }
    if (t->job.count)
        job_run(r);
    else if (t->refused)
        reply_code(r, t->refused, t->refused_field);
    else
        r->route->handler(r, NULL);
}
