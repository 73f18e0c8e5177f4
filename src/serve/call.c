#include "call.h"
#include "base/abandon.h"
#include "base/code.h"
#include "base/literal.h"
#include "base/log.h"
#include "base/wordlist.h"
#include "base/words.h"
#include "filter.h"
#include "request.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char name_letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

/* The largest integer that every JSON client keeps exact. */
static const int64_t exact_max = INT64_C(9007199254740992);

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
    fprintf(out, "with r as materialized (%s), k as materialized (select api.keep($1, $%d, coalesce(json_agg(r), '[]')) from r)"
            " select r.* from r, k", call->statement.sql, call->count + 1);
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

static enum value_kind kind_of(const struct call *call, Oid type)
{
    switch (type) {
    case 20: case 21: case 23: /* int8 int2 int4 */
        return KIND_INT;
    case 1700: /* numeric */
        return KIND_MONEY;
    case 16:
        return KIND_BOOL;
    case 1016: case 1007: /* int8[] int4[] */
        return KIND_INTS;
    case 1009: /* text[] */
        return KIND_TEXTS;
    case 114: case 3802: /* json jsonb */
        return KIND_JSON;
    case 2950:
        return KIND_UUID;
    case 25: case 1043: case 869: case 1186: case 271: /* text varchar inet interval xid8[] */
        return KIND_TEXT;
    default:
        log_fatal("call \"%s\": no rule for SQL type %u", call->text, type);
    }
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
    PGresult *domains = db_ask("select t.oid, t.typname, t.typbasetype from pg_type t"
                               " join pg_namespace n on n.oid = t.typnamespace"
                               " where n.nspname = 'im' and t.typtype = 'd'");

    for (int c = 0; c < count; c++) {
        for (int i = 0; i < calls[c]->count; i++) {
            struct argument *a = &calls[c]->arguments[i];
            Oid type = calls[c]->statement.types[i];
            for (int d; (d = domain_find(domains, type)) >= 0; type = (Oid)strtoul(PQgetvalue(domains, d, 2), NULL, 10))
                if (!*a->domain)
                    snprintf(a->domain, sizeof a->domain, "%s", PQgetvalue(domains, d, 1));
            a->kind = kind_of(calls[c], type);
            a->max = type == 21 ? INT16_MAX : type == 23 ? INT32_MAX : exact_max;
        }
    }
    PQclear(domains);
}

/* 1,2,3 as PostgreSQL's {1,2,3}; NULL when a part is no integer. */
static const char *bind_list(const char *text, struct obstack *pool)
{
    char part[20];

    for (const char *at = text;; at++) {
        size_t n = strcspn(at, ",");
        if (n >= sizeof part)
            return NULL;
        memcpy(part, at, n);
        part[n] = '\0';
        if (!literal_integer(part, exact_max))
            return NULL;
        at += n;
        if (!*at)
            break;
    }
    obstack_1grow(pool, '{');
    json_grow(pool, text);
    obstack_grow0(pool, "}", 1);
    return obstack_finish(pool);
}

/* A query parameter or path parameter: text by nature. */
static const char *bind_text(const struct argument *a, const char *text, struct obstack *pool)
{
    switch (a->kind) {
    case KIND_TEXT:
        return json_utf8_valid(text, strlen(text)) ? text : NULL;
    case KIND_INT:
        return literal_integer(text, a->max) ? text : NULL;
    case KIND_MONEY:
        return literal_money(text) ? text : NULL;
    case KIND_UUID:
        return literal_uuid(text) ? text : NULL;
    case KIND_BOOL:
        return strcmp(text, "true") == 0 || strcmp(text, "false") == 0 ? text : NULL;
    case KIND_INTS:
        return bind_list(text, pool);
    case KIND_TEXTS:
    case KIND_JSON:
        return NULL; /* only in a body */
    }
    return NULL;
}

/* json-c makes the text of a number when it is asked for it. */
static const char *json_text(struct json_object *value)
{
    const char *text = json_object_get_string(value);

    if (!text)
        abandon_request("out of memory");
    return text;
}

static void grow_quoted(struct obstack *pool, const char *text)
{
    obstack_1grow(pool, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            obstack_1grow(pool, '\\');
        obstack_1grow(pool, *text);
    }
    obstack_1grow(pool, '"');
}

