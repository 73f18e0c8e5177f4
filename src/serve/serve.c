#include "serve.h"
#include "base/abandon.h"
#include "base/code.h"
#include "base/config.h"
#include "base/db.h"
#include "base/limit.h"
#include "base/log.h"
#include "base/wordlist.h"
#include "gather.h"
#include "once.h"
#include "reply.h"
#include "transaction.h"

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
    r->transaction = NULL;
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
    transaction_begin(r, r->route->call ? &route_calls[row] : NULL, r->body || request_read(r));
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
