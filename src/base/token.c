#include "token.h"
#include "abandon.h"
#include "base64.h"
#include "config.h"
#include "log.h"
#include "password.h"

#include <errno.h>
#include <gcrypt.h>
#include <inttypes.h>
#include <jwt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { KEY_MIN = 32, SIGNATURE = 32, TOKEN_MAX = 2048, TOKEN_REMEMBERED = 512 };

static const char *const audiences[] = {"im-user", "im-admin", "im-service"};
static const char *const kinds[] = {"access", "refresh"};
static const char issuer[] = "im-chat";
static const char *const key_names[][2] = {
    {"IM_JWT_KEY_USER", "IM_JWT_KEY_USER_OLD"},
    {"IM_JWT_KEY_ADMIN", "IM_JWT_KEY_ADMIN_OLD"},
    {"IM_JWT_KEY_SERVICE", "IM_JWT_KEY_SERVICE_OLD"},
};

/* Of each audience that the program knows: the current key first, then the one before it while a rotation lasts. */
static struct ring {
    struct key {
        const char *text;
        int length;
        char id[9];
    } keys[2];
    int count;
} rings[AUDIENCES];
static long lifetimes[2];

static void key_add(struct ring *ring, const char *name, const char *text)
{
    unsigned char digest[32];
    struct key *key = &ring->keys[ring->count++];

    key->text = text;
    key->length = (int)strlen(text);
    if (key->length < KEY_MIN)
        log_fatal("%s must have at least %d characters", name, KEY_MIN);
    gcry_md_hash_buffer(GCRY_MD_SHA256, digest, text, (size_t)key->length);
    for (int i = 0; i < 4; i++)
        snprintf(key->id + 2 * i, 3, "%02x", digest[i]);
}

/* Every frame of a socket carries the same token: what has been verified is remembered until another token of the
 * same place needs it.  A place that was never used takes no memory. */
static struct remembered {
    char text[TOKEN_REMEMBERED];
    enum audience audience;
    enum token_kind kind;
    struct claims claims;
} * remembered;
static long places;

static void remember_open(void)
{
    places = config_number("IM_TOKENS", 16384, 1, 1048576);
    free(remembered);
    remembered = calloc((size_t)places, sizeof *remembered);
    if (!remembered)
        log_fatal("out of memory for IM_TOKENS");
}

/* FNV-1a; its result is not secret, and whoever finds two tokens of one place makes these two slower. */
static struct remembered *place_of(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325;

    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
    return &remembered[(hash ^ hash >> 32) % (uint64_t)places];
}

void token_open(void)
{
    memset(rings, 0, sizeof rings);
    remember_open();
    lifetimes[TOKEN_ACCESS] = config_number("IM_ACCESS_TTL", 1800, 1, 86400);
    lifetimes[TOKEN_REFRESH] = config_number("IM_REFRESH_TTL", 604800, 1, 31536000);
}

void token_know(enum audience audience)
{
    const char *const *names = key_names[audience], *old = config_text(names[1], NULL);

    key_add(&rings[audience], names[0], config_required(names[0]));
    if (old)
        key_add(&rings[audience], names[1], old);
}

long token_lifetime(enum token_kind kind)
{
    return lifetimes[kind];
}

/* Appends that much as base64url (RFC 4648): where it ends. */
static char *write_part(char *at, const void *bytes, size_t n)
{
    char *end = at + base64_encode(bytes, n, at);

    for (; at < end; at++) {
        if (*at == '+')
            *at = '-';
        else if (*at == '/')
            *at = '_';
    }
    return end;
}

static bool sign(const struct key *key, const char *text, unsigned char signature[static SIGNATURE])
{
    gcry_md_hd_t mac;

    if (gcry_md_open(&mac, GCRY_MD_SHA256, GCRY_MD_FLAG_HMAC) != 0)
        return false;
    bool keyed = gcry_md_setkey(mac, key->text, (size_t)key->length) == 0;
    if (keyed) {
        gcry_md_write(mac, text, strlen(text));
        memcpy(signature, gcry_md_read(mac, GCRY_MD_SHA256), SIGNATURE);
    }
    gcry_md_close(mac);
    return keyed;
}

