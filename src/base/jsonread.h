/*
 * Strict JSON in: json-c accepts far more than RFC 8259 (NaN, 'single quotes', duplicate keys, overlong UTF-8, a key cut at
 * \u0000 …), and where it has no memory it leaves out what it was at, or ends the process (0.16).  So the text is read here,
 * and json-c is only what the tree is made of.
 */
#ifndef IM_JSONREAD_H
#define IM_JSONREAD_H

#include "must.h"

#include <stddef.h>
#include <json-c/json.h>

/* Deepest nesting that is accepted; the outer object counts as 1.  Room for the name of a field. */
enum { JSON_DEPTH = 8, JSON_FIELD = 64 };

/* What follows abandons the request (abandon.h) for which it has no memory. */

/* An object without members; the caller puts it. */
MUST_USE struct json_object *json_empty(void);

/* Parses one JSON object of RFC 8259: valid UTF-8, no duplicate keys, no U+0000, at most JSON_DEPTH deep; the escape of half
 * a surrogate pair is read as U+FFFD.  A byte order mark before it is no part of it.  Blank text counts as {}.
 * Returns NULL for anything else, with the name of the member at which reading ended, or "" where there is none; the caller
 * puts the object. */
MUST_USE struct json_object *json_read(const char *text, size_t length, char field[JSON_FIELD]);

/* Rows as jsonb_agg() of PostgreSQL writes them, an array of objects, NULL when it is none; a value that is an array or an
 * object itself is its text.  The caller puts them. */
MUST_USE struct json_object *json_rows(const char *text);

/* The text of the first member of that name that has one, in JSON that need not be whole nor what json_read() takes: for
 * telling its sender what was refused.  NULL when there is none; the caller puts it. */
MUST_USE struct json_object *json_find_text(const char *text, size_t length, const char *name);

#endif
