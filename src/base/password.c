#include "password.h"
#include "abandon.h"
#include "base64.h"
#include "log.h"

#include <gcrypt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

enum { SALT = 16, TAG = 32 };

/* In the order of libgcrypt. */
struct cost {
    unsigned long tag, passes, memory_kib, lanes;
};

/* OWASP's first choice for Argon2id: 19 MiB, two passes, one lane. */
static const struct cost usual = {TAG, 2, 19456, 1};

void password_open(void)
{
    if (!gcry_check_version(GCRYPT_VERSION))
        log_fatal("libgcrypt is older than the one this program was built with");
    gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
    gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
}

char *password_normal(const char *password)
{
    utf8proc_uint8_t *normal = utf8proc_NFC((const utf8proc_uint8_t *)password);
    char *copy = normal ? (char *)normal : strdup(password);

    if (!copy)
        abandon_request("out of memory");
    return copy;
}

bool password_acceptable(const char *password)
{
    char *normal = password_normal(password);
    size_t characters = 0;

    for (const char *at = normal; *at; at++)
        characters += ((unsigned char)*at & 0xc0) != 0x80;
    free(normal);
    return characters >= PASSWORD_MIN && characters <= PASSWORD_MAX;
}

static void argon2id(const struct cost *cost, const char *password, const unsigned char *salt, unsigned char *tag)
{
    const unsigned long parameters[] = {cost->tag, cost->passes, cost->memory_kib, cost->lanes};
    char *normal = password_normal(password);
    gcry_kdf_hd_t kdf = NULL;
    bool done = gcry_kdf_open(&kdf, GCRY_KDF_ARGON2, GCRY_KDF_ARGON2ID, parameters, 4, normal, strlen(normal), salt, SALT, NULL, 0,
                              NULL, 0) == 0 &&
                gcry_kdf_compute(kdf, NULL) == 0 && gcry_kdf_final(kdf, TAG, tag) == 0;

    if (kdf)
        gcry_kdf_close(kdf);
    free(normal);
    if (!done)
        abandon_request("could not compute Argon2id");
}

void password_hash(const char *password, char hash[static PASSWORD_HASH_SIZE])
{
    unsigned char salt[SALT], tag[TAG];
    char salt_text[SALT * 2], tag_text[TAG * 2];

    gcry_randomize(salt, SALT, GCRY_STRONG_RANDOM);
    argon2id(&usual, password, salt, tag);
    base64_encode(salt, SALT, salt_text);
    base64_encode(tag, TAG, tag_text);
    snprintf(hash, PASSWORD_HASH_SIZE, "$argon2id$v=19$m=%lu,t=%lu,p=%lu$%s$%s", usual.memory_kib, usual.passes, usual.lanes,
             salt_text, tag_text);
}

static bool constant_time_equal(const unsigned char *a, const unsigned char *b, size_t n)
{
    unsigned char difference = 0;

    for (size_t i = 0; i < n; i++)
        difference |= a[i] ^ b[i];
    return difference == 0;
}

/* Where the salt begins, and what the hash cost; NULL when it is none of ours. */
static const char *hash_cost(const char *hash, struct cost *cost)
{
    int end = 0;

    if (!hash || sscanf(hash, "$argon2id$v=19$m=%7lu,t=%2lu,p=%2lu$%n", &cost->memory_kib, &cost->passes, &cost->lanes, &end) != 3)
        return NULL;
    return end ? hash + end : NULL;
}

bool password_matches(const char *password, const char *hash)
{
    unsigned char salt[SALT] = {0}, stored[TAG] = {0}, tag[TAG];
    struct cost cost = usual;
    const char *salt_text = hash_cost(hash, &cost);
    const char *tag_text = salt_text ? strchr(salt_text, '$') : NULL;
    bool known = tag_text && base64_decode(salt_text, salt, SALT) == SALT && base64_decode(tag_text + 1, stored, TAG) == TAG;

    /* libgcrypt takes no empty passphrase: another one costs as much, and no account has either. */
    argon2id(known ? &cost : &usual, *password ? password : "-", salt, tag);
    return constant_time_equal(tag, stored, TAG) && known && *password;
}

bool password_current(const char *hash)
{
    struct cost cost;

    return hash_cost(hash, &cost) && cost.passes == usual.passes && cost.memory_kib == usual.memory_kib &&
           cost.lanes == usual.lanes;
}

bool password_equal(const char *one, const char *other)
{
    size_t n = strlen(one);

    return n == strlen(other) && constant_time_equal((const unsigned char *)one, (const unsigned char *)other, n);
}

void password_digest(char digest[static PASSWORD_DIGEST_SIZE], const char *key, const char *const *texts)
{
    gcry_md_hd_t mac;

    if (gcry_md_open(&mac, GCRY_MD_SHA256, GCRY_MD_FLAG_HMAC) != 0)
        abandon_request("could not start HMAC-SHA256");
    if (gcry_md_setkey(mac, key, strlen(key)) != 0) {
        gcry_md_close(mac);
        abandon_request("could not start HMAC-SHA256");
    }
    for (; *texts; texts++)
        gcry_md_write(mac, *texts, strlen(*texts));
    const unsigned char *value = gcry_md_read(mac, GCRY_MD_SHA256);
    for (int i = 0; i < 32; i++)
        snprintf(digest + 2 * i, 3, "%02x", value[i]);
    gcry_md_close(mac);
}
