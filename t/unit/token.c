/*
 * token_verify() against what libjwt lets through (platform.md): other algorithms, no algorithm, no key, expiry.
 */
#include "../memory/fail.c"

#include "base/password.h"
#include "base/token.h"

#include <inttypes.h>
#include <jwt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

static const char key[] = "0123456789abcdef0123456789abcdef", old_key[] = "fedcba9876543210fedcba9876543210";
static const char admin_key[] = "00112233445566778899aabbccddeeff";

/* A token that is right in everything; each case below spoils one thing. */
struct forgery {
    const char *title;
    jwt_alg_t algorithm;
    const char *key, *issuer, *audience, *kind, *subject;
    long expires_in, not_before_in;
    bool leave_out_version;
};

static const struct forgery genuine = {"", JWT_ALG_HS256, key, "im-chat", "im-user", "access", "10001", 60, 0, false};

static char *forge(const struct forgery *f)
{
    jwt_t *jwt;
    time_t now = time(NULL);

    jwt_new(&jwt);
    jwt_add_grant(jwt, "iss", f->issuer);
    jwt_add_grant(jwt, "aud", f->audience);
    jwt_add_grant(jwt, "typ", f->kind);
    jwt_add_grant(jwt, "sub", f->subject);
    jwt_add_grant_int(jwt, "sid", 1);
    jwt_add_grant_int(jwt, "gen", 0);
    jwt_add_grant_int(jwt, "iat", now);
    jwt_add_grant_int(jwt, "exp", now + f->expires_in);
    if (!f->leave_out_version)
        jwt_add_grant_int(jwt, "ver", 0);
    if (f->not_before_in)
        jwt_add_grant_int(jwt, "nbf", now + f->not_before_in);
    jwt_set_alg(jwt, f->algorithm, f->key ? (const unsigned char *)f->key : NULL, f->key ? (int)strlen(f->key) : 0);
    char *text = jwt_encode_str(jwt);
    jwt_free(jwt);
    return text;
}

static void refused(struct forgery f)
{
    struct claims claims;
    char *text = forge(&f);

    ok(!token_verify(text, AUDIENCE_USER, TOKEN_ACCESS, &claims), "refused: %s", f.title);
    free(text);
}

#define SPOILED(...)                                                                                                               \
    refused(__extension__({                                                                                                        \
        struct forgery f = genuine;                                                                                                \
        __VA_ARGS__;                                                                                                               \
        f;                                                                                                                         \
    }))

static void check_forgeries(void)
{
    SPOILED(f.title = "alg none", f.algorithm = JWT_ALG_NONE, f.key = NULL);
    SPOILED(f.title = "HS384 under the same key", f.algorithm = JWT_ALG_HS384);
    SPOILED(f.title = "HS512 under the same key", f.algorithm = JWT_ALG_HS512);
    SPOILED(f.title = "another key", f.key = "ffffffffffffffffffffffffffffffff");
    SPOILED(f.title = "expired", f.expires_in = -1);
    SPOILED(f.title = "not yet valid", f.not_before_in = 60);
    SPOILED(f.title = "another issuer", f.issuer = "im-chat2");
    SPOILED(f.title = "an administrator's", f.audience = "im-admin");
    SPOILED(f.title = "a refresh token", f.kind = "refresh");
    SPOILED(f.title = "no version", f.leave_out_version = true);
    SPOILED(f.title = "subject 0", f.subject = "0");
    SPOILED(f.title = "subject -1", f.subject = "-1");
    SPOILED(f.title = "subject \"1 \"", f.subject = "1 ");
    SPOILED(f.title = "subject 010001", f.subject = "010001");
}

/* Each audience's tokens are signed with its own key, and taken only by who knows that. */
static void check_audiences(void)
{
    struct claims in = {.subject = 1, .issued_at = time(NULL)}, out;
    struct forgery f = genuine;

    f.audience = "im-admin";
    f.key = admin_key;
    char *right = forge(&f);
    f.key = key;
    char *wrong = forge(&f);
    ok(!token_verify(right, AUDIENCE_ADMIN, TOKEN_ACCESS, &out), "whoever does not know an audience takes none of its tokens");
    token_know(AUDIENCE_ADMIN);
    ok(token_verify(right, AUDIENCE_ADMIN, TOKEN_ACCESS, &out), "who does, takes them");
    ok(!token_verify(wrong, AUDIENCE_ADMIN, TOKEN_ACCESS, &out), "but none that the users' key has signed");
    ok(!token_verify(right, AUDIENCE_USER, TOKEN_ACCESS, &out), "nor are they users'");
    char *text = token_sign(AUDIENCE_ADMIN, TOKEN_ACCESS, &in);
    ok(text && token_verify(text, AUDIENCE_ADMIN, TOKEN_ACCESS, &out), "it signs them with that key");
    ok(!token_sign(AUDIENCE_SERVICE, TOKEN_ACCESS, &in), "and cannot sign those it does not know");
    free(right);
    free(wrong);
    free(text);
}

/* Processor time of verifying all of them once, in microseconds. */
static long cost(char *const *texts, int count)
{
    struct claims claims;
    clock_t start = clock();
    bool taken = true;

    for (int i = 0; i < count; i++)
        taken = token_verify(texts[i], AUDIENCE_USER, TOKEN_ACCESS, &claims) && taken;
    ok(taken, "all are verified");
    return (long)((clock() - start) / (CLOCKS_PER_SEC / 1000000));
}

