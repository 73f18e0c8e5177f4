/*
 * The values of a call's arguments: what the request has for each, as the text that PostgreSQL takes.
 *
 * Whatever is checked without PostgreSQL is checked here: that a field is there, the JSON type that fits its SQL type, so many
 * characters, words.  The rest is the rule of the parameter's domain.
 */
#ifndef IM_BIND_H
#define IM_BIND_H

#include "base/must.h"
#include "call.h"

struct request;

/* The arguments' values as text, allocated in the request's pool, in the order of the call.  Returns 0, or the
 * code to refuse with and the name of the field that is missing, of the wrong type or has a forbidden word. */
MUST_USE int bind_call(const struct call *call, struct request *request, const char **values, const char **field);

#endif
