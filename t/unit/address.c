/*
 * Addresses of bytes: by what they are, not by how they come; by the key; and as anybody can compute them who has it.
 */
#include "base/address.h"
#include "base/password.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

/* Of the bytes, in pieces of that size. */
static const char *address(const char *bytes, size_t size, size_t piece)
{
    static char addresses[16][ADDRESS_SIZE];
    static int next;
    struct gcry_mac_handle *mac;
    char *a = addresses[next++ % 16];

    *a = '\0';
    if (!address_begin(&mac))
        return a;
    for (size_t at = 0; at < size; at += piece)
        address_add(mac, bytes + at, size - at < piece ? size - at : piece);
    if (!address_end(mac, a))
        *a = '\0';
    address_drop(mac);
    return a;
}

int main(void)
{
    /* By CryptX: AES-GCM of nothing with the bytes besides, under HMAC(key, "bytes"); then HMAC(key, tag). */
    static const char known[] = "7040cb7627e7bbd5170ab42e9861d178777e62a868bbb170b0aaabd5de43645d";
    char bytes[10000] = "";

    password_open();
    ok(strlen(address("", 0, 1)) == 0, "without a key there is none");
    setenv("IM_FILE_KEY", "0123456789abcdef0123456789abcdef", 1);
    ok(strcmp(address("hello", 5, 5), known) == 0, "one that another program has computed");
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 7);
    const char *a = address(bytes, sizeof bytes, sizeof bytes);
    ok(strlen(a) == 64 && strspn(a, "0123456789abcdef") == 64, "64 hexadecimal digits");
    ok(strcmp(a, address(bytes, sizeof bytes, 1)) == 0 && strcmp(a, address(bytes, sizeof bytes, 4096)) == 0,
       "the same in whatever pieces");
    ok(strcmp(a, address(bytes, sizeof bytes - 1, 4096)) != 0, "another of a byte less");
    ok(strcmp(address("", 0, 1), address("\0", 1, 1)) != 0 && strcmp(address("\0", 1, 1), address("\0\0", 2, 1)) != 0,
       "also of zeroes");
    bytes[5000] ^= 1;
    ok(strcmp(a, address(bytes, sizeof bytes, 4096)) != 0, "another of another bit");
    bytes[5000] ^= 1;
    setenv("IM_FILE_KEY", "another key", 1);
    ok(strcmp(a, address(bytes, sizeof bytes, 4096)) != 0, "another under another key");
    return done_testing();
}