/* As many as a busy server meets in turn; a token that is remembered costs a tenth of one that is not. */
static void check_remembered(void)
{
    enum { TOKENS = 2500 };
    struct claims in = {.issued_at = time(NULL)};
    char *texts[TOKENS];

    for (int i = 0; i < TOKENS; i++) {
        in.subject = in.session = 20000 + i;
        texts[i] = token_sign(AUDIENCE_USER, TOKEN_ACCESS, &in);
    }
    long first = cost(texts, TOKENS), again = cost(texts, TOKENS);
    ok(again < first / 2, "2,500 tokens are remembered at once: %ld us, then %ld", first, again);
    for (int i = 0; i < TOKENS; i++)
        free(texts[i]);
}

static void check_cuts(const char *text)
{
    struct claims claims;
    int taken = 0;

    for (size_t n = 0; n < strlen(text); n++) {
        char *cut = strndup(text, n);
        taken += token_verify(cut, AUDIENCE_USER, TOKEN_ACCESS, &claims);
        free(cut);
    }
    ok(taken == 0, "refused: cut at any character");
}

/* Each allocation fails in turn: the same token, or none. */
static void check_memory(const struct claims *in, const char *wanted)
{
    static struct plan failing;
    int same = 0, none = 0, wrong = 0;

    plan = &failing;
    for (failing.failed = 1; failing.failed;) {
        failing = (struct plan){.armed = 1, .nth = same + none + wrong + 1};
        char *text = token_sign(AUDIENCE_USER, TOKEN_ACCESS, in);
        failing.armed = 0;
        none += !text;
        same += text && strcmp(text, wanted) == 0;
        wrong += text && strcmp(text, wanted) != 0;
        free(text);
    }
    ok(none > 0 && same == 1 && wrong == 0, "signed or not while memory fails: %d times not, %d times right, %d times wrong", none,
       same, wrong);
}

int main(void)
{
    struct claims in = {.subject = 10001, .session = 7, .version = 3, .generation = 2, .issued_at = time(NULL)}, out;
    char long_text[4096];

    setenv("IM_JWT_KEY_USER", key, 1);
    setenv("IM_JWT_KEY_USER_OLD", old_key, 1);
    setenv("IM_JWT_KEY_ADMIN", admin_key, 1);
    password_open();
    token_open();
    token_know(AUDIENCE_USER);
    check_audiences();

    char *text = token_sign(AUDIENCE_USER, TOKEN_ACCESS, &in), *again = token_sign(AUDIENCE_USER, TOKEN_ACCESS, &in);
    ok(strcmp(text, again) == 0, "the same claims give the same token");
    ok(token_verify(text, AUDIENCE_USER, TOKEN_ACCESS, &out), "a token is valid for its audience and kind");
    ok(out.subject == 10001 && out.session == 7 && out.version == 3 && out.generation == 2, "its claims come back");
    ok(token_verify(text, AUDIENCE_USER, TOKEN_ACCESS, &out) && out.subject == 10001, "and again when it is remembered");
    ok(!token_verify(text, AUDIENCE_ADMIN, TOKEN_ACCESS, &out), "not for another audience");
    ok(!token_verify(text, AUDIENCE_USER, TOKEN_REFRESH, &out), "not as another kind");
    check_cuts(text);
    if (!under_valgrind())
        check_memory(&in, text);
    free(text);
    free(again);

    check_forgeries();
    struct forgery late = genuine;
    late.expires_in = -1;
    text = forge(&late);
    ok(!token_verify(text, AUDIENCE_USER, TOKEN_ACCESS, &out) && out.expired, "who is merely late is told so");
    text[strlen(text) - 1] ^= 4;
    ok(!token_verify(text, AUDIENCE_USER, TOKEN_ACCESS, &out) && !out.expired, "but not a forger");
    free(text);
    struct forgery old = genuine;
    old.key = old_key;
    text = forge(&old);
    ok(token_verify(text, AUDIENCE_USER, TOKEN_ACCESS, &out), "the old key is still accepted");
    free(text);

    in.issued_at = time(NULL) - 1799;
    text = token_sign(AUDIENCE_USER, TOKEN_ACCESS, &in);
    ok(token_verify(text, AUDIENCE_USER, TOKEN_ACCESS, &out), "a token in its last second is valid");
    while (time(NULL) < in.issued_at + 1800)
        usleep(10000);
    ok(!token_verify(text, AUDIENCE_USER, TOKEN_ACCESS, &out), "remembered or not, it expires");
    ok(out.expired && out.subject == 10001, "and says so");
    free(text);

    check_remembered();
    memset(long_text, 'a', sizeof long_text);
    long_text[sizeof long_text - 1] = '\0';
    ok(!token_verify(long_text, AUDIENCE_USER, TOKEN_ACCESS, &out), "refused: 4 KiB of text");
    ok(!token_verify("", AUDIENCE_USER, TOKEN_ACCESS, &out), "refused: nothing");
    ok(!token_verify(NULL, AUDIENCE_USER, TOKEN_ACCESS, &out), "refused: NULL");
    return done_testing();
}
