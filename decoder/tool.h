/*
 * A program that decodes, run to its end with what it prints.
 *
 * It finds the uploaded bytes as TOOL_INPUT and may write into the working folder; nothing else of ours is open.
 */
#ifndef IM_TOOL_H
#define IM_TOOL_H

#include "base/must.h"

#include <stdbool.h>
#include <stddef.h>

#define TOOL_INPUT "/proc/self/fd/3"
enum { TOOL_INPUT_DESCRIPTOR = 3 };

/* Runs argv, which ends with NULL; out gets up to size - 1 bytes of what it prints, as text.  True when it ended well. */
MUST_USE bool tool_run(const char *const argv[], char *out, size_t size);

/* The value of a line "name=value" or "name: value" of such a text, without quotes, up to size - 1 bytes; false when
 * there is no such line. */
MUST_USE bool tool_value(const char *out, const char *name, char *value, size_t size);

#endif