/* Written here and not by libjwt, which ends the process when it has no memory for that. */
char *token_sign(enum audience audience, enum token_kind kind, const struct claims *claims)
{
    const struct key *key = &rings[audience].keys[0];
    unsigned char signature[SIGNATURE];
    char head[64], body[320], text[640], *at = text;

    if (!rings[audience].count)
        return NULL;
    int head_length = snprintf(head, sizeof head, "{\"alg\":\"HS256\",\"kid\":\"%s\",\"typ\":\"JWT\"}", key->id);
    int length =
        snprintf(body, sizeof body,
                 "{\"iss\":\"%s\",\"aud\":\"%s\",\"typ\":\"%s\",\"sub\":\"%" PRId64 "\",\"jti\":\"%" PRId64 ".%d\",\"ver\":%d,"
                 "\"sid\":%" PRId64 ",\"gen\":%d,\"iat\":%" PRId64 ",\"exp\":%" PRId64 "}",
                 issuer, audiences[audience], kinds[kind], claims->subject, claims->session, claims->generation, claims->version,
                 claims->session, claims->generation, claims->issued_at, claims->issued_at + lifetimes[kind]);
    if (length >= (int)sizeof body)
        return NULL;
    at = write_part(at, head, (size_t)head_length);
    *at++ = '.';
    at = write_part(at, body, (size_t)length);
    if (!sign(key, text, signature))
        return NULL;
    *at++ = '.';
    write_part(at, signature, SIGNATURE);
    return strdup(text);
}

static bool grant_is(jwt_t *jwt, const char *grant, const char *wanted)
{
    const char *value = jwt_get_grant(jwt, grant);

    return value && strcmp(value, wanted) == 0;
}

/* An integer claim that is present and at least min. */
static bool grant_number(jwt_t *jwt, const char *grant, long min, int64_t *value)
{
    errno = 0;
    *value = jwt_get_grant_int(jwt, grant);
    return errno == 0 && *value >= min;
}

static bool grant_id(jwt_t *jwt, const char *grant, int64_t *value)
{
    const char *text = jwt_get_grant(jwt, grant);
    size_t digits = text ? strspn(text, "0123456789") : 0;

    if (digits == 0 || digits > 16 || text[digits] != '\0' || text[0] == '0')
        return false;
    *value = strtoll(text, NULL, 10);
    return true;
}

static bool claims_read(jwt_t *jwt, enum audience audience, enum token_kind kind, struct claims *claims)
{
    int64_t now = time(NULL), version, generation, not_before;

    if (jwt_get_alg(jwt) != JWT_ALG_HS256 || !grant_is(jwt, "iss", issuer) || !grant_is(jwt, "aud", audiences[audience]) ||
        !grant_is(jwt, "typ", kinds[kind]))
        return false;
    if (!grant_id(jwt, "sub", &claims->subject) || !grant_number(jwt, "ver", 0, &version) ||
        !grant_number(jwt, "sid", 0, &claims->session) || !grant_number(jwt, "gen", 0, &generation) ||
        !grant_number(jwt, "iat", 0, &claims->issued_at) || !grant_number(jwt, "exp", 0, &claims->expires_at))
        return false;
    if (version > INT32_MAX || generation > INT32_MAX)
        return false;
    if (jwt_get_grant(jwt, "nbf"))
        return false;
    if (grant_number(jwt, "nbf", 0, &not_before) && not_before > now)
        return false;
    claims->version = (int)version;
    claims->generation = (int)generation;
    claims->expired = claims->expires_at <= now;
    return !claims->expired;
}

static bool decode(const char *text, enum audience audience, enum token_kind kind, struct claims *claims)
{
    const struct ring *ring = &rings[audience];

    for (int i = 0; i < ring->count; i++) {
        jwt_t *jwt = NULL;
        errno = 0;
        if (jwt_decode(&jwt, text, (const unsigned char *)ring->keys[i].text, ring->keys[i].length) != 0) {
            if (errno == ENOMEM) /* the token may be good */
                abandon_request("out of memory");
            continue;
        }
        bool valid = claims_read(jwt, audience, kind, claims);
        jwt_free(jwt);
        return valid;
    }
    return false;
}

bool token_verify(const char *text, enum audience audience, enum token_kind kind, struct claims *claims)
{
    size_t length = text ? strlen(text) : 0;

    claims->expired = false;
    if (length == 0 || length > TOKEN_MAX)
        return false;
    struct remembered *place = place_of(text);
    if (place->audience == audience && place->kind == kind && password_equal(place->text, text)) {
        *claims = place->claims;
        claims->expired = claims->expires_at <= time(NULL);
        return !claims->expired;
    }
    if (!decode(text, audience, kind, claims))
        return false;
    if (length < TOKEN_REMEMBERED) {
        *place = (struct remembered){.audience = audience, .kind = kind, .claims = *claims};
        memcpy(place->text, text, length);
    }
    return true;
}
