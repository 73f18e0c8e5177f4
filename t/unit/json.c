/*
 * What json_read() takes and refuses: the shapes that json-c lets through (platform.md) and those of B1, B3, B4.
 */
#include "json.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define obstack_chunk_alloc malloc
#define obstack_chunk_free free

static const char *const good[] = {
    "{}", "", "  \n", "{\"a\":1}", " {\"a\" : [1, -2.5e+3, true, false, null, \"\\u00e9\\ud83d\\ude00\\n\"]} ",
    "{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":{\"h\":1}}}}}}}}", "{\"a\":{\"a\":1},\"b\":{\"a\":2}}", "{\"\":0}",
    "{\"\xe4\xbd\xa0\":\"\xf0\x9f\xa7\xa7\"}", "{\"n\":-0}",
};

static const char *const bad[] = {
    "[]", "1", "\"a\"", "null", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "{\"a\":1}{}", "{\"a\":1} x",
    "{'a':1}", "{a:1}", "{\"a\":'b'}", "{\"a\":NaN}", "{\"a\":Infinity}", "{\"a\":-Infinity}", "{\"a\":+1}",
    "{\"a\":01}", "{\"a\":1.}", "{\"a\":.5}", "{\"a\":1e}", "{\"a\":0x10}", "{\"a\":1}//", "{/**/}",
    "{\"a\":\"\\x\"}", "{\"a\":\"\\u12\"}", "{\"a\":\"\\u0000\"}", "{\"a\\u0000b\":1}", "{\"a\":\"\\ud800\"}",
    "{\"a\":\"\\udc00\"}", "{\"a\":\"\\ud800\\u0041\"}", "{\"a\":1,\"a\":1}", "{\"a\":1,\"\\u0061\":2}",
    "{\"x\":[{\"a\":1,\"a\":2}]}", "{\"a\":\"\t\"}", "{\"a\":\"\n\"}", "{\"a\":\"\xc0\xaf\"}",
    "{\"a\":\"\xed\xa0\x80\"}", "{\"a\":\"\xf5\x80\x80\x80\"}", "{\"a\":\"\xe4\xbd\"}", "{\"a\":\"\xff\"}",
    "\xef\xbb\xbf{}", "{\"a\":[1,]}", "{\"a\":[,1]}", "{\"a\":[1 2]}", "{\"a\":tru}", "{\"a\":True}",
    "{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":{\"h\":{}}}}}}}}}", "{\"a\":\"b}",
};

static void check(const char *text, size_t n, bool wanted)
{
    struct json_object *tree = json_read(text, n);

    ok((tree != NULL) == wanted, "%s: %.60s", wanted ? "taken" : "refused", n ? text : "(empty)");
    json_object_put(tree);
}

static void check_cuts(void)
{
    static const char text[] = "{\"a\":[1,\"\\u00e9\",{\"b\":null}],\"c\":-1.5e3}";
    int taken = 0;

    for (size_t n = 1; n < sizeof text - 1; n++) {
        char *cut = strndup(text, n); /* exact size, so that a sanitizer sees reading past the end */
        struct json_object *tree = json_read(cut, n);
        taken += tree != NULL;
        json_object_put(tree);
        free(cut);
    }
    ok(taken == 0, "a document cut at any byte is refused");
}

static void check_strings(void)
{
    struct obstack out;

    obstack_init(&out);
    json_grow_string(&out, "a\"b\\c\n\x01</script>\xe4\xbd\xa0");
    obstack_1grow(&out, '\0');
    const char *text = obstack_finish(&out);
    ok(strcmp(text, "\"a\\\"b\\\\c\\u000a\\u0001</script>\xe4\xbd\xa0\"") == 0, "strings are escaped: %s", "quotes, backslash, controls");
    obstack_free(&out, NULL);
}

int main(void)
{
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        check(good[i], strlen(good[i]), true);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        check(bad[i], strlen(bad[i]), false);
    check("{\"a\":\"\0\"}", 9, false);
    check("{}\0", 3, false);
    check_cuts();
    check_strings();
    return done_testing();
}
