#include "call.h"
#include "base/first.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char name_letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

static bool take_name(const char **at, char *name, size_t size)
{
    size_t n = strspn(*at, name_letters);

    if (n == 0 || n >= size)
        return false;
    memcpy(name, *at, n);
    name[n] = '\0';
    *at += n;
    return true;
}

static bool parse_argument(const char **at, struct argument *a)
{
    *at += strspn(*at, " ");
    a->server = **at == ':';
    *at += a->server;
    for (int i = 0; i == 0 || **at == '|'; i++) {
        *at += **at == '|';
        if (i == SPELLINGS || !take_name(at, a->names[i], sizeof a->names[i]))
            return false;
    }
    if (**at == '[') {
        a->most = (int)strtol(*at + 1, (char **)at, 10);
        if (a->most < 1 || *(*at)++ != ']')
            return false;
    }
    if (**at && strchr("*!#", **at))
        a->filter = *(*at)++;
    a->optional = **at == '?';
    *at += a->optional;
    return true;
}

static void write_sql(FILE *out, const struct call *call, const char *function)
{
    int at = 1;

    fprintf(out, "select * from %sapi.%s(", call->leaves ? "api.leave(" : "", function);
    if (call->door) {
        fprintf(out, "api.%.*s(", (int)strcspn(call->door->text, "("), call->door->text);
        for (; at <= call->door->count; at++)
            fprintf(out, "%s$%d", at > 1 ? ", " : "", at);
        fputc(')', out);
    }
    for (; at <= call->count; at++)
        fprintf(out, "%s$%d", at > 1 ? ", " : "", at);
    fputs(call->leaves ? ")::text)" : ")", out);
}

/* Its rows, once they are kept under the key. */
static void write_keeping_sql(FILE *out, const struct call *call)
{
    fprintf(out,
            "with r as materialized (%s), k as materialized (select api.keep($1, $%d, coalesce(json_agg(r), '[]')) from r)"
            " select r.* from r, k",
            call->statement.sql, call->count + 1);
}

static const char *call_sql(const struct call *call, const char *function)
{
    char *sql = NULL;
    size_t size;
    FILE *out = open_memstream(&sql, &size);

    if (out && function)
        write_sql(out, call, function);
    else if (out)
        write_keeping_sql(out, call);
    if (!out || fclose(out) != 0)
        log_fatal("could not parse a call: out of memory");
    return sql;
}

/* The door's arguments instead of :me. */
static bool take_door(struct call *call, const char **at)
{
    static const char me[] = ":me";

    if (!call->door)
        return true;
    if (strncmp(*at, me, sizeof me - 1) != 0)
        return false;
    *at += sizeof me - 1;
    *at += **at == ',';
    call->count = call->door->count;
    memcpy(call->arguments, call->door->arguments, sizeof call->arguments);
    return true;
}

void call_parse(struct call *call)
{
    char function[64];
    const char *at = call->text;
    bool ok = take_name(&at, function, sizeof function) && *at == '(';

    at += ok;
    ok = ok && take_door(call, &at);
    while (ok && *at != ')') {
        ok = call->count < DB_PARAMETERS && parse_argument(&at, &call->arguments[call->count]);
        call->count++;
        if (ok && *at == ',')
            at++;
        else
            ok = ok && *at == ')';
    }
    if (!ok || at[1] != '\0')
        log_fatal("cannot parse the call \"%s\"", call->text);
    call->statement.sql = call_sql(call, function);
    if (call->keeps)
        call->keeping.sql = call_sql(call, NULL);
}

/* Which of the domains the type is, -1 for none; a domain may be one of another. */
static int domain_find(const PGresult *domains, Oid type)
{
    for (int d = 0; d < PQntuples(domains); d++)
        if (strtoul(PQgetvalue(domains, d, 0), NULL, 10) == type)
            return d;
    return -1;
}

void call_types(struct call *const *calls, int count)
{
    PGresult *domains = first_ask("select t.oid, t.typname, t.typbasetype from pg_type t"
                                  " join pg_namespace n on n.oid = t.typnamespace"
                                  " where n.nspname = 'im' and t.typtype = 'd'");

    for (int c = 0; c < count; c++) {
        for (int i = 0; i < calls[c]->count; i++) {
            struct argument *a = &calls[c]->arguments[i];
            Oid type = calls[c]->statement.types[i];
            for (int d; (d = domain_find(domains, type)) >= 0; type = (Oid)strtoul(PQgetvalue(domains, d, 2), NULL, 10))
                if (!*a->domain)
                    snprintf(a->domain, sizeof a->domain, "%s", PQgetvalue(domains, d, 1));
            a->kind = sqltype_of(type)->kind;
            a->max = sqltype_of(type)->max;
            if (a->kind == KIND_NONE)
                log_fatal("call \"%s\": no rule for SQL type %u", calls[c]->text, type);
        }
    }
    PQclear(domains);
}

bool call_filters(const struct call *call)
{
    for (int i = 0; i < call->count; i++)
        if (call->arguments[i].filter && call->arguments[i].filter != '#')
            return true;
    return false;
}

bool call_digests(const struct call *call)
{
    for (int i = 0; i < call->count; i++)
        if (call->arguments[i].filter == '#' || (call->arguments[i].server && strcmp(call->arguments[i].names[0], "digest") == 0))
            return true;
    return false;
}

const char *call_domain_field(const struct call *call, const char *domain)
{
    for (int i = 0; domain && i < call->count; i++)
        if (strcmp(call->arguments[i].domain, domain) == 0)
            return call->arguments[i].names[0];
    return NULL;
}
