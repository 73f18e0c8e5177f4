#include "route.h"
#include "request.h"

#include <stdio.h>
#include <string.h>

/* The one parameter stands last: "/friend/delete/{friendId}". */
static bool match(const struct route *route, struct request *r)
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
    request_set(r, name, value);
    return true;
}

int route_find(const struct program *program, struct request *r)
{
    for (int i = 0; program->routes[i].method; i++)
        if (strcmp(program->routes[i].method, r->method) == 0 && match(&program->routes[i], r))
            return i;
    return -1;
}
