/*
 * What json_read() takes and refuses: the shapes that json-c lets through (platform.md) and those of B1, B3, B4.
 */
#include "base/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define obstack_chunk_alloc malloc
#define obstack_chunk_free free

static const char *const good[] = {
    "{}", "", "  \n", "\xef\xbb\xbf", "\xef\xbb\xbf {\"a\":1}", "{\"a\":1}", " {\"a\" : [1, -2.5e+3, true, false, null, \"\\u00e9\\ud83d\\ude00\\n\"]} ",
    "{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":{\"h\":1}}}}}}}}", "{\"a\":{\"a\":1},\"b\":{\"a\":2}}", "{\"\":0}",
    "{\"\xe4\xbd\xa0\":\"\xf0\x9f\xa7\xa7\"}", "{\"n\":-0}",
};

static const char *const bad[] = {
    "[]", "1", "\"a\"", "null", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "{\"a\":1}{}", "{\"a\":1} x",
    "{'a':1}", "{a:1}", "{\"a\":'b'}", "{\"a\":NaN}", "{\"a\":Infinity}", "{\"a\":-Infinity}", "{\"a\":+1}",
    "{\"a\":01}", "{\"a\":1.}", "{\"a\":.5}", "{\"a\":1e}", "{\"a\":0x10}", "{\"a\":1}//", "{/**/}",
    "{\"a\":\"\\x\"}", "{\"a\":\"\\u12\"}", "{\"a\":\"\\u0000\"}", "{\"a\\u0000b\":1}", "{\"a\":\"\\u00g0\"}",
    "{\"a\":\"\\ud800\\u004\"}", "{\"\\ud800\":1,\"\\udfff\":2}", "{\"a\":1,\"a\":1}", "{\"a\":1,\"\\u0061\":2}",
    "{\"x\":[{\"a\":1,\"a\":2}]}", "{\"a\":\"\t\"}", "{\"a\":\"\n\"}", "{\"a\":\"\xc0\xaf\"}",
    "{\"a\":\"\xed\xa0\x80\"}", "{\"a\":\"\xf5\x80\x80\x80\"}", "{\"a\":\"\xe4\xbd\"}", "{\"a\":\"\xff\"}",
    "\xef\xbb\xbf\xef\xbb\xbf{}", " \xef\xbb\xbf{}", "\xef\xbb{}", "{\"a\":[1,]}", "{\"a\":[,1]}", "{\"a\":[1 2]}", "{\"a\":tru}", "{\"a\":True}",
    "{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":{\"h\":{}}}}}}}}}", "{\"a\":\"b}",
};

/* Halves of surrogate pairs, as JSON.stringify escapes them, and what is read. */
static const char *const halves[][2] = {
    {"\\ud83d", "\xef\xbf\xbd"},
    {"ok \\ud83d", "ok \xef\xbf\xbd"},
    {"\\ude00x", "\xef\xbf\xbdx"},
    {"\\ud83dx", "\xef\xbf\xbdx"},
    {"\\ud83d\\u0041", "\xef\xbf\xbd" "A"},
    {"\\ud83d\\n", "\xef\xbf\xbd\n"},
    {"\\ud83d\\ud83d\\ude00", "\xef\xbf\xbd\xf0\x9f\x98\x80"},
    {"\\ude00\\ud83d", "\xef\xbf\xbd\xef\xbf\xbd"},
    {"\\ud83d\xf0\x9f\x98\x80", "\xef\xbf\xbd\xf0\x9f\x98\x80"},
    {"\\ud83d\\ude00", "\xf0\x9f\x98\x80"},
};

/* What cannot be read, and the member at which reading ends. */
static const char *const places[][2] = {
    {"{\"a\":1,\"b\":\"x\\u0000\",\"c\":2}", "b"}, {"{\"d\":{\"content\":\"\xff\"}}", "content"},
    {"{\"a\":[1,{\"b\":01}]}", "b"},                {"{\"a\":1 \"b\":2}", "a"},
    {"{\"x\":[[[[[[[[1]]]]]]]]}", "x"},             {"{\"a\":1,\"b\\u0000\":2}", ""},
    {"{\"a\":1,}", ""},                             {"{\"a\":1}{}", ""},
    {"[1]", ""},                                    {"{\"a\":1,\"a\":2}", ""},
    {"{\"\\u0061\":x}", ""},                       {"{\"\":x}", ""},
    {"{\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\":x}", ""},
};

/* The member id is found in what cannot be read, and is not where it only seems to be; "" for none. */
static const char *const found[][2] = {
    {"{\"type\":\"P\",\"data\":{\"content\":\"\\u0000\",\"id\":\"w1\"}}", "w1"},
    {"{\"id\" : \"w1\",\"content\":\"cut", "w1"},
    {"\"\\\"\",\"id\":\"\\ud83d\"", "\xef\xbf\xbd"},
    {"{\"content\":\"\\\"id\\\":\\\"no\\\"\",\"id\":\"w1\"}", "w1"},
    {"{\"content\":\"id\",\"id\":7,\"d\":{\"id\":\"w2\"}}", "w2"},
    {"{\"id\":\"\\u0000\"}", ""},
    {"{\"id\":\"w1", ""},
    {"{\"id", ""},
    {"\"\\", ""},
    {"{\"id\"}", ""},
    {"", ""},
};

static void check_halves(void)
{
    for (size_t i = 0; i < sizeof halves / sizeof *halves; i++) {
        char text[80], field[JSON_FIELD];
        int n = snprintf(text, sizeof text, "{\"a\":\"%s\"}", halves[i][0]);
        struct json_object *tree = json_read(text, (size_t)n, field), *value = NULL;
        json_object_object_get_ex(tree, "a", &value);
        ok(value && strcmp(json_object_get_string(value), halves[i][1]) == 0, "half a pair is U+FFFD: %s", halves[i][0]);
        json_object_put(tree);
    }
}

static void check_places(void)
{
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char field[JSON_FIELD];
        struct json_object *tree = json_read(places[i][0], strlen(places[i][0]), field);
        ok(!tree && strcmp(field, places[i][1]) == 0, "ends at '%s': %s", field, places[i][0]);
        json_object_put(tree);
    }
    for (size_t i = 0; i < sizeof found / sizeof *found; i++) {
        char *text = strndup(found[i][0], strlen(found[i][0]));
        struct json_object *value = json_find_text(text, strlen(text), "id");
        ok(strcmp(value ? json_object_get_string(value) : "", found[i][1]) == 0, "'%s' is found in %s", found[i][1], text);
        json_object_put(value);
        free(text);
    }
}

static void check(const char *text, size_t n, bool wanted)
{
    char field[JSON_FIELD];
    struct json_object *tree = json_read(text, n, field);

    ok((tree != NULL) == wanted, "%s: %.60s", wanted ? "taken" : "refused", n ? text : "(empty)");
    json_object_put(tree);
}

static void check_cuts(void)
{
    static const char text[] = "{\"a\":[1,\"\\u00e9\",{\"b\":null}],\"c\":-1.5e3}";
    int taken = 0;

    for (size_t n = 1; n < sizeof text - 1; n++) {
        char *cut = strndup(text, n); /* exact size, so that a sanitizer sees reading past the end */
        char field[JSON_FIELD];
        struct json_object *tree = json_read(cut, n, field);
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

static void check_text(void)
{
    static const char *const text[] = {"", "{", "hello\t\r\n", "\xef\xbb\xbf{}", "{\"a\":\"\xe4\xbd\xa0\x7f\"}"};
    static const char *const none[] = {"\x01", "{}\x1b", "\xff", "\xe4\xbd", "\x81\x85", "\xed\xa0\x80"};

    for (size_t i = 0; i < sizeof text / sizeof *text; i++)
        ok(json_is_text(text[i], strlen(text[i])), "may be meant as JSON: '%s'", text[i]);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        ok(!json_is_text(none[i], strlen(none[i])), "is no text: number %zu", i);
    ok(!json_is_text("{}\0", 3), "is no text: %s", "U+0000");
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
    check_halves();
    check_places();
    check_strings();
    check_text();
    return done_testing();
}
