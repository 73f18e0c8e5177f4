#include "sheet.h"
#include "base/json.h"
#include "base/sqltype.h"
#include "request.h"
#include "serve.h"
#include "transaction.h"

#include <string.h>

enum { TIME_LENGTH = 19, DIGITS_KEPT = 15 };

/* Where the request stood before its first batch. */
struct sheet {
    char *batch; /* the pool from here on is of the last batch */
    struct value *values;
};

static const char mark[] = "\xef\xbb\xbf";

bool sheet_wanted(struct request *r)
{
    const char *format = request_text(r, "format");

    return format && strcmp(format, "csv") == 0;
}

/* What a spreadsheet would calculate: those letters, and as East Asian keyboards write them. */
static bool begins_formula(const char *cell)
{
    static const char *const signs[] = {
        "=", "+", "-", "@", "\t", "\r", "\n", "|", "\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\xa0"};

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

    switch (sqltype_of(PQftype(rows, column))->cell) {
    case CELL_BOOL:
        json_grow(out, PQgetisnull(rows, row, column) ? "" : *cell == 't' ? "true" : "false");
        break;
    case CELL_TIME:
        obstack_grow(out, cell, (int)strnlen(cell, TIME_LENGTH));
        break;
    case CELL_NUMBER:
        sheet_grow_cell(out, cell, false);
        break;
    case CELL_TEXT:
    case CELL_JSON:
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
static void grow_head(struct request *r)
{
    const char *name = strncmp(r->path, "/im/", 4) == 0 ? r->path + 4 : r->path;

    json_grow(&r->answer, "Content-Type: text/csv; charset=utf-8\r\nX-IM-Code: 200\r\nCache-Control: no-store\r\n"
                          "X-Content-Type-Options: nosniff\r\nContent-Disposition: attachment; filename=\"");
    obstack_grow(&r->answer, name, (int)strcspn(name, "/"));
    json_grow(&r->answer, ".csv\"\r\n\r\n");
    json_grow(&r->answer, mark);
}

static void add_lines(struct request *r, const PGresult *rows, int from)
{
    int count = PQntuples(rows);

    for (int row = from; row < count; row++)
        grow_line(&r->answer, rows, row);
    size_t size = obstack_object_size(&r->answer);
    char *lines = obstack_finish(&r->answer);
    output_add(r, lines, size);
    obstack_free(&r->answer, lines);
}

static void sheet_begin(struct request *r)
{
    r->sheet = obstack_alloc(&r->pool, sizeof *r->sheet);
    r->sheet->values = r->values;
    grow_head(r);
}

/* What the last batch needed is freed. */
static void batch_prepare(struct request *r, const PGresult *rows)
{
    if (r->begun)
        obstack_free(&r->pool, r->sheet->batch);
    r->sheet->batch = obstack_alloc(&r->pool, 1);
    r->values = r->sheet->values;
    request_set(r, "after", PQgetvalue(rows, PQntuples(rows) - 1, 0));
}

static void next_batch(struct request *r)
{
    if (r->output.broken)
        r->answered = true; /* nobody reads any more */
    else
        transaction_again(r);
}

/* nginx has taken the last batch. */
static void on_taken(struct request *r)
{
    serve_resume(r, next_batch);
}

void sheet_rows(struct request *r, const PGresult *rows)
{
    if (!r->begun)
        sheet_begin(r);
    add_lines(r, rows, r->begun ? 0 : -1);
    if (PQntuples(rows) == 0) {
        r->answered = true;
        return;
    }
    batch_prepare(r, rows);
    r->begun = true;
    if (output_send(r, on_taken))
        next_batch(r);
}
