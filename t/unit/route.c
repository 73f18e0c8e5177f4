/*
 * Which row of a program's table a request is for, and what its path sets.
 */
#include "serve/request.h"

#include <stdarg.h>
#include <string.h>

#include "tap.h"

static const struct route routes[] = {
    {"GET", "/friend/list", USER, LIST, NULL, NULL},
    {"POST", "/friend/list", USER, LIST, NULL, NULL},
    {"DELETE", "/friend/delete/{friendId}", USER, NOTHING, NULL, NULL},
    {0},
};

static const struct program program = {.name = "test", .routes = routes};

/* The row, or -1; value receives what the path has set under that name. */
static int found(const char *method, const char *path, const char *name, char value[static 64])
{
    struct request r = {.method = method, .path = path, .parameters = (char *[]){NULL}};

    request_pool(&r);
    int row = route_find(&program, &r);
    const char *set = row >= 0 ? request_value(&r, name) : NULL;
    snprintf(value, 64, "%s", set ? set : "-");
    request_pool_free(&r);
    return row;
}

int main(void)
{
    char value[64];

    ok(found("GET", "/friend/list", "x", value) == 0 && found("POST", "/friend/list", "x", value) == 1, "by method and path");
    ok(found("PUT", "/friend/list", "x", value) == -1, "another method is none");
    ok(found("GET", "/friend/lists", "x", value) == -1 && found("GET", "/friend/lis", "x", value) == -1 &&
           found("GET", "/friend/list/", "x", value) == -1,
       "nor is a longer path, or a shorter one");
    ok(found("DELETE", "/friend/delete/10001", "friendId", value) == 2 && strcmp(value, "10001") == 0, "a name in braces is set");
    ok(found("DELETE", "/friend/delete/", "friendId", value) == -1, "but not to nothing");
    ok(found("DELETE", "/friend/delete/1/2", "friendId", value) == -1, "nor beyond the next slash");
    return done_testing();
}
