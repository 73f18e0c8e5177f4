/*
 * Logging in with a password, as users (cgi-bin/auth) and administrators (cgi-bin/backstage) do:
 * find the account's hash, compare, have the database open a session or count the failure, answer tokens.
 */
#ifndef IM_LOGIN_H
#define IM_LOGIN_H

#include "base/must.h"
#include "request.h"

/* A new password in the body's field, or NULL after the answer that says that it is not acceptable. */
MUST_USE const char *login_password(struct request *r, const char *name);

/* Keeps what a call found, (account, hash, captcha solved) or nobody, as :account, :hash and :solved, for login_match();
 * false after the answer that says that there is no `password`. */
MUST_USE bool login_keep(struct request *r, const PGresult *rows);

/* Compares the body's `password` with :hash, at the same cost when there is none, and sets :matched; and :fresh, a new hash,
 * when the one that matched cost something else than hashes do now.  Burns (burn.h). */
void login_match(struct request *r);

/* Answers an access token, a refresh token for users, and the row's other columns.  The row's first column is
 * the account; ver, session, generation and issuedAt (epoch seconds) become claims. */
void login_answer(struct request *r, enum audience audience, const PGresult *rows);

#endif
