#!/bin/sh
# libjwt refuses a token with a good signature because of one large integer in a claim that nobody asks for.
#
# Seen with libjwt 1.10.2 and jansson 2.14 (Debian 12) and libjwt 1.17.2 and jansson 2.14 (Debian 13).
#
# RFC 8259 sets no limit to an integer, and 64-bit ids without a sign are common: half of them are above 2^63 - 1.  One expects
# such a claim to be read as a float, cut to the range (as json-c does) or left out.  But libjwt has jansson read the whole
# payload first, jansson has no such integer, and jwt_decode() answers EINVAL, the same as for a forged signature: that user
# cannot log in, and the log says "bad token".  The same number written as a float is no obstacle.  Output:
#
#     42                    0   ann
#     9223372036854775807   0   ann
#     9223372036854775808   22
#     18446744073709551615  22
#     1e19                  0   ann
#
# So: ids in tokens of our own as strings, and another library for the tokens of others.

set -eu

if ! dpkg-query -W gcc libc6-dev libjwt-dev openssl >/dev/null 2>&1; then
    apt-get update -q >/dev/null
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends gcc libc6-dev libjwt-dev openssl >/dev/null
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

# decode KEY TOKEN: what jwt_decode() answers, and who the subject is.
cat >decode.c <<'END'
#include <jwt.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    jwt_t *jwt = NULL;
    int result = argc == 3 ? jwt_decode(&jwt, argv[2], (const unsigned char *)argv[1], (int)strlen(argv[1])) : -1;

    printf("%-3d %s\n", result, result == 0 ? jwt_get_grant(jwt, "sub") : "");
    jwt_free(jwt);
    return 0;
}
END
gcc -o decode decode.c -ljwt

key=0123456789abcdef0123456789abcdef
base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }

# NUMBER: a token whose claim "device" is that number, signed by OpenSSL.
token() {
    signed=$(printf '{"alg":"HS256","typ":"JWT"}' | base64url).$(printf '{"sub":"ann","device":%s}' "$1" | base64url)
    printf '%s.%s' "$signed" "$(printf %s "$signed" | openssl dgst -sha256 -hmac $key -binary | base64url)"
}

for number in 42 9223372036854775807 9223372036854775808 18446744073709551615 1e19; do
    printf '%-22s%s\n' $number "$(./decode $key "$(token $number)")"
done | sed 's/ *$//' | tee seen

cat >expected <<'END'
42                    0   ann
9223372036854775807   0   ann
9223372036854775808   22
18446744073709551615  22
1e19                  0   ann
END
dpkg-query -W 'libjwt[0-9]*' 'libjansson4'
cmp -s seen expected || { echo "libjwt does something else now" >&2; exit 1; }
