/*
 * Strict JSON in, safe JSON out.
 *
 * json-c accepts far more than RFC 8259 (NaN, 'single quotes', duplicate keys, overlong UTF-8, a key cut at
 * \u0000 …), so the text is checked here first and json-c only builds the tree.  Output is written straight
 * into an obstack: the caller grows the object and finishes it.
 */
#ifndef IM_JSON_H
#define IM_JSON_H

#include "must.h"

#include <obstack.h>
#include <stdbool.h>
#include <stddef.h>
#include <json-c/json.h>

/* Deepest nesting that is accepted; the outer object counts as 1.  Room for the name of a field. */
enum { JSON_DEPTH = 8, JSON_FIELD = 64 };

/* What follows abandons the request (abandon.h) for which it has no memory. */

/* An object without members; the caller puts it. */
MUST_USE struct json_object *json_empty(void);

/* Parses one JSON object of RFC 8259: valid UTF-8, no duplicate keys, no U+0000, at most JSON_DEPTH deep; the escape of half
 * a surrogate pair is read as U+FFFD.  A byte order mark before it is no part of it.  Blank text counts as {}.  Returns NULL for anything else, with the name of the member
 * at which reading ended, or "" where there is none; the caller puts the object. */
MUST_USE struct json_object *json_read(const char *text, size_t length, char field[JSON_FIELD]);

/* The text of the first member of that name that has one, in JSON that need not be whole nor what json_read() takes: for
 * telling its sender what was refused.  NULL when there is none; the caller puts it. */
MUST_USE struct json_object *json_find_text(const char *text, size_t length, const char *name);

/* True when the bytes are well-formed UTF-8 (no overlong forms, no surrogates) without U+0000. */
MUST_USE bool json_utf8_valid(const char *text, size_t length);

/* True when the bytes may be somebody's JSON, right or wrong: well-formed UTF-8 without control characters other than white
 * space. */
MUST_USE bool json_is_text(const char *text, size_t length);

/* Grows the obstack's object by the text as a JSON string with its quotes.  The text is valid UTF-8. */
void json_grow_string(struct obstack *out, const char *text);

/* Grows the obstack's object by the text as it is. */
void json_grow(struct obstack *out, const char *text);

#endif
