/*
 * Passwords: PHC strings with fresh salts, refusal of what is no hash, trade digests.
 */
#include "base/password.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tap.h"

#define OTHER_COST "$argon2id$v=19$m=8192,t=3,p=1$c29tZXNhbHRvZjE2Ynl0ZQ$IGuyYINENySxoBE1ldzfZTLHhD85QWE5tnUXfrsiLNA"

/* Processor time, in microseconds. */
static long cost(const char *password, const char *hash)
{
    clock_t start = clock();
    volatile int matched = 0;

    for (int i = 0; i < 5; i++)
        matched += password_matches(password, hash);
    return (long)((clock() - start) / (CLOCKS_PER_SEC / 1000000));
}

int main(void)
{
    static const char key[] = "0123456789abcdef0123456789abcdef";
    char one[PASSWORD_HASH_SIZE], two[PASSWORD_HASH_SIZE];
    char digest[PASSWORD_DIGEST_SIZE], other[PASSWORD_DIGEST_SIZE];

    password_open();
    password_hash("secret 密码", one);
    password_hash("secret 密码", two);
    ok(strncmp(one, "$argon2id$v=19$m=19456,t=2,p=1$", 31) == 0, "a hash is an Argon2id PHC string");
    ok(strcmp(one, two) != 0, "two hashes of one password differ by their salts");
    ok(password_matches("secret 密码", one) && password_matches("secret 密码", two), "both match");
    ok(!password_matches("secret 密碼", one), "another password does not");
    password_hash("pass\u00e9word", two);
    ok(password_matches("passe\u0301word", two), "nor does it matter how a keyboard composes a letter");
    ok(!password_matches("secret", NULL), "an unknown user's never matches");
    ok(!password_matches("secret", "$argon2id$v=19$m=19456,t=2,p=1$c2hvcnQ$"), "nor a hash that is cut");
    ok(!password_matches("", one) && !password_matches("", NULL), "nor the empty password");
    /* argon2(1): -id -t 3 -k 8192 -p 1 */
    ok(password_matches("password", OTHER_COST) && !password_matches("passwort", OTHER_COST),
       "a hash of another cost is compared at its own");
    ok(password_current(one) && !password_current(OTHER_COST) && !password_current("none"), "and is to be made anew");
    ok(password_acceptable("123456") && !password_acceptable("12345"), "at least six characters");
    ok(password_acceptable("密码密码密码") && !password_acceptable("密码"), "counted as characters, not bytes");
    ok(cost("", one) > cost("wrong!", one) / 2 && cost("", NULL) > cost("wrong!", NULL) / 2,
       "the empty password costs what a wrong one does");
    password_digest(digest, key, (const char *const[]){"10001:", "123456", NULL});
    password_digest(other, key, (const char *const[]){"10002:", "123456", NULL});
    ok(strlen(digest) == 64 && strcmp(digest, other) != 0, "a digest depends on every text");
    password_digest(other, key, (const char *const[]){"10001", ":", "123456", NULL});
    ok(strcmp(digest, other) == 0, "and is the same every time");
    /* RFC 4231, test case 2 */
    password_digest(digest, "Jefe", (const char *const[]){"what do ya want ", "for nothing?", NULL});
    ok(password_equal(digest, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"), "HMAC-SHA256 of RFC 4231");
    ok(!password_equal(digest, other) && !password_equal(digest, ""), "different digests are not equal");
    return done_testing();
}
