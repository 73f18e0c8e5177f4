/*
 * Base64 with the standard alphabet; without padding in PHC strings, with it elsewhere.
 */
#ifndef IM_BASE64_H
#define IM_BASE64_H

#include "must.h"

#include <stddef.h>

/* Writes the text of n bytes without padding, and a NUL; returns its length, at most (n * 4 + 2) / 3. */
size_t base64_encode(const unsigned char *in, size_t n, char *out);

/* Decodes until a character outside the alphabet; returns the bytes written, at most size. */
MUST_USE size_t base64_decode(const char *in, unsigned char *out, size_t size);

/* The padded text of n bytes; the caller frees it.  NULL: out of memory. */
MUST_USE char *base64_text(const unsigned char *in, size_t n);

#endif
