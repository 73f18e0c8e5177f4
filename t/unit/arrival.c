/*
 * When a FastCGI request is there to its end: after the empty record of its body, and not a byte before.
 */
#include "serve/arrival.h"

#include <stdarg.h>
#include <string.h>

#include "tap.h"

static unsigned char bytes[ARRIVAL_MAX];
static size_t length;

static void record(int type, size_t content, size_t padding)
{
    unsigned char head[] = {
        1, (unsigned char)type, 0, 1, (unsigned char)(content >> 8), (unsigned char)content, (unsigned char)padding, 0};

    memcpy(bytes + length, head, sizeof head);
    memset(bytes + length + sizeof head, 'x', content + padding);
    length += sizeof head + content + padding;
}

static void request(void)
{
    length = 0;
    record(1, 8, 0);
    record(4, 300, 4);
    record(4, 0, 0);
    record(5, 1000, 0);
    record(5, 24, 7);
    record(5, 0, 0);
}

/* That it is WHOLE, PART or OVER. */
static void is(enum arrival wanted, const char *title)
{
    ok(arrival_of(bytes, length) == wanted, "%s", title);
}

/* The request with its i-th byte made another. */
static void spoiled(size_t i, unsigned char byte, const char *title)
{
    request();
    bytes[i] = byte;
    is(ARRIVAL_OVER, title);
}

int main(void)
{
    size_t early = 0;

    request();
    is(ARRIVAL_WHOLE, "a request");
    record(1, 8, 0);
    is(ARRIVAL_WHOLE, "and the beginning of the next");
    request();
    for (size_t i = 0; i < length; i++)
        early += arrival_of(bytes, i) != ARRIVAL_PART;
    ok(early == 0, "no byte of it may be missing");
    spoiled(0, 2, "another version");
    spoiled(1, 9, "a question of the web server");
    spoiled(17, 5, "a body before parameters");
    length = 0;
    record(5, 0, 0);
    is(ARRIVAL_OVER, "nothing but a body");
    length = 0;
    record(1, 8, 0);
    record(4, 65535, 255);
    record(4, 60000, 0);
    memcpy(bytes + length, (unsigned char[]){1, 4, 0, 1, 0xff, 0xff, 0, 0}, 8);
    is(ARRIVAL_PART, "a large one that goes on");
    length = ARRIVAL_MAX;
    is(ARRIVAL_OVER, "more than the socket holds");
    return done_testing();
}
