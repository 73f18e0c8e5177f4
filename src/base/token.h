/*
 * Access and refresh tokens: JWT, HS256 only, through libjwt, with every check that libjwt leaves out.
 *
 * Tokens are a function of their claims: signing the same claims twice gives the same text.  That is how
 * two parallel refreshes get the same pair without a token ever being stored.
 */
#ifndef IM_TOKEN_H
#define IM_TOKEN_H

#include "must.h"

#include <stdbool.h>
#include <stdint.h>

/* Whose token: the three audiences never accept one another's.  Each has a key of its own, which only the programs know
 * that take its tokens: whoever has taken over another one cannot make them. */
enum audience { AUDIENCE_USER, AUDIENCE_ADMIN, AUDIENCE_SERVICE, AUDIENCES };

enum token_kind { TOKEN_ACCESS, TOKEN_REFRESH };

struct claims {
    int64_t subject;    /* account or administrator id */
    int64_t session;    /* session row: one device's login */
    int version;        /* the account's token version at signing */
    int generation;     /* of the refresh token within its session */
    int64_t issued_at;  /* seconds since the epoch */
    int64_t expires_at; /* seconds since the epoch */
    bool expired;       /* true when that is all that is wrong with it */
};

/* Reads the lifetimes.  No audience's tokens are valid yet. */
void token_open(void);

/* Reads an audience's key, IM_JWT_KEY_USER, _ADMIN or _SERVICE, and the one before it, …_OLD (accepted, never signed
 * with); ends the process when the key is missing or shorter than 32 bytes. */
void token_know(enum audience audience);

/* Lifetime of a kind in seconds. */
long token_lifetime(enum token_kind kind);

/* Signs the claims; expires_at is taken from issued_at and the kind's lifetime.  The caller frees the text.
 * NULL: out of memory. */
MUST_USE char *token_sign(enum audience audience, enum token_kind kind, const struct claims *claims);

/* True when the text is a valid, unexpired token of that audience and kind; fills claims, also when it has expired.  Without
 * memory to tell it abandons the request (abandon.h). */
MUST_USE bool token_verify(const char *text, enum audience audience, enum token_kind kind, struct claims *claims);

#endif