/* {1,2,3} or {"a","b"}; NULL when an element is of another type. */
static const char *bind_array(const struct argument *a, struct json_object *value, struct obstack *pool)
{
    bool texts = a->kind == KIND_TEXTS;

    if (!json_object_is_type(value, json_type_array))
        return NULL;
    size_t n = json_object_array_length(value);
    for (size_t i = 0; i < n; i++) {
        struct json_object *item = json_object_array_get_idx(value, i);
        if (!item || (texts ? !json_object_is_type(item, json_type_string) : !literal_integer(json_text(item), exact_max)))
            return NULL;
    }
    obstack_1grow(pool, '{');
    for (size_t i = 0; i < n; i++) {
        const char *text = json_text(json_object_array_get_idx(value, i));
        if (i)
            obstack_1grow(pool, ',');
        if (texts)
            grow_quoted(pool, text);
        else
            json_grow(pool, text);
    }
    obstack_grow0(pool, "}", 1);
    return obstack_finish(pool);
}

static const char *bind_json(const struct argument *a, struct json_object *value, struct obstack *pool)
{
    const char *text = json_text(value);

    switch (a->kind) {
    case KIND_TEXT:
        return json_object_is_type(value, json_type_string) ? text : NULL;
    case KIND_UUID:
        return json_object_is_type(value, json_type_string) ? bind_text(a, text, pool) : NULL;
    case KIND_INT:
    case KIND_MONEY: /* its digits as text too, which is what forms and the parameters of pages are to many clients */
        return bind_text(a, text, pool);
    case KIND_BOOL:
        return json_object_is_type(value, json_type_boolean) ? text : NULL;
    case KIND_INTS:
    case KIND_TEXTS:
        return bind_array(a, value, pool);
    case KIND_JSON:
        return json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
    }
    return NULL;
}

/* Sets value, NULL for SQL NULL; false when the argument is missing or does not fit. */
static bool bind_argument(const struct argument *a, struct request *r, const char **value)
{
    const char *text = NULL;
    struct json_object *json = NULL;
    bool given = false;

    if (a->server) {
        text = request_value(r, a->names[0]);
        *value = text ? bind_text(a, text, &r->pool) : NULL;
        return !text || *value;
    }
    for (int i = 0; !given && i < SPELLINGS && *a->names[i]; i++)
        given = (a->kind == KIND_INTS ? request_list : request_field)(r, a->names[i], &json, &text);
    *value = json ? bind_json(a, json, &r->pool) : text ? bind_text(a, text, &r->pool) : NULL;
    if (*value && a->most && !literal_length(*value, a->most))
        return false;
    return given ? *value != NULL : a->optional;
}

/* Whether what the call's content is in is a text, and not what messageType says is a picture, a file… */
static bool is_text(const struct call *call, const char *const *values)
{
    for (int i = 0; i < call->count; i++)
        if (strcmp(call->arguments[i].names[0], "messageType") == 0 && values[i])
            return strcmp(values[i], "1") == 0;
    return true;
}

/* Stars the value's words out in a copy, or refuses them; or takes the digest of a trade password. */
static bool filter(const struct call *call, const struct argument *a, struct request *r, const char *const *values, const char **value)
{
    if (a->filter == '#' && *value)
        *value = request_trade_digest(r, *value);
    if (!a->filter || a->filter == '#' || !*value)
        return true;
    if (a->filter == '*' && !is_text(call, values))
        return !filter_content(request_copy(r, *value));
    if (!words_found(*value) || !filter_found(request_copy(r, *value)))
        return true;
    if (a->filter == '!' || wordlist_refuses())
        return false;
    char *copy = request_copy(r, *value);
    filter_star(copy);
    *value = copy;
    return true;
}

int call_bind(const struct call *call, struct request *request, const char **values, const char **field)
{
    for (int i = 0; i < call->count; i++) {
        *field = call->arguments[i].names[0];
        if (!bind_argument(&call->arguments[i], request, &values[i]))
            return CODE_BAD_REQUEST;
    }
    for (int i = 0; i < call->count; i++) {
        *field = call->arguments[i].names[0];
        if (!filter(call, &call->arguments[i], request, values, &values[i]))
            return CODE_FORBIDDEN_WORDS;
    }
    *field = NULL;
    return 0;
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
