#include "reply.h"
#include "base/code.h"
#include "base/log.h"
#include "request.h"
#include "sheet.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OID_BOOL = 16, OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23, OID_JSON = 114, OID_NUMERIC = 1700,
       OID_TIMESTAMPTZ = 1184, OID_JSONB = 3802, TIME_LENGTH = 19 };

/* What a page has at most, so that nobody waits long for its being made and sent; and what is left for the envelope. */
enum { ANSWER_MAX = 1 << 20, ENVELOPE = 1024, ROW_USUAL = 4096 };

/* PostgreSQL's text is JSON already for numbers (so money stays exact) and json; times lose fraction and zone. */
void reply_grow_cell(struct obstack *out, const PGresult *rows, int row, int column)
{
    const char *text = PQgetvalue(rows, row, column);

    if (PQgetisnull(rows, row, column)) {
        json_grow(out, "null");
        return;
    }
    switch (PQftype(rows, column)) {
    case OID_BOOL:
        json_grow(out, *text == 't' ? "true" : "false");
        break;
    case OID_INT2: case OID_INT4: case OID_INT8: case OID_NUMERIC: case OID_JSON: case OID_JSONB:
        json_grow(out, text);
        break;
    case OID_TIMESTAMPTZ:
        obstack_1grow(out, '"');
        obstack_grow(out, text, TIME_LENGTH);
        obstack_1grow(out, '"');
        break;
    default:
        json_grow_string(out, text);
    }
}

static void grow_object(struct obstack *out, const PGresult *rows, int row, int from)
{
    int columns = PQnfields(rows);

    obstack_1grow(out, '{');
    for (int column = from; column < columns; column++) {
        if (column > from)
            obstack_1grow(out, ',');
        json_grow_string(out, PQfname(rows, column));
        obstack_1grow(out, ':');
        reply_grow_cell(out, rows, row, column);
    }
    obstack_1grow(out, '}');
}

/* By itself an obstack would grow by an eighth, and copy all it has each time. */
static void make_room(struct obstack *out)
{
    if (obstack_room(out) < ROW_USUAL)
        obstack_make_room(out, obstack_object_size(out) + ROW_USUAL);
}

/* As many rows as keep the answer below so many bytes, but one at least; 0: all. */
static void grow_list(struct obstack *out, const PGresult *rows, int from, int most)
{
    int count = PQntuples(rows);

    obstack_1grow(out, '[');
    for (int row = 0; row < count; row++) {
        int before = (int)obstack_object_size(out);
        make_room(out);
        if (row)
            obstack_1grow(out, ',');
        grow_object(out, rows, row, from);
        int size = (int)obstack_object_size(out);
        if (most && row && size > most) {
            obstack_blank_fast(out, before - size);
            break;
        }
    }
    obstack_1grow(out, ']');
}

/* Every row of a page carries the total; an empty page is one row with nothing else. */
static void grow_page(struct obstack *out, const PGresult *rows)
{
    json_grow(out, "{\"total\":");
    json_grow(out, PQntuples(rows) ? PQgetvalue(rows, 0, 0) : "0");
    json_grow(out, ",\"records\":");
    if (PQntuples(rows) && PQnfields(rows) > 1 && !PQgetisnull(rows, 0, 1))
        grow_list(out, rows, 1, ANSWER_MAX - ENVELOPE);
    else
        json_grow(out, "[]");
    obstack_1grow(out, '}');
}

static const char *rows_json(struct obstack *out, enum shape shape, const PGresult *rows)
{
    if (shape == NOTHING || (PQntuples(rows) == 0 && (shape == ONE || shape == VALUE)))
        return "null";
    if (shape == ONE)
        grow_object(out, rows, 0, 0);
    else if (shape == VALUE)
        reply_grow_cell(out, rows, 0, 0);
    else if (shape == LIST || shape == PART)
        grow_list(out, rows, 0, shape == PART ? ANSWER_MAX - ENVELOPE : 0);
    else
        grow_page(out, rows);
    obstack_1grow(out, '\0');
    return obstack_finish(out);
}

/* Who was refused what, and why: in the words of whatever refused it, which the client is not told. */
static void refusal_log(const struct request *r, int code, const char *detail)
{
    static const char *const callers[] = {[AUDIENCE_USER] = "user", [AUDIENCE_ADMIN] = "admin", [AUDIENCE_SERVICE] = "service"};
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
    if (code != CODE_OK && code != CODE_INTERNAL)
        refusal_log(r, code, detail);
    if (r->begun) { /* half a file is out: that it broke off is all that can be said */
        sheet_break(r, code);
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

static void reply_broken(struct request *r, const char *state, const char *message)
{
    log_error("%s %s failed: %s %s %s", r->method, r->route->path,
              state           ? state
              : r->job.sent   ? "PostgreSQL went away, the outcome is unknown"
                              : "PostgreSQL is away or busy, nothing was sent",
              message ? message : "", r->cause ? r->cause : "");
    reply_code(r, CODE_INTERNAL, NULL);
}

const char *reply_unfit(const struct request *r, const PGresult *failure)
{
    const char *state = failure ? PQresultErrorField(failure, PG_DIAG_SQLSTATE) : NULL;

    return state && strcmp(state, "23514") == 0 && r->call
        ? call_domain_field(r->call, PQresultErrorField(failure, PG_DIAG_DATATYPE_NAME)) : NULL;
}

void reply_failure(struct request *r, const PGresult *failure)
{
    const char *state = failure ? PQresultErrorField(failure, PG_DIAG_SQLSTATE) : NULL;
    const char *message = failure ? PQresultErrorField(failure, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    const char *constraint = failure ? PQresultErrorField(failure, PG_DIAG_CONSTRAINT_NAME) : NULL;
    const char *field = reply_unfit(r, failure);
    int code = code_of_sqlstate(state), constraint_code = code_of_constraint(constraint);

    r->cause = failure ? failure_cause(r, failure) : NULL;
    if (code)
        reply_code(r, code, message && strcmp(message, state) != 0 ? message : NULL);
    else if (constraint_code)
        reply_constraint(r, constraint_code, constraint);
    else if (field)
        reply_code(r, CODE_BAD_REQUEST, field);
    else
        reply_broken(r, state, message);
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
    char line[64] = "", length[48];

    if (status != 200)
        snprintf(line, sizeof line, "Status: %d %s\r\n", status, reason_of(status));
    snprintf(length, sizeof length, "Content-Length: %zu\r\n\r\n", strlen(body));
    output_add(r, line, strlen(line));
    output_add(r, headers, strlen(headers));
    output_add(r, length, strlen(length));
    output_add(r, body, strlen(body));
}

void reply_http(struct request *r, int code, const char *detail, const char *data)
{
    char headers[192];

    snprintf(headers, sizeof headers,
             "Content-Type: application/json; charset=utf-8\r\nX-IM-Code: %d\r\n"
             "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n",
             code);
    reply_write(r, code == CODE_TOO_MANY ? 429 : 200, headers, envelope(r, code, detail, data));
}
