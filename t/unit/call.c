/*
 * Calls as route rows have them: their grammar, and the values that are bound.
 */
#include "base/code.h"
#include "base/sensitive.h"
#include "serve/bind.h"
#include "base/jsonread.h"
#include "serve/request.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

static struct call call = {.text = "f(:me, name|nick[20]*?, count, amount?, all?, ids?, id?)"};
static struct call message = {.text = "g(content*, messageType)"};

static const char *values[DB_PARAMETERS], *field;

/* Binds a body; the code, 0 when all fits. */
static int bound_to(struct call *to, const char *body)
{
    static struct request r;
    char unread[JSON_FIELD];

    if (r.document) {
        json_object_put(r.document);
        request_pool_free(&r);
    }
    r = (struct request){.method = "POST", .path = "/", .known = true, .claims.subject = 10001, .parameters = (char *[]){NULL}};
    request_pool(&r);
    r.body = r.document = json_read(body, strlen(body), unread);
    return bind_call(to, &r, values, &field);
}

static int bound(const char *body)
{
    return bound_to(&call, body);
}

/* What is left of a message's content: of a type, as it stands in a body. */
static const char *said(int type, const char *content)
{
    char body[200];

    snprintf(body, sizeof body, "{\"messageType\":%d,\"content\":\"%s\"}", type, content);
    int code = bound_to(&message, body);
    return code == 0 ? values[0] : code == CODE_FORBIDDEN_WORDS ? "refused" : "-";
}

static bool refused(const char *body, const char *name)
{
    return bound(body) == CODE_BAD_REQUEST && strcmp(field, name) == 0;
}

static void check_grammar(void)
{
    call_parse(&call);
    ok(strcmp(call.statement.sql, "select * from api.f($1, $2, $3, $4, $5, $6, $7)") == 0, "a call is a select: %s",
       call.statement.sql);
    ok(call.arguments[0].server && !call.arguments[1].server, "a colon is the server's");
    ok(strcmp(call.arguments[1].names[1], "nick") == 0 && call.arguments[1].filter == '*' && call.arguments[1].optional,
       "two spellings, starred, optional");
    ok(call.arguments[1].most == 20 && call.arguments[2].most == 0, "of so many characters");
    ok(!call.arguments[2].optional && !*call.arguments[2].names[1] && !call.arguments[2].filter, "or nothing of that");
    ok(call_filters(&call) && !call_digests(&call), "it filters, and takes no digest");
}

/* What lets in whom a call acts for is part of its statement, and what follows it may be. */
static void check_door(void)
{
    static struct call door = {.text = "enter(:me, :ver)"}, through = {.text = "f(:me, count)", .door = &door},
                       out = {.text = "g(:me)", .door = &door, .leaves = true};

    call_parse(&door);
    call_parse(&through);
    call_parse(&out);
    ok(strcmp(through.statement.sql, "select * from api.f(api.enter($1, $2), $3)") == 0, "a door is the first argument: %s",
       through.statement.sql);
    ok(through.count == 3 && strcmp(through.arguments[1].names[0], "ver") == 0 &&
           strcmp(through.arguments[2].names[0], "count") == 0,
       "its arguments come first");
    ok(strcmp(out.statement.sql, "select * from api.leave(api.g(api.enter($1, $2))::text)") == 0,
       "what leaves is an argument itself: %s", out.statement.sql);
}

