#include "rows.h"
#include "base/json.h"
#include "base/sqltype.h"

#include <stdint.h>

enum { ROW_USUAL = 4096, TIME_LENGTH = 19 };

/* PostgreSQL's text is JSON already for numbers (so money stays exact) and json; times lose fraction and zone. */
void rows_grow_cell(struct obstack *out, const PGresult *rows, int row, int column)
{
    const char *text = PQgetvalue(rows, row, column);

    if (PQgetisnull(rows, row, column)) {
        json_grow(out, "null");
        return;
    }
    switch (sqltype_of(PQftype(rows, column))->cell) {
    case CELL_BOOL:
        json_grow(out, *text == 't' ? "true" : "false");
        break;
    case CELL_NUMBER:
    case CELL_JSON:
        json_grow(out, text);
        break;
    case CELL_TIME:
        obstack_1grow(out, '"');
        obstack_grow(out, text, TIME_LENGTH);
        obstack_1grow(out, '"');
        break;
    case CELL_TEXT:
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
        rows_grow_cell(out, rows, row, column);
    }
    obstack_1grow(out, '}');
}

/* By itself an obstack would grow by an eighth, and copy all it has each time. */
static void make_room(struct obstack *out)
{
    if (obstack_room(out) < ROW_USUAL)
        obstack_make_room(out, obstack_object_size(out) + ROW_USUAL);
}

static void grow_element(struct obstack *out, const PGresult *rows, int row, int from)
{
    make_room(out);
    if (row)
        obstack_1grow(out, ',');
    grow_object(out, rows, row, from);
}

int rows_grow(struct obstack *out, const PGresult *rows, int row, size_t enough)
{
    int count = PQntuples(rows);

    while (row < count && obstack_object_size(out) < enough)
        grow_element(out, rows, row++, 0);
    return row;
}

/* As many rows as keep the answer within its bounds, but one at least. */
static void grow_part(struct obstack *out, const PGresult *rows, int from)
{
    int count = PQntuples(rows);

    obstack_1grow(out, '[');
    for (int row = 0; row < count; row++) {
        int before = (int)obstack_object_size(out);
        grow_element(out, rows, row, from);
        int size = (int)obstack_object_size(out);
        if (row && size > ROWS_MAX - ROWS_ENVELOPE) {
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
        grow_part(out, rows, 1);
    else
        json_grow(out, "[]");
    obstack_1grow(out, '}');
}

static void grow_list(struct obstack *out, const PGresult *rows)
{
    obstack_1grow(out, '[');
    rows_grow(out, rows, 0, SIZE_MAX);
    obstack_1grow(out, ']');
}

const char *rows_json(struct obstack *out, enum shape shape, const PGresult *rows)
{
    if (shape == NOTHING || (PQntuples(rows) == 0 && (shape == ONE || shape == VALUE)))
        return "null";
    if (shape == ONE)
        grow_object(out, rows, 0, 0);
    else if (shape == VALUE)
        rows_grow_cell(out, rows, 0, 0);
    else if (shape == LIST)
        grow_list(out, rows);
    else if (shape == PART)
        grow_part(out, rows, 0);
    else
        grow_page(out, rows);
    obstack_1grow(out, '\0');
    return obstack_finish(out);
}
