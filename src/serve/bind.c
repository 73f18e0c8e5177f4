#include "bind.h"
#include "base/code.h"
#include "base/json.h"
#include "base/literal.h"
#include "base/sensitive.h"
#include "base/wordlist.h"
#include "filter.h"
#include "request.h"

#include <string.h>

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
        if (!literal_integer(part, EXACT_MAX))
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
    case KIND_JSON: /* only in a body */
    case KIND_NONE:
        return NULL;
    }
    return NULL;
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
        if (!item || (texts ? !json_object_is_type(item, json_type_string) : !literal_integer(json_text(item), EXACT_MAX)))
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
    bool string = json_object_is_type(value, json_type_string);

    switch (a->kind) {
    case KIND_TEXT:
        return string ? json_text(value) : NULL;
    case KIND_UUID:
        return string ? bind_text(a, json_text(value), pool) : NULL;
    case KIND_INT:
    case KIND_MONEY: /* its digits as text too, which is what forms and the parameters of pages are to many clients */
        return bind_text(a, json_text(value), pool);
    case KIND_BOOL:
        return json_object_is_type(value, json_type_boolean) ? json_text(value) : NULL;
    case KIND_INTS:
    case KIND_TEXTS:
        return bind_array(a, value, pool);
    case KIND_JSON:
        json_grow_value(pool, value);
        obstack_1grow(pool, '\0');
        return obstack_finish(pool);
    case KIND_NONE:
        return NULL;
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
static bool filter(const struct call *call, const struct argument *a, struct request *r, const char *const *values,
                   const char **value)
{
    if (a->filter == '#' && *value)
        *value = request_trade_digest(r, *value);
    if (!a->filter || a->filter == '#' || !*value)
        return true;
    if (a->filter == '*' && !is_text(call, values))
        return !filter_content(request_copy(r, *value));
    if (!sensitive_found(*value) || !filter_found(request_copy(r, *value)))
        return true;
    if (a->filter == '!' || wordlist_refuses())
        return false;
    char *copy = request_copy(r, *value);
    filter_star(copy);
    *value = copy;
    return true;
}

int bind_call(const struct call *call, struct request *request, const char **values, const char **field)
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
