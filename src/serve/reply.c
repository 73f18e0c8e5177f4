#include "reply.h"
#include "base/code.h"
#include "base/json.h"
#include "base/log.h"
#include "call.h"
#include "list.h"
#include "request.h"
#include "rows.h"
#include "sheet.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const callers[] = {[AUDIENCE_USER] = "user", [AUDIENCE_ADMIN] = "admin", [AUDIENCE_SERVICE] = "service"};

/* Who was refused what, and why: in the words of whatever refused it, which the client is not told. */
static void refusal_log(const struct request *r, int code, const char *detail)
{
    const char *cause = r->cause ? r->cause : detail;
    char who[40] = "a stranger";

    if (r->known)
        snprintf(who, sizeof who, "%s %" PRId64, callers[r->audience], r->claims.subject);
    log_info("refused %s %s %d to %s%s%s", r->route ? r->route->method : "-", r->route ? r->route->path : "-", code, who,
             cause ? ": " : "", cause ? cause : "");
}

static void answer(struct request *r, int code, const char *detail, const char *data)
{
    r->answered = true;
    r->code = code;
    if (code != CODE_OK && code != CODE_INTERNAL)
        refusal_log(r, code, detail);
    if (r->begun) { /* half an answer is out: that it broke off is all that can be said */
        log_error("an answer broke off with code %d", code);
        output_break(r);
        return;
    }
    (r->program->answer ? r->program->answer : reply_http)(r, code, detail, data);
}

void reply_rows(struct request *r, const PGresult *rows)
{
    if (r->route->shape == SHEET && sheet_wanted(r)) {
        sheet_rows(r, rows);
        return;
    }
    if (r->rows && list_is_long(r))
        list_begin(r);
    else
        answer(r, CODE_OK, NULL, rows_json(&r->answer, r->route->shape, rows));
}

void reply_data(struct request *r, const char *data)
{
    answer(r, CODE_OK, NULL, data);
}

void reply_code(struct request *r, int code, const char *detail)
{
    answer(r, code, detail, "null");
}

/* The field in a constraint's name: "blacklist_targetId_i0400" is about targetId. */
static const char *constraint_field(struct request *r, const char *constraint)
{
    char *name = request_copy(r, constraint);
    char *code = strrchr(name, '_');

    if (!code)
        return name;
    *code = '\0';
    char *field = strrchr(name, '_');
    return field ? field + 1 : name;
}

static void reply_constraint(struct request *r, int code, const char *constraint)
{
    reply_code(r, code, code == CODE_BAD_REQUEST ? constraint_field(r, constraint) : NULL);
}

/* "group_speaks:8": the innermost function of a context.  Of the rest nothing, for a statement may hold values. */
static void place_of(const char *context, char *place, size_t size)
{
    const char *name = context ? strstr(context, "PL/pgSQL function ") : NULL, *line = name ? strstr(name, ") line ") : NULL;

    *place = '\0';
    if (!line || (name != context && name[-1] != '\n'))
        return;
    name += strlen("PL/pgSQL function ");
    line += strlen(") line ");
    snprintf(place, size, " (%.*s:%.*s)", (int)strcspn(name, "("), name, (int)strspn(line, "0123456789"), line);
}

/* Why PostgreSQL has refused: the hint of the raise (sql/), or the constraint or type that did, and where.  The detail it
 * adds by itself has values in it. */
static const char *failure_cause(struct request *r, const PGresult *failure)
{
    const char *what = PQresultErrorField(failure, PG_DIAG_MESSAGE_HINT);
    char place[160], cause[480];

    if (!what)
        what = PQresultErrorField(failure, PG_DIAG_CONSTRAINT_NAME);
    if (!what)
        what = PQresultErrorField(failure, PG_DIAG_DATATYPE_NAME);
    place_of(PQresultErrorField(failure, PG_DIAG_CONTEXT), place, sizeof place);
    snprintf(cause, sizeof cause, "%s%s", what ? what : "", place);
    return request_copy(r, cause);
}

