#include "route.h"
#include "request.h"

#include <stdio.h>
#include <string.h>

enum { ID_DIGITS = 16 };

static bool id_valid(const char *text, size_t n)
{
    return n >= 1 && n <= ID_DIGITS && strspn(text, "0123456789") == n && text[0] != '0';
}

/* The one parameter stands last: "/friend/delete/{friendId}". */
static bool match(const struct route *route, struct request *r, const char **bad)
{
    const char *brace = strchr(route->path, '{');
    char name[32];

    if (!brace)
        return strcmp(route->path, r->path) == 0;
    size_t prefix = (size_t)(brace - route->path);
    if (strncmp(route->path, r->path, prefix) != 0)
        return false;
    const char *value = r->path + prefix;
    if (strchr(value, '/') || !*value)
        return false;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(brace + 1, "}"), brace + 1);
    if (id_valid(value, strlen(value)))
        request_set(r, name, value);
    else
        *bad = request_copy(r, name);
    return true;
}

int route_find(const struct program *program, struct request *r, const char **bad)
{
    for (int i = 0; program->routes[i].method; i++)
        if (strcmp(program->routes[i].method, r->method) == 0 && match(&program->routes[i], r, bad))
            return i;
    return -1;
}
