/*
 * Where a field comes from: the body before the query, and of that nothing that is not clear.
 */
#include "base/jsonread.h"
#include "serve/request.h"

#include <stdarg.h>
#include <string.h>

#include "tap.h"

static struct request r;

static void begin(const char *method, const char *body, const char *query)
{
    static char *environment[] = {NULL};
    char field[JSON_FIELD];

    r = (struct request){.method = method, .path = "/", .query = query, .parameters = environment};
    request_pool(&r);
    r.body = r.document = json_read(body, strlen(body), field);
}

static void end(void)
{
    json_object_put(r.document);
    request_pool_free(&r);
}

/* The field's text, "-" when there is none. */
static const char *text(const char *name)
{
    const char *found = request_text(&r, name);

    return found ? found : "-";
}

/* The list's text of the query, likewise. */
static const char *list(const char *name)
{
    struct json_object *json;
    const char *found;

    return request_list(&r, name, &json, &found) && found ? found : "-";
}

int main(void)
{
    struct json_object *json;
    const char *found;

    begin("DELETE", "{\"a\":\"body\",\"n\":5,\"z\":null}", "a=query&b=%E4%BD%A0+c&c=1&c=2&d=%4&e=%FF&f=&ab=x");
    ok(strcmp(text("a"), "body") == 0, "the body wins");
    ok(strcmp(text("b"), "你 c") == 0, "the query is decoded");
    ok(strcmp(text("c"), "-") == 0 && request_field(&r, "c", &json, &found) && !json && !found,
       "what comes twice is given, and nothing");
    ok(strcmp(text("d"), "-") == 0 && strcmp(text("e"), "-") == 0, "as is what cannot be decoded, or is no UTF-8");
    ok(strcmp(text("f"), "") == 0, "empty is a text");
    ok(strcmp(text("n"), "-") == 0 && request_field(&r, "n", &json, &found) && json, "a number is no text");
    ok(strcmp(text("z"), "-") == 0 && !request_field(&r, "z", &json, &found), "null is not given");
    ok(strcmp(text("x"), "-") == 0 && !request_field(&r, "x", &json, &found), "nor is what is not there");
    end();
    begin("POST", "{\"l\":[9]}", "a=query&i=1&i=2&i%5B%5D=3&i[]=4&i[5]=5&i[x]=6&i[=7&l=1&j[]=1&k[]=%zz");
    ok(strcmp(text("a"), "query") == 0, "so has the query of a POST");
    ok(strcmp(list("i"), "1,2,3,4,5") == 0, "a list's parts come one by one, as clients write them: %s", list("i"));
    ok(strcmp(text("j"), "-") == 0 && !request_field(&r, "j", &json, &found), "of nothing else there are parts");
    ok(request_list(&r, "k", &json, &found) && !json && !found, "a part that cannot be decoded is an error");
    ok(request_list(&r, "l", &json, &found) && json && !found, "the body's list wins");
    ok(strcmp(list("x"), "-") == 0, "and there may be none");
    request_set(&r, "hash", "one");
    request_set(&r, "hash", "two");
    ok(strcmp(request_value(&r, "hash"), "two") == 0, "what was set last counts");
    ok(!request_value(&r, "me") && !request_value(&r, "session"), "a stranger is nobody");
    r.known = true;
    r.claims.subject = 10001;
    ok(strcmp(request_value(&r, "me"), "10001") == 0, "who is known has a number");
    end();
    return done_testing();
}
