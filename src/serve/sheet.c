#include "sheet.h"
#include "base/log.h"
#include "request.h"
#include "serve.h"

#include <string.h>
#include <sys/socket.h>

enum { OID_BOOL = 16, OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23, OID_NUMERIC = 1700, OID_TIMESTAMPTZ = 1184,
       TIME_LENGTH = 19, DIGITS_KEPT = 15 };

static const char mark[] = "\xef\xbb\xbf";

bool sheet_wanted(struct request *r)
{
    const char *format = request_text(r, "format");

    return format && strcmp(format, "csv") == 0;
}

/* What a spreadsheet would calculate: those letters, and as East Asian keyboards write them. */
static bool begins_formula(const char *cell)
{
    static const char *const signs[] = {"=", "+", "-", "@", "\t", "\r", "\n", "|",
                                        "\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\xa0"};

    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (strncmp(cell, signs[i], strlen(signs[i])) == 0)
            return true;
    return false;
}

static bool is_guarded(const char *cell, bool text)
{
    if (!text)
        return strspn(cell, "-0123456789") == strlen(cell) && strlen(cell) > DIGITS_KEPT;
    return begins_formula(cell) || strspn(cell, "0123456789") > 0;
}

void sheet_grow_cell(struct obstack *out, const char *cell, bool text)
{
    bool guarded = is_guarded(cell, text), quoted = guarded || strpbrk(cell, "\",\r\n") != NULL;

    if (quoted)
        obstack_1grow(out, '"');
    if (guarded)
        obstack_1grow(out, '\t');
    for (; *cell; cell++) {
        if (*cell == '"')
            obstack_1grow(out, '"');
        obstack_1grow(out, *cell);
    }
    if (quoted)
        obstack_1grow(out, '"');
}

static void grow_value(struct obstack *out, const PGresult *rows, int row, int column)
{
    const char *cell = PQgetvalue(rows, row, column);

    switch (PQftype(rows, column)) {
    case OID_BOOL:
        json_grow(out, PQgetisnull(rows, row, column) ? "" : *cell == 't' ? "true" : "false");
        break;
    case OID_TIMESTAMPTZ:
        obstack_grow(out, cell, (int)strnlen(cell, TIME_LENGTH));
        break;
    case OID_INT2: case OID_INT4: case OID_INT8: case OID_NUMERIC:
        sheet_grow_cell(out, cell, false);
        break;
    default:
        sheet_grow_cell(out, cell, true);
    }
}

static void grow_line(struct obstack *out, const PGresult *rows, int row)
{
    int columns = PQnfields(rows);

    for (int column = 1; column < columns; column++) {
        if (column > 1)
            obstack_1grow(out, ',');
        if (row < 0)
            json_grow(out, PQfname(rows, column));
        else
            grow_value(out, rows, row, column);
    }
    json_grow(out, "\r\n");
}

/* "/im/user/list" is user.csv. */
static void send_head(struct request *r)
{
    const char *name = strncmp(r->path, "/im/", 4) == 0 ? r->path + 4 : r->path;

    FCGX_FPrintF(r->fcgi.out,
                 "Content-Type: text/csv; charset=utf-8\r\nX-IM-Code: 200\r\nCache-Control: no-store\r\n"
                 "X-Content-Type-Options: nosniff\r\nContent-Disposition: attachment; filename=\"%.*s.csv\"\r\n\r\n",
                 (int)strcspn(name, "/"), name);
    FCGX_PutStr(mark, sizeof mark - 1, r->fcgi.out);
}

/* False when nobody reads any more. */
static bool send_lines(struct request *r, const PGresult *rows, int from)
{
    int count = PQntuples(rows);

    for (int row = from; row < count; row++)
        grow_line(&r->pool, rows, row);
    int size = (int)obstack_object_size(&r->pool);
    char *lines = obstack_finish(&r->pool);
    bool sent = FCGX_PutStr(lines, size, r->fcgi.out) == size;
    obstack_free(&r->pool, lines);
    return sent;
}

/* What the call needed is freed with the place that the pool had before the first batch. */
static void next_batch(struct request *r, const PGresult *rows)
{
    struct value *kept = r->values;

    if (r->batch) {
        kept = r->values_kept;
        obstack_free(&r->pool, r->batch);
    }
    r->batch = obstack_alloc(&r->pool, 1);
    r->values = r->values_kept = kept;
    request_set(r, "after", PQgetvalue(rows, PQntuples(rows) - 1, 0));
    serve_call(r, r->call, NULL);
}

void sheet_rows(struct request *r, const PGresult *rows)
{
    if (!r->begun)
        send_head(r);
    bool sent = send_lines(r, rows, r->begun ? 0 : -1);
    r->begun = true;
    if (sent && PQntuples(rows))
        next_batch(r, rows);
    else
        r->answered = true;
}

void sheet_break(struct request *r, int code)
{
    log_error("an export broke off with code %d", code);
    shutdown(r->fcgi.ipcFd, SHUT_RDWR);
}