static void reply_broken(struct request *r, const char *what, const char *message)
{
    log_error("%s %s failed: %s %s %s", r->method, r->route->path, what, message ? message : "", r->cause ? r->cause : "");
    reply_code(r, CODE_INTERNAL, NULL);
}

void reply_lost(struct request *r, bool sent)
{
    reply_broken(r, sent ? "PostgreSQL went away, the outcome is unknown" : "PostgreSQL is away or busy, nothing was sent", NULL);
}

const char *reply_unfit(const struct call *call, const PGresult *failure)
{
    const char *state = failure ? PQresultErrorField(failure, PG_DIAG_SQLSTATE) : NULL;

    return state && strcmp(state, "23514") == 0 && call
               ? call_domain_field(call, PQresultErrorField(failure, PG_DIAG_DATATYPE_NAME))
               : NULL;
}

void reply_failure(struct request *r, const struct call *call, const PGresult *failure)
{
    const char *state = PQresultErrorField(failure, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(failure, PG_DIAG_MESSAGE_PRIMARY);
    const char *constraint = PQresultErrorField(failure, PG_DIAG_CONSTRAINT_NAME);
    const char *field = reply_unfit(call, failure);
    int code = code_of_sqlstate(state), constraint_code = code_of_constraint(constraint);

    r->cause = failure_cause(r, failure);
    if (code)
        reply_code(r, code, message && strcmp(message, state) != 0 ? message : NULL);
    else if (constraint_code)
        reply_constraint(r, constraint_code, constraint);
    else if (field)
        reply_code(r, CODE_BAD_REQUEST, field);
    else if (state)
        reply_broken(r, state, message);
    else
        reply_lost(r, true); /* libpq's own words for a connection that is gone */
}

void reply_grow_code(struct request *r, int code, const char *detail)
{
    bool english = r->language && strncmp(r->language, "en", 2) == 0;
    const char *text = code_text(code, english);
    char number[16];

    if (detail) {
        size_t size = strlen(text) + strlen(detail) + 3;
        char *both = obstack_alloc(&r->pool, size);
        snprintf(both, size, "%s: %s", text, detail);
        text = both;
    }
    snprintf(number, sizeof number, "%d", code);
    json_grow(&r->answer, "\"code\":");
    json_grow(&r->answer, number);
    json_grow(&r->answer, ",\"message\":");
    json_grow_string(&r->answer, text);
}

static const char *envelope(struct request *r, int code, const char *detail, const char *data)
{
    obstack_1grow(&r->answer, '{');
    reply_grow_code(r, code, detail);
    json_grow(&r->answer, ",\"data\":");
    json_grow(&r->answer, data);
    obstack_grow0(&r->answer, "}", 1);
    return obstack_finish(&r->answer);
}

/* nginx passes the line on as it is, and a status line without a reason is not everybody's HTTP. */
static const char *reason_of(int status)
{
    switch (status) {
    case 204:
        return "No Content";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 429:
        return "Too Many Requests";
    default:
        return "Refused";
    }
}

void reply_write(struct request *r, int status, const char *headers, const char *body)
{
    char line[64] = "", who[64] = "", length[48];

    if (!r->code)
        r->code = status == 204 ? CODE_OK : status;
    if (status != 200)
        snprintf(line, sizeof line, "Status: %d %s\r\n", status, reason_of(status));
    if (r->known) /* for nginx's log; it keeps that from the client */
        snprintf(who, sizeof who, "X-IM-Who: %s:%" PRId64 "\r\n", callers[r->audience], r->claims.subject);
    snprintf(length, sizeof length, "Content-Length: %zu\r\n\r\n", strlen(body));
    output_add(r, line, strlen(line));
    output_add(r, who, strlen(who));
    output_add(r, headers, strlen(headers));
    output_add(r, length, strlen(length));
    output_add(r, body, strlen(body));
}

void reply_http(struct request *r, int code, const char *detail, const char *data)
{
    char headers[192];

    snprintf(headers, sizeof headers, REPLY_HEADERS, code);
    reply_write(r, code == CODE_TOO_MANY ? 429 : 200, headers, envelope(r, code, detail, data));
}
