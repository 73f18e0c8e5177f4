/*
 * What json_read() takes and refuses: the shapes that json-c lets through (platform.md) and those of B1, B3, B4.  And what it
 * makes of them, all or nothing when memory fails.
 */
#include "../memory/fail.c"

#include "base/abandon.h"
#include "base/json.h"
#include "base/jsonread.h"

#include <stdarg.h>

#include "tap.h"

#define obstack_chunk_alloc malloc
#define obstack_chunk_free free

static const char *const good[] = {
    "{}",
    "",
    "  \n",
    "\xef\xbb\xbf",
    "\xef\xbb\xbf {\"a\":1}",
    "{\"a\":1}",
    " {\"a\" : [1, -2.5e+3, true, false, null, \"\\u00e9\\ud83d\\ude00\\n\"]} ",
    "{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":{\"h\":1}}}}}}}}",
    "{\"a\":{\"a\":1},\"b\":{\"a\":2}}",
    "{\"\":0}",
    "{\"\xe4\xbd\xa0\":\"\xf0\x9f\xa7\xa7\"}",
    "{\"n\":-0}",
};

static const char *const bad[] = {
    "[]",
    "1",
    "\"a\"",
    "null",
    "{",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{,}",
    "{\"a\":1}{}",
    "{\"a\":1} x",
    "{'a':1}",
    "{a:1}",
    "{\"a\":'b'}",
    "{\"a\":NaN}",
    "{\"a\":Infinity}",
    "{\"a\":-Infinity}",
    "{\"a\":+1}",
    "{\"a\":01}",
    "{\"a\":1.}",
    "{\"a\":.5}",
    "{\"a\":1e}",
    "{\"a\":0x10}",
    "{\"a\":1}//",
    "{/**/}",
    "{\"a\":\"\\x\"}",
    "{\"a\":\"\\u12\"}",
    "{\"a\":\"\\u0000\"}",
    "{\"a\\u0000b\":1}",
    "{\"a\":\"\\u00g0\"}",
    "{\"a\":\"\\ud800\\u004\"}",
    "{\"\\ud800\":1,\"\\udfff\":2}",
    "{\"a\":1,\"a\":1}",
    "{\"a\":1,\"\\u0061\":2}",
    "{\"x\":[{\"a\":1,\"a\":2}]}",
    "{\"a\":\"\t\"}",
    "{\"a\":\"\n\"}",
    "{\"a\":\"\xc0\xaf\"}",
    "{\"a\":\"\xed\xa0\x80\"}",
    "{\"a\":\"\xf5\x80\x80\x80\"}",
    "{\"a\":\"\xe4\xbd\"}",
    "{\"a\":\"\xff\"}",
    "\xef\xbb\xbf\xef\xbb\xbf{}",
    " \xef\xbb\xbf{}",
    "\xef\xbb{}",
    "{\"a\":[1,]}",
    "{\"a\":[,1]}",
    "{\"a\":[1 2]}",
    "{\"a\":tru}",
    "{\"a\":True}",
    "{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":{\"h\":{}}}}}}}}}",
    "{\"a\":\"b}",
};

/* Halves of surrogate pairs, as JSON.stringify escapes them, and what is read. */
static const char *const halves[][2] = {
    {"\\ud83d", "\xef\xbf\xbd"},
    {"ok \\ud83d", "ok \xef\xbf\xbd"},
    {"\\ude00x", "\xef\xbf\xbdx"},
    {"\\ud83dx", "\xef\xbf\xbdx"},
    {"\\ud83d\\u0041", "\xef\xbf\xbd"
                       "A"},
    {"\\ud83d\\n", "\xef\xbf\xbd\n"},
    {"\\ud83d\\ud83d\\ude00", "\xef\xbf\xbd\xf0\x9f\x98\x80"},
    {"\\ude00\\ud83d", "\xef\xbf\xbd\xef\xbf\xbd"},
    {"\\ud83d\xf0\x9f\x98\x80", "\xef\xbf\xbd\xf0\x9f\x98\x80"},
    {"\\ud83d\\ude00", "\xf0\x9f\x98\x80"},
};

/* What cannot be read, and the member at which reading ends. */
static const char *const places[][2] = {
    {"{\"a\":1,\"b\":\"x\\u0000\",\"c\":2}", "b"},
    {"{\"d\":{\"content\":\"\xff\"}}", "content"},
    {"{\"a\":[1,{\"b\":01}]}", "b"},
    {"{\"a\":1 \"b\":2}", "a"},
    {"{\"x\":[[[[[[[[1]]]]]]]]}", "x"},
    {"{\"a\":1,\"b\\u0000\":2}", ""},
    {"{\"a\":1,}", ""},
    {"{\"a\":1}{}", ""},
    {"[1]", ""},
    {"{\"a\":1,\"a\":2}", ""},
    {"{\"\\u0061\":x}", ""},
    {"{\"\":x}", ""},
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
    ok(strcmp(text, "\"a\\\"b\\\\c\\u000a\\u0001</script>\xe4\xbd\xa0\"") == 0, "strings are escaped: %s",
       "quotes, backslash, controls");
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

/* What is read, and as it is written again; "" where it is the same. */
static const char *const values[][2] = {
    {"{\"a\":[1,-2,0,18446744073709551615,true,false,null,{},[]]}", ""},
    {"{\"a\":[-0, 9223372036854775807 ,-9223372036854775808]}", "{\"a\":[0,9223372036854775807,-9223372036854775808]}"},
    {"{\"a\":[1.50,-0.0,1e3,12.5E-7,100.00]}", ""},
    {"{\"a\":[99999999999999999999,-99999999999999999999]}", "{\"a\":[18446744073709551615,-9223372036854775808]}"},
    {"{\"\\u0061\\n\\\"\":\"\\\\\\/\\b\\f\\n\\r\\t\\\"\"}", "{\"a\\u000a\\\"\":\"\\\\/\\u0008\\u000c\\u000a\\u000d\\u0009\\\"\"}"},
    {"{\"b\":{\"a\":{\"b\":\"\\u00e9\\ud83d\\ude00\"}},\"a\":\"\"}",
     "{\"b\":{\"a\":{\"b\":\"\xc3\xa9\xf0\x9f\x98\x80\"}},\"a\":\"\"}"},
};

/* The value as it is written, for the caller to free, and the value put. */
static char *written(struct json_object *value)
{
    struct obstack out;

    obstack_init(&out);
    json_grow_value(&out, value);
    obstack_1grow(&out, '\0');
    char *text = strdup(obstack_finish(&out));
    obstack_free(&out, NULL);
    json_object_put(value);
    return text;
}

static void check_values(void)
{
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char field[JSON_FIELD], *text = written(json_read(values[i][0], strlen(values[i][0]), field));
        ok(strcmp(text, *values[i][1] ? values[i][1] : values[i][0]) == 0, "%s is read as %s", values[i][0], text);
        free(text);
    }
}

static void check_rows(void)
{
    static const char rows[] = "[{\"id\": 1, \"at\": [1, {\"x\": \"\\n\"}], \"data\": {}, \"cents\": 1.00}, {\"id\": null}]";
    struct json_object *read = json_rows(rows), *first = json_object_array_get_idx(read, 0), *at, *data;

    ok(json_object_array_length(read) == 2 && json_object_object_get_ex(first, "at", &at) &&
           json_object_object_get_ex(first, "data", &data),
       "rows are %s", "read");
    ok(strcmp(json_text(at), "[1, {\"x\": \"\\n\"}]") == 0 && strcmp(json_text(data), "{}") == 0,
       "a value that is a tree is its text: %s", json_text(at));
    json_object_put(read);
    ok(!json_rows("{}") && !json_rows("[1") && !json_rows(""), "rows are %s", "nothing else");
}

static struct json_object *starved;
static const char full[] =
    "{\"receiverId\":7,\"data\":{\"list\":[1,2.50,\"x\",[true],1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9,1,2,3]},\"a\":1,\"b\":1,"
    "\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"j\":1,\"content\":\"what is longer than what fits into a small buffer\"}";

static void read_full(struct request *r)
{
    char field[JSON_FIELD];

    (void)r;
    starved = json_read(full, strlen(full), field);
}

/* Each allocation fails in turn: the object is whole, or the request is abandoned. */
static void check_memory(void)
{
    static struct plan failing;
    int whole = 0, abandoned = 0, wrong = 0;

    fclose(stderr); /* which is told of each */
    plan = &failing;
    for (failing.failed = 1; failing.failed;) {
        failing = (struct plan){.armed = 1, .nth = whole + abandoned + wrong + 1};
        starved = NULL;
        bool done = abandon_guard(read_full, NULL);
        failing.armed = 0;
        char *text = done ? written(starved) : NULL;
        abandoned += !done;
        whole += done && strcmp(text, full) == 0;
        wrong += done && strcmp(text, full) != 0;
        free(text);
    }
    ok(wrong == 0 && abandoned > 30 && whole == 1,
       "whole or nothing while memory fails: %d times nothing, %d times whole, %d times wrong", abandoned, whole, wrong);
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
    check_values();
    check_rows();
    if (!under_valgrind())
        check_memory();
    return done_testing();
}
