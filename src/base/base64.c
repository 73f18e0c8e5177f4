#include "base64.h"

#include <stdlib.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t base64_encode(const unsigned char *in, size_t n, char *out)
{
    size_t length = 0;
    unsigned bits = 0, held = 0;

    for (size_t i = 0; i < n; i++) {
        bits = bits << 8 | in[i];
        for (held += 8; held >= 6; held -= 6)
            out[length++] = alphabet[bits >> (held - 6) & 63];
    }
    if (held)
        out[length++] = alphabet[bits << (6 - held) & 63];
    out[length] = '\0';
    return length;
}

size_t base64_decode(const char *in, unsigned char *out, size_t size)
{
    size_t length = 0;
    unsigned bits = 0, held = 0;
    const char *digit;

    for (; *in && (digit = strchr(alphabet, *in)) && length < size; in++) {
        bits = bits << 6 | (unsigned)(digit - alphabet);
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[length++] = (unsigned char)(bits >> held);
        }
    }
    return length;
}

char *base64_text(const unsigned char *in, size_t n)
{
    char *text = malloc(n / 3 * 4 + 5);

    if (!text)
        return NULL;
    size_t length = base64_encode(in, n, text);
    while (length % 4)
        text[length++] = '=';
    text[length] = '\0';
    return text;
}
