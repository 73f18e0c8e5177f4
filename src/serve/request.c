#include "request.h"
#include "base/config.h"
#include "base/jsonread.h"
#include "base/password.h"

#include <fcgiapp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define obstack_chunk_alloc malloc
#define obstack_chunk_free free

enum { BODY_MAX = 65536 };

static const char *pepper; /* of programs that take a trade password */

/* A server-side value that was set. */
struct value {
    const char *name, *text;
    struct value *next;
};

void request_open(void)
{
    pepper = config_required("IM_TRADE_PEPPER");
}

void request_pool(struct request *r)
{
    obstack_init(&r->pool);
    obstack_init(&r->answer);
}

void request_pool_free(struct request *r)
{
    obstack_free(&r->pool, NULL);
    obstack_free(&r->answer, NULL);
    r->pool = r->answer = (struct obstack){0};
}

char *request_copy(struct request *r, const char *text)
{
    return obstack_copy0(&r->pool, text, (int)strlen(text));
}

const char *request_parameter(struct request *r, const char *name)
{
    const char *value = FCGX_GetParam(name, r->parameters);

    return value && *value ? value : NULL;
}

void request_set(struct request *r, const char *name, const char *text)
{
    struct value *v = obstack_alloc(&r->pool, sizeof *v);

    *v = (struct value){request_copy(r, name), request_copy(r, text), r->values};
    r->values = v;
}

static const char *number_text(struct request *r, int64_t number)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRId64, number);
    return request_copy(r, text);
}

const char *request_trade_digest(struct request *r, const char *password)
{
    char digest[PASSWORD_DIGEST_SIZE], *normal = password_normal(password);

    password_digest(digest, pepper, (const char *const[]){number_text(r, r->claims.subject), ":", normal, NULL});
    free(normal);
    return request_copy(r, digest);
}

/* What an idempotency key was used with.  Keyed, because the body may hold a trade password. */
static const char *request_digest(struct request *r)
{
    char digest[PASSWORD_DIGEST_SIZE];

    const char *query = r->query ? r->query : "";

    password_digest(digest, pepper ? pepper : "im",
                    (const char *const[]){r->method, "\n", r->path, *query ? "?" : "", query, "\n", r->text, NULL});
    return request_copy(r, digest);
}

/* Whatever a client calls itself, if it is text: an odd name is no reason to refuse a log-in. */
static const char *request_device(struct request *r)
{
    const char *agent = request_parameter(r, "HTTP_USER_AGENT");

    return agent && json_utf8_valid(agent, strlen(agent)) ? agent : NULL;
}

