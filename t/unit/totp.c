/*
 * One-time codes: the vectors of RFC 6238 (their last six digits), drift, and what is no code.
 */
#include "base/password.h"
#include "base/totp.h"

#include <stdarg.h>
#include <string.h>

#include "tap.h"

/* "12345678901234567890" in base32. */
static const char secret[] = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

static const struct {
    int64_t at;
    const char *code;
} vectors[] = {{59, "287082"},         {1111111109, "081804"}, {1111111111, "050471"},
               {1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"}};

int main(void)
{
    char one[TOTP_SECRET_SIZE], two[TOTP_SECRET_SIZE];

    password_open();
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        const char *code = vectors[i].code;
        int64_t at = vectors[i].at, step = at / 30;
        ok(totp_step(secret, code, at) == step, "%s is the code of its step", code);
        ok(totp_step(secret, code, at + 30) == step && totp_step(secret, code, at - 30) == step, "a step of drift is forgiven");
        ok(totp_step(secret, code, at + 60) == 0 && (at < 60 || totp_step(secret, code, at - 60) == 0), "two are not");
    }
    ok(totp_step(secret, "287083", 59) == 0, "another code is none");
    ok(totp_step(secret, "87082", 59) == 0 && totp_step(secret, "0287082", 59) == 0, "nor is one of another length");
    ok(totp_step(secret, "", 59) == 0, "nor nothing");
    ok(totp_step("", "287082", 59) == 0 && totp_step("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJ1", "287082", 59) == 0,
       "what is no secret has no codes");
    totp_secret(one);
    totp_secret(two);
    ok(strlen(one) == 32 && strspn(one, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == 32, "a secret is base32");
    ok(strcmp(one, two) != 0, "and never twice the same");
    return done_testing();
}
