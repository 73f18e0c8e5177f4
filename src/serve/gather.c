#include "gather.h"
#include "base/log.h"
#include "base/push.h"
#include "base/token.h"
#include "base/wordlist.h"
#include "once.h"
#include "twin.h"

#include <string.h>

enum { ROUTES_MAX = 128 };

struct call route_calls[ROUTES_MAX];
struct call enter_calls[] = {
    [AUDIENCE_USER] = {.text = "enter(:me, :ver, :session)"},
    [AUDIENCE_ADMIN] = {.text = "admin_enter(:me, :ver, :session, :address)"},
    [AUDIENCE_SERVICE] = {.text = "service_enter(:service, :ver)"},
};
struct call leave_call = {.text = "leave()"};

/* The doors that its routes need: they are parsed before what goes through them. */
static int gather_doors(const struct program *program, struct call **calls)
{
    bool audiences[] = {[AUDIENCE_USER] = false, [AUDIENCE_ADMIN] = false, [AUDIENCE_SERVICE] = false};
    int n = 0;

    for (int i = 0; program->routes[i].method; i++) {
        audiences[AUDIENCE_USER] |= program->routes[i].who == USER || program->routes[i].who == CALLER;
        audiences[AUDIENCE_ADMIN] |= program->routes[i].who == ADMIN;
        audiences[AUDIENCE_SERVICE] |= program->routes[i].who == CALLER;
    }
    for (size_t a = 0; a < sizeof audiences / sizeof *audiences; a++)
        if (audiences[a])
            calls[n++] = &enter_calls[a];
    if (audiences[AUDIENCE_USER])
        calls[n++] = &once_call;
    return n;
}

/* A user's call is one statement with its door, and with leave when nobody needs its rows. */
static struct call route_call(const struct route *route)
{
    bool mine = route->who == USER && route->call && strstr(route->call, "(:me");

    return (struct call){
        .text = route->call,
        .door = mine ? &enter_calls[AUDIENCE_USER] : NULL,
        .keeps = mine && once_keeps(route),
        .leaves = mine && route->shape == NOTHING && !route->handler && strcmp(route->method, "GET") != 0,
    };
}

static int gather_calls(const struct program *program, struct call **calls)
{
    int n = gather_doors(program, calls);

    for (int i = 0; program->routes[i].method; i++) {
        if (i == ROUTES_MAX)
            log_fatal("more than %d routes", ROUTES_MAX);
        route_calls[i] = route_call(&program->routes[i]);
        if (route_calls[i].text)
            calls[n++] = &route_calls[i];
    }
    for (int i = 0; program->calls && program->calls[i]; i++)
        calls[n++] = program->calls[i];
    calls[n++] = &leave_call;
    return n;
}

int gather_statements(const struct program *program, struct call **calls, int *count, struct statement **statements)
{
    int n = gather_calls(program, calls);
    bool filters = false;

    for (int i = 0; i < n; i++) {
        call_parse(calls[i]);
        statements[i] = &calls[i]->statement;
        filters |= call_filters(calls[i]);
    }
    *count = n;
    for (int i = 0; i < *count; i++)
        if (calls[i]->keeps)
            statements[n++] = &calls[i]->keeping;
    n += twin_open(program->many, calls, *count, push_events, statements + n);
    statements[n++] = &push_told;
    if (filters)
        statements[n++] = &wordlist_statement;
    return n;
}
