#include "once.h"
#include "base/abandon.h"
#include "base/jsonread.h"
#include "base/sqltype.h"
#include "request.h"

#include <string.h>

struct call once_call = {.text = "once(:me, :ver, :session, :key, :digest, :claims)"};

static bool writes(const char *method)
{
    return strcmp(method, "GET") != 0 && strcmp(method, "WS") != 0;
}

bool once_keeps(const struct route *route)
{
    return route->who == USER && route->call && strstr(route->call, "(:me") && !strstr(route->call, ":key") &&
           route->shape != NOTHING && writes(route->method);
}

bool once_wanted(struct request *r)
{
    const char *call = r->route->call;

    return r->route->who == USER && r->text && call && !strstr(call, ":key") && writes(r->method) && request_value(r, "key");
}

bool once_done(const PGresult *failure)
{
    const char *state = failure ? PQresultErrorField(failure, PG_DIAG_SQLSTATE) : NULL;

    return state && strcmp(state, "I0200") == 0;
}

/* As PostgreSQL would have sent it.  Of a tree json_rows() has left the text. */
static bool set_cell(PGresult *rows, int row, int column, struct json_object *value)
{
    enum cell_kind kind = sqltype_of(PQftype(rows, column))->cell;
    const char *text = json_object_get_string(value);
    char time[40];

    if (value && !text)
        return false;
    if (text && kind == CELL_BOOL)
        text = json_object_get_boolean(value) ? "t" : "f";
    if (text && kind == CELL_TIME && strlen(text) > 10 && strlen(text) < sizeof time) {
        memcpy(time, text, strlen(text) + 1);
        time[10] = ' ';
        text = time;
    }
    return PQsetvalue(rows, row, column, (char *)text, text ? (int)strlen(text) : -1);
}

static bool set_rows(PGresult *rows, struct json_object *kept)
{
    for (int row = 0; row < (int)json_object_array_length(kept); row++)
        for (int column = 0; column < PQnfields(rows); column++) {
            struct json_object *value = NULL;
            json_object_object_get_ex(json_object_array_get_idx(kept, (size_t)row), PQfname(rows, column), &value);
            if (!set_cell(rows, row, column, value))
                return false;
        }
    return true;
}

PGresult *once_rows(const struct call *call, const PGresult *failure)
{
    struct json_object *kept = json_rows(PQresultErrorField(failure, PG_DIAG_MESSAGE_PRIMARY));
    PGresult *rows = PQcopyResult(call->statement.columns, PG_COPYRES_ATTRS);
    bool done = kept && rows && set_rows(rows, kept);

    json_object_put(kept);
    if (!done) {
        PQclear(rows);
        abandon_request("out of memory");
    }
    return rows;
}