const char *request_value(struct request *r, const char *name)
{
    for (struct value *v = r->values; v; v = v->next)
        if (strcmp(v->name, name) == 0)
            return v->text;
    if (r->known && strcmp(name, r->audience == AUDIENCE_SERVICE ? "service" : "me") == 0)
        return number_text(r, r->claims.subject);
    if (r->known && strcmp(name, "ver") == 0)
        return number_text(r, r->claims.version);
    if (r->known && strcmp(name, "session") == 0)
        return number_text(r, r->claims.session);
    if (r->known && strcmp(name, "expires") == 0)
        return number_text(r, r->claims.expires_at);
    if (strcmp(name, "address") == 0)
        return request_parameter(r, "REMOTE_ADDR");
    if (strcmp(name, "node") == 0)
        return config_text("IM_NODE", "1");
    if (strcmp(name, "worker") == 0)
        return request_parameter(r, "HTTP_X_IM_WORKER");
    if (strcmp(name, "device") == 0)
        return request_device(r);
    if (strcmp(name, "key") == 0)
        return request_parameter(r, "HTTP_IDEMPOTENCY_KEY");
    if (r->text && strcmp(name, "digest") == 0)
        return request_digest(r);
    return NULL;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decodes %41 and + in place; false when it is not valid or not UTF-8. */
static bool percent_decode(char *text)
{
    char *out = text;

    for (char *in = text; *in; in++) {
        int high = *in == '%' ? hex_digit(in[1]) : 0, low = *in == '%' && high >= 0 ? hex_digit(in[2]) : 0;
        char plain = *in;
        if (high < 0 || low < 0)
            return false;
        if (plain == '%') {
            plain = (char)(high * 16 + low);
            in += 2;
        } else if (plain == '+') {
            plain = ' ';
        }
        *out++ = plain;
    }
    *out = '\0';
    return json_utf8_valid(text, (size_t)(out - text));
}

/* The length of a character that may be written as %5B. */
static size_t escaped(const char *at, char plain)
{
    if (*at == plain)
        return 1;
    return *at == '%' && hex_digit(at[1]) >= 0 && hex_digit(at[1]) * 16 + hex_digit(at[2]) == plain ? 3 : 0;
}

/* What some clients write behind the name of a list: ids[]=1&ids[]=2, ids[0]=1. */
static size_t brackets(const char *at)
{
    size_t n = escaped(at, '[');

    if (!n)
        return 0;
    n += strspn(at + n, "0123456789");
    size_t last = escaped(at + n, ']');
    return last ? n + last : 0;
}

/* The value of one query parameter; an undecodable one is no value but an error of that field, and so is a repeated one that
 * is no list. */
static const char *query_text(struct request *r, const char *name, bool list, bool *bad)
{
    size_t n = strlen(name);
    int found = 0;

    for (const char *at = r->query; at; at = strchr(at, '&') ? strchr(at, '&') + 1 : NULL) {
        if (strncmp(at, name, n) != 0)
            continue;
        const char *value = at + n + (list ? brackets(at + n) : 0);
        if (*value++ != '=')
            continue;
        if (found++)
            obstack_1grow(&r->pool, ',');
        obstack_grow(&r->pool, value, (int)strcspn(value, "&"));
    }
    if (!found)
        return NULL;
    obstack_1grow(&r->pool, '\0');
    char *text = obstack_finish(&r->pool);
    *bad = !percent_decode(text) || (found > 1 && !list);
    return *bad ? NULL : text;
}

static bool find_field(struct request *r, const char *name, bool list, struct json_object **json, const char **text)
{
    bool bad = false;

    *text = NULL;
    if (json_object_object_get_ex(r->body, name, json) && *json)
        return true;
    *json = NULL;
    *text = query_text(r, name, list, &bad);
    return bad || *text;
}

bool request_field(struct request *r, const char *name, struct json_object **json, const char **text)
{
    return find_field(r, name, false, json, text);
}

bool request_list(struct request *r, const char *name, struct json_object **json, const char **text)
{
    return find_field(r, name, true, json, text);
}

const char *request_text(struct request *r, const char *name)
{
    struct json_object *json;
    const char *text;

    if (!request_field(r, name, &json, &text))
        return NULL;
    return json ? (json_object_is_type(json, json_type_string) ? json_object_get_string(json) : NULL) : text;
}

bool request_read(struct request *r)
{
    const char *length_text = request_parameter(r, "CONTENT_LENGTH");

    if (request_parameter(r, "REQUEST_BODY_FILE")) { /* nginx has it on disk, for a handler: there are no fields */
        r->text = "";
        r->body = r->document = json_empty();
        return true;
    }
    long length = length_text ? strtol(length_text, NULL, 10) : 0;
    char field[JSON_FIELD];

    r->unread = "body";
    if (length < 0 || length > BODY_MAX)
        return false;
    char *text = obstack_alloc(&r->pool, length + 1);
    if (length && FCGX_GetStr(text, (int)length, r->input) != length)
        return false;
    text[length] = '\0';
    r->text = text;
    r->length = (size_t)length;
    r->body = r->document = json_read(text, (size_t)length, field);
    if (r->body)
        r->unread = NULL;
    else if (*field)
        r->unread = obstack_copy0(&r->pool, field, (int)strlen(field));
    return r->body != NULL;
}

bool request_identify(struct request *r, enum audience audience)
{
    const char *token = request_parameter(r, "HTTP_AUTHORIZATION");

    if (token)
        token = strncasecmp(token, "Bearer ", 7) == 0 ? token + 7 : NULL;
    else
        token = request_parameter(r, "HTTP_ACCESSTOKEN");
    if (token && strchr(token, '%')) { /* as push.conf found it in the query of /ws; no token has one itself */
        char *decoded = request_copy(r, token);
        token = percent_decode(decoded) ? decoded : NULL;
    }
    r->known = token_verify(token, audience, TOKEN_ACCESS, &r->claims);
    r->audience = audience;
    return r->known;
}
