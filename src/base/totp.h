/*
 * The second factor of administrators: time-based one-time codes (RFC 6238) of six digits, HMAC-SHA1, a step of 30
 * seconds, as every authenticator makes them.
 */
#ifndef IM_TOTP_H
#define IM_TOTP_H

#include <stdint.h>

enum { TOTP_SECRET_SIZE = 33 };

/* Draws a secret of 160 bits and writes it in base32. */
void totp_secret(char secret[static TOTP_SECRET_SIZE]);

/* The step that a code is of, when it is one of the step at that time (seconds since the epoch), the one before or the
 * one after, of clocks that differ a little; 0 when it is none of them.  It takes the same time whichever it is. */
int64_t totp_step(const char *secret, const char *code, int64_t now);

#endif
