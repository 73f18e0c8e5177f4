/*
 * Rows as JSON, in the shape of a route.
 */
#ifndef IM_ROWS_H
#define IM_ROWS_H

#include "route.h"

#include <libpq-fe.h>
#include <obstack.h>
#include <stddef.h>

/* What a page or a part has at most, so that nobody waits long for its being made; and what is left of it for the envelope. */
enum { ROWS_MAX = 1 << 20, ROWS_ENVELOPE = 1024 };

/* The rows as JSON text, made in the obstack.  A PAGE and a PART end before ROWS_MAX, but not before their first row. */
const char *rows_json(struct obstack *out, enum shape shape, const PGresult *rows);

/* Grows the object by a list's elements from that row on, commas between, until it has so many bytes; returns the row to go on
 * with. */
int rows_grow(struct obstack *out, const PGresult *rows, int row, size_t enough);

/* Grows the object by one cell. */
void rows_grow_cell(struct obstack *out, const PGresult *rows, int row, int column);

#endif
