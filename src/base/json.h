/*
 * Safe JSON out, straight into an obstack: the caller grows the object and finishes it.  And what is text.
 */
#ifndef IM_JSON_H
#define IM_JSON_H

#include "must.h"

#include <obstack.h>
#include <stdbool.h>
#include <stddef.h>
#include <json-c/json.h>

/* True when the bytes are well-formed UTF-8 (no overlong forms, no surrogates) without U+0000. */
MUST_USE bool json_utf8_valid(const char *text, size_t length);

/* True when the bytes may be somebody's JSON, right or wrong: well-formed UTF-8 without control characters other than white
 * space. */
MUST_USE bool json_is_text(const char *text, size_t length);

/* Grows the obstack's object by the text as a JSON string with its quotes.  The text is valid UTF-8. */
void json_grow_string(struct obstack *out, const char *text);

/* The text of a string, or as it is written in JSON, of a number or a boolean; it lives as long as the value.  Without memory
 * for it the request is abandoned (abandon.h). */
MUST_USE const char *json_text(struct json_object *value);

/* Grows the obstack's object by the value as JSON without white space. */
void json_grow_value(struct obstack *out, struct json_object *value);

/* Grows the obstack's object by the text as it is. */
void json_grow(struct obstack *out, const char *text);

#endif
