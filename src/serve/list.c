#include "list.h"
#include "base/code.h"
#include "base/json.h"
#include "reply.h"
#include "request.h"
#include "rows.h"
#include "serve.h"

#include <stdio.h>

bool list_wanted(const struct request *r)
{
    return r->route->shape == LIST && !r->program->answer;
}

/* By their values: names and quotes come on top. */
bool list_is_long(const struct request *r)
{
    int count = PQntuples(r->rows), columns = PQnfields(r->rows);
    long size = 0;

    for (int row = 0; row < count && size <= LIST_PIECE / 2; row++)
        for (int column = 0; column < columns; column++)
            size += PQgetlength(r->rows, row, column);
    return size > LIST_PIECE / 2;
}

static void grow_head(struct request *r)
{
    char headers[192];

    snprintf(headers, sizeof headers, REPLY_HEADERS, CODE_OK);
    json_grow(&r->answer, headers);
    json_grow(&r->answer, "\r\n{");
    reply_grow_code(r, CODE_OK, NULL);
    json_grow(&r->answer, ",\"data\":[");
}

static void next_piece(struct request *r);

/* nginx has taken the last piece. */
static void on_taken(struct request *r)
{
    serve_resume(r, next_piece);
}

static void next_piece(struct request *r)
{
    if (r->output.broken) { /* nobody reads any more */
        r->answered = true;
        return;
    }
    r->row = rows_grow(&r->answer, r->rows, r->row, LIST_PIECE);
    r->answered = r->row == PQntuples(r->rows);
    if (r->answered)
        json_grow(&r->answer, "]}");
    size_t size = obstack_object_size(&r->answer);
    char *piece = obstack_finish(&r->answer);
    output_add(r, piece, size);
    obstack_free(&r->answer, piece);
    r->begun = true;
    if (!r->answered)
        output_later(r, on_taken);
}

void list_begin(struct request *r)
{
    grow_head(r);
    next_piece(r);
}
