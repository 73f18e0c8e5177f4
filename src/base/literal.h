/*
 * How values look as text: stricter than PostgreSQL, which takes blanks, signs, exponents and "yesterday" as well.
 */
#ifndef IM_LITERAL_H
#define IM_LITERAL_H

#include "must.h"

#include <stdbool.h>
#include <stdint.h>

/* ^(0|[1-9][0-9]{0,11})(\.[0-9]{1,2})?$ */
MUST_USE bool literal_money(const char *text);

/* An optional minus and at most 16 digits without leading zeros, within max. */
MUST_USE bool literal_integer(const char *text, int64_t max);

/* At most so many characters as a person counts them (grapheme clusters), of valid UTF-8. */
MUST_USE bool literal_length(const char *text, int most);

MUST_USE bool literal_uuid(const char *text);

#endif
