/*
 * Login passwords as Argon2id PHC strings, and keyed digests, such as that of a trade password.
 *
 * Argon2id takes 30-50 ms of CPU by design, so only cgi-bin/auth and cgi-bin/backstage call it (burn.h).  The trade
 * password is checked with every payment and must not stall the wallet: it is an HMAC under a key (the
 * pepper) that the database never sees, so that a stolen database cannot be searched for six-digit PINs.
 *
 * Where libgcrypt fails, for lack of memory, the request is abandoned (abandon.h).
 */
#ifndef IM_PASSWORD_H
#define IM_PASSWORD_H

#include "must.h"

#include <stdbool.h>

enum { PASSWORD_MIN = 6, PASSWORD_MAX = 64, PASSWORD_HASH_SIZE = 128, PASSWORD_DIGEST_SIZE = 65 };

/* Initialises libgcrypt; call once before anything here or in token.h. */
void password_open(void);

/* The password as it is hashed: Unicode's NFC, so that whatever keyboard composes its letters, it is the same.  The caller
 * frees it. */
char *password_normal(const char *password);

/* True when the password has between PASSWORD_MIN and PASSWORD_MAX characters (not bytes). */
MUST_USE bool password_acceptable(const char *password);

/* Writes the PHC string of the password, which is not empty, under a fresh random salt. */
void password_hash(const char *password, char hash[static PASSWORD_HASH_SIZE]);

/* Compares in constant time.  A NULL hash (unknown user) or an empty password costs the same and never matches. */
MUST_USE bool password_matches(const char *password, const char *hash);

/* True when the hash cost what password_hash() has one cost now. */
MUST_USE bool password_current(const char *hash);

/* Writes HMAC-SHA256 under the key, in hexadecimal, of the texts one after the other; NULL ends them. */
void password_digest(char digest[static PASSWORD_DIGEST_SIZE], const char *key, const char *const *texts);

/* Compares two texts in time that depends on their lengths only. */
MUST_USE bool password_equal(const char *one, const char *other);

#endif
