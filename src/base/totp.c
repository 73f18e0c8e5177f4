#include "totp.h"
#include "abandon.h"
#include "password.h"

#include <gcrypt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { SECRET = 20, STEP_SECONDS = 30, DRIFT = 1, DIGITS = 1000000, CODE_SIZE = 7, TAG = 20 };

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

void totp_secret(char secret[static TOTP_SECRET_SIZE])
{
    unsigned char bytes[SECRET];

    gcry_randomize(bytes, SECRET, GCRY_STRONG_RANDOM);
    for (int i = 0; i < TOTP_SECRET_SIZE - 1; i++) {
        int bit = i * 5, at = bit / 8;
        unsigned two = (unsigned)bytes[at] << 8 | (at + 1 < SECRET ? bytes[at + 1] : 0);
        secret[i] = alphabet[two >> (11 - bit % 8) & 31];
    }
    secret[TOTP_SECRET_SIZE - 1] = '\0';
}

/* False when the secret is not one that totp_secret() has written. */
static bool secret_read(const char *secret, unsigned char bytes[static SECRET])
{
    unsigned held = 0, bits = 0, n = 0;

    if (strlen(secret) != TOTP_SECRET_SIZE - 1)
        return false;
    for (; *secret; secret++) {
        const char *letter = strchr(alphabet, *secret);
        if (!letter)
            return false;
        held = (held << 5 | (unsigned)(letter - alphabet)) & 0xffff;
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            bytes[n++] = (unsigned char)(held >> bits);
        }
    }
    return true;
}

/* RFC 4226, 5.3: the low nibble of the tag's last byte says which 31 bits of it the code is made of. */
static void code_of(const unsigned char *secret, int64_t step, char code[static CODE_SIZE])
{
    unsigned char counter[8], *tag;
    gcry_md_hd_t hmac;

    for (int i = 7; i >= 0; i--, step >>= 8)
        counter[i] = (unsigned char)step;
    if (gcry_md_open(&hmac, GCRY_MD_SHA1, GCRY_MD_FLAG_HMAC) != 0)
        abandon_request("could not compute HMAC-SHA1");
    gcry_md_setkey(hmac, secret, SECRET);
    gcry_md_write(hmac, counter, sizeof counter);
    tag = gcry_md_read(hmac, GCRY_MD_SHA1);
    const unsigned char *part = tag + (tag[TAG - 1] & 15);
    unsigned number = (unsigned)(part[0] & 127) << 24 | (unsigned)part[1] << 16 | (unsigned)part[2] << 8 | part[3];
    snprintf(code, CODE_SIZE, "%06u", number % DIGITS);
    gcry_md_close(hmac);
}

int64_t totp_step(const char *secret, const char *code, int64_t now)
{
    unsigned char key[SECRET];
    char right[CODE_SIZE];
    int64_t found = 0;

    if (!secret_read(secret, key))
        return 0;
    for (int64_t step = now / STEP_SECONDS - DRIFT; step <= now / STEP_SECONDS + DRIFT; step++) {
        code_of(key, step, right);
        if (password_equal(right, code))
            found = step;
    }
    return found;
}