static void check_values(void)
{
    static const enum value_kind kinds[] = {KIND_INT, KIND_TEXT, KIND_INT, KIND_MONEY, KIND_BOOL, KIND_INTS, KIND_UUID};

    for (int i = 0; i < call.count; i++) {
        call.arguments[i].kind = kinds[i];
        call.arguments[i].max = i == 2 ? 32767 : INT64_C(9007199254740992);
    }
    ok(bound("{\"nick\":\"ann\",\"count\":3}") == 0 && strcmp(values[0], "10001") == 0 && strcmp(values[1], "ann") == 0 &&
           strcmp(values[2], "3") == 0 && !values[3],
       "either spelling; what is not given is NULL");
    ok(bound("{\"name\":\"12345678901234567890\",\"count\":3}") == 0 &&
           refused("{\"name\":\"123456789012345678901\",\"count\":3}", "name"),
       "twenty characters, and no more");
    ok(bound("{\"name\":\"e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301\",\"count\":3}") == 0,
       "as a person counts them");
    ok(refused("{}", "count") && refused("{\"count\":null}", "count"), "a field that has to be there");
    ok(refused("{\"count\":32768}", "count") && refused("{\"count\":1.0}", "count") && refused("{\"count\":true}", "count"),
       "a number of its type");
    ok(bound("{\"count\":\"-3\"}") == 0 && strcmp(values[2], "-3") == 0, "as text too");
    for (const char *const *bad = (const char *const[]){"", " 3", "3 ", "+3", "03", "3.0", "3e0", "32768", "0x3", "３", NULL}; *bad;
         bad++) {
        char body[32];
        snprintf(body, sizeof body, "{\"count\":\"%s\"}", *bad);
        ok(refused(body, "count"), "but not as \"%s\"", *bad);
    }
    ok(bound("{\"count\":1,\"amount\":12.50}") == 0 && strcmp(values[3], "12.50") == 0, "money stays as it was written");
    ok(refused("{\"count\":1,\"amount\":1.001}", "amount") && refused("{\"count\":1,\"amount\":-1}", "amount") &&
           refused("{\"count\":1,\"amount\":1e3}", "amount"),
       "and has two places, no sign, no exponent");
    ok(bound("{\"count\":1,\"amount\":\"12.50\"}") == 0 && strcmp(values[3], "12.50") == 0 &&
           refused("{\"count\":1,\"amount\":\"12.505\"}", "amount") && refused("{\"count\":1,\"amount\":\"1e3\"}", "amount"),
       "also as text");
    ok(bound("{\"count\":1,\"ids\":[1,2]}") == 0 && strcmp(values[5], "{1,2}") == 0 &&
           refused("{\"count\":1,\"ids\":[1,\"x\"]}", "ids") && refused("{\"count\":1,\"ids\":[null]}", "ids"),
       "numbers");
    ok(bound("{\"count\":1,\"ids\":[1,\"2\"]}") == 0 && strcmp(values[5], "{1,2}") == 0, "or texts of them");
    ok(refused("{\"count\":1,\"all\":1}", "all") && refused("{\"count\":1,\"id\":\"7\"}", "id"), "true or false, and a UUID");
}

static void check_words(void)
{
    ok(bound("{\"name\":\"a bad one\",\"count\":1}") == 0 && strcmp(values[1], "a *** one") == 0, "words are starred out");
    setenv("IM_WORDS", "refuse", 1);
    ok(bound("{\"name\":\"a bad one\",\"count\":1}") == CODE_FORBIDDEN_WORDS, "or refused");
}

/* Text is starred, but no link; what a client reads as JSON is never changed. */
static void check_content(void)
{
    sensitive_begin();
    ok(sensitive_add("bad"), "a word is listed");
    sensitive_use();
    call_parse(&message);
    message.arguments[0].kind = KIND_TEXT;
    message.arguments[1].kind = KIND_INT;
    message.arguments[1].max = 32767;
    const char *kept = said(1, "a bad one, https://h/bad?x=bad bad");
    ok(strcmp(kept, "a *** one, https://h/bad?x=bad ***") == 0, "a link stays whole: %s", kept);
    kept = said(5, "{\\\"url\\\":\\\"https://h/bad.doc\\\",\\\"size\\\":1}");
    ok(strcmp(kept, "{\"url\":\"https://h/bad.doc\",\"size\":1}") == 0, "content in JSON too: %s", kept);
    ok(strcmp(said(5, "{\\\"a\\\":[{\\\"name\\\":\\\"a bad one\\\"}]}"), "refused") == 0,
       "it is refused when a text in it has a word");
    ok(strcmp(said(2, "a bad one"), "refused") == 0, "as is what is no JSON");
    ok(strcmp(said(1, "{\\\"bad\\\":1}"), "{\"***\":1}") == 0, "a text that looks like it is a text");
}

int main(void)
{
    check_grammar();
    check_door();
    check_values();
    check_content();
    check_words();
    return done_testing();
}
