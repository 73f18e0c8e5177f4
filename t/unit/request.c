/*
 * Where a field comes from: the body before the query, and of that nothing that is not clear.
 */
#include "serve/request.h"

#include <stdarg.h>
#include <string.h>

#include "tap.h"

static struct request r;

static void begin(const char *method, const char *body, const char *query)
{
    static char variable[256], *environment[] = {variable, NULL};
    char field[JSON_FIELD];

    snprintf(variable, sizeof variable, "%s", query);
    r = (struct request){.method = method, .path = "/", .fcgi = {.envp = environment}};
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

int main(void)
{
    struct json_object *json;
    const char *found;

    begin("DELETE", "{\"a\":\"body\",\"n\":5,\"z\":null}", "QUERY_STRING=a=query&b=%E4%BD%A0+c&c=1&c=2&d=%4&e=%FF&f=&ab=x");
    ok(strcmp(text("a"), "body") == 0, "the body wins");
    ok(strcmp(text("b"), "你 c") == 0, "the query is decoded");
    ok(strcmp(text("c"), "-") == 0 && request_field(&r, "c", &json, &found) && !json && !found, "what comes twice is given, and nothing");
    ok(strcmp(text("d"), "-") == 0 && strcmp(text("e"), "-") == 0, "as is what cannot be decoded, or is no UTF-8");
    ok(strcmp(text("f"), "") == 0, "empty is a text");
    ok(strcmp(text("n"), "-") == 0 && request_field(&r, "n", &json, &found) && json, "a number is no text");
    ok(strcmp(text("z"), "-") == 0 && !request_field(&r, "z", &json, &found), "null is not given");
    ok(strcmp(text("x"), "-") == 0 && !request_field(&r, "x", &json, &found), "nor is what is not there");
    end();
    begin("POST", "{}", "QUERY_STRING=a=query");
    ok(strcmp(text("a"), "-") == 0, "the query of a POST has no fields");
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
