#include "json.h"
#include "abandon.h"

#include <errno.h>
#include <string.h>
#include <utf8proc.h>

/* A cursor over text that is being checked; members counts the keys seen in all objects, key is the newest of them, with
 * its quotes, until another is begun. */
struct cursor {
    const char *at, *end, *key;
    size_t key_length;
    int depth, members;
};

static bool check_value(struct cursor *c);

static void skip_space(struct cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r'))
        c->at++;
}

static bool take(struct cursor *c, char wanted)
{
    if (c->at < c->end && *c->at == wanted) {
        c->at++;
        return true;
    }
    return false;
}

static bool take_word(struct cursor *c, const char *word)
{
    size_t n = strlen(word);

    if ((size_t)(c->end - c->at) < n || memcmp(c->at, word, n) != 0)
        return false;
    c->at += n;
    return true;
}

static int take_digits(struct cursor *c)
{
    const char *start = c->at;

    while (c->at < c->end && *c->at >= '0' && *c->at <= '9')
        c->at++;
    return (int)(c->at - start);
}

/* A sign, if one of these stands there. */
static void pass_sign(struct cursor *c, const char *signs)
{
    if (c->at < c->end && *c->at && strchr(signs, *c->at))
        c->at++;
}

static bool check_number(struct cursor *c)
{
    pass_sign(c, "-");
    if (!take(c, '0') && take_digits(c) == 0)
        return false;
    if (take(c, '.') && take_digits(c) == 0)
        return false;
    if (take(c, 'e') || take(c, 'E')) {
        pass_sign(c, "+-");
        return take_digits(c) > 0;
    }
    return true;
}

/* Reads the four hexadecimal digits of a \u escape; -1 when they are not. */
static int take_hex4(struct cursor *c)
{
    int unit = 0;

    if (c->end - c->at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char h = *c->at++;
        int digit = h >= '0' && h <= '9'   ? h - '0'
                    : h >= 'a' && h <= 'f' ? h - 'a' + 10
                    : h >= 'A' && h <= 'F' ? h - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

/* U+0000 must not come, for PostgreSQL does not store it.  Half of a surrogate pair, such as JSON.stringify makes of a cut
 * emoji, is U+FFFD to json-c. */
static bool check_escape(struct cursor *c)
{
    if (c->at == c->end)
        return false;
    char kind = *c->at++;
    if (kind != 'u')
        return strchr("\"\\/bfnrt", kind) != NULL && kind != '\0';
    return take_hex4(c) > 0;
}

static bool check_string(struct cursor *c)
{
    if (!take(c, '"'))
        return false;
    for (const char *start = c->at; c->at < c->end;) {
        unsigned char byte = (unsigned char)*c->at++;
        if (byte == '"')
            return json_utf8_valid(start, (size_t)(c->at - 1 - start));
        if (byte < ' ' || (byte == '\\' && !check_escape(c)))
            return false;
    }
    return false;
}

static bool check_member(struct cursor *c)
{
    c->key = NULL;
    skip_space(c);
    const char *key = c->at;
    if (!check_string(c))
        return false;
    c->key = key;
    c->key_length = (size_t)(c->at - key);
    skip_space(c);
    c->members++;
    return take(c, ':') && check_value(c);
}

/* An object or an array: items between brackets, with commas between them. */
static bool check_items(struct cursor *c, char close, bool (*check_item)(struct cursor *))
{
    if (++c->depth > JSON_DEPTH)
        return false;
    skip_space(c);
    if (!take(c, close)) {
        do {
            if (!check_item(c))
                return false;
        } while (take(c, ','));
        if (!take(c, close))
            return false;
    }
    c->depth--;
    return true;
}

static bool check_value(struct cursor *c)
{
    bool ok;

    skip_space(c);
    if (take(c, '{'))
        ok = check_items(c, '}', check_member);
    else if (take(c, '['))
        ok = check_items(c, ']', check_value);
    else if (c->at < c->end && *c->at == '"')
        ok = check_string(c);
    else
        ok = take_word(c, "true") || take_word(c, "false") || take_word(c, "null") || check_number(c);
    skip_space(c);
    return ok;
}

/* Keys in the tree: fewer than were read means that a key came twice. */
static int count_members(struct json_object *value)
{
    int n = 0;

    if (json_object_is_type(value, json_type_object)) {
        struct json_object_iterator at = json_object_iter_begin(value), end = json_object_iter_end(value);
        for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at))
            n += 1 + count_members(json_object_iter_peek_value(&at));
    } else if (json_object_is_type(value, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(value); i++)
            n += count_members(json_object_array_get_idx(value, i));
    }
    return n;
}

bool json_utf8_valid(const char *text, size_t length)
{
    const utf8proc_uint8_t *at = (const utf8proc_uint8_t *)text, *end = at + length;

    while (at < end) {
        utf8proc_int32_t point;
        if (*at < 0x80) {
            if (*at++ == 0)
                return false;
            continue;
        }
        utf8proc_ssize_t n = utf8proc_iterate(at, end - at, &point);
        if (n <= 0)
            return false;
        at += n;
    }
    return true;
}

bool json_is_text(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < ' ' && text[i] != '\t' && text[i] != '\n' && text[i] != '\r')
            return false;
    return json_utf8_valid(text, length);
}

struct json_object *json_empty(void)
{
    struct json_object *tree = json_object_new_object();

    if (!tree)
        abandon_request("out of memory");
    return tree;
}

/* NULL when json-c will not have it; what it has no memory for may be right. */
static struct json_object *build(const char *text, size_t length)
{
    errno = 0;
    struct json_tokener *tokener = json_tokener_new();
    struct json_object *tree = tokener ? json_tokener_parse_ex(tokener, text, (int)length) : NULL;
    bool starved = !tree && errno == ENOMEM;

    if (tokener)
        json_tokener_free(tokener);
    if (starved)
        abandon_request("out of memory");
    return tree;
}

/* The key without its quotes, if it can be shown as it is. */
static void name_field(const struct cursor *c, char field[JSON_FIELD])
{
    size_t n = c->key ? c->key_length - 2 : 0;

    if (n >= JSON_FIELD || (n && memchr(c->key, '\\', c->key_length)))
        n = 0;
    if (n)
        memcpy(field, c->key + 1, n);
    field[n] = '\0';
}

struct json_object *json_read(const char *text, size_t length, char field[JSON_FIELD])
{
    struct cursor c = {.at = text, .end = text + length};

    *field = '\0';
    text = take_word(&c, "\xef\xbb\xbf") ? c.at : text;
    skip_space(&c);
    if (c.at == c.end)
        return json_empty();
    if (*c.at != '{')
        return NULL;
    if (!check_value(&c)) {
        name_field(&c, field);
        return NULL;
    }
    struct json_object *tree = c.at == c.end ? build(text, (size_t)(c.end - text)) : NULL;
    if (tree && count_members(tree) != c.members) {
        json_object_put(tree);
        return NULL;
    }
    return tree;
}

/* Moves behind a string, whatever is in it. */
static void skip_string(struct cursor *c)
{
    c->at++;
    while (c->at < c->end && *c->at++ != '"')
        if (c->at[-1] == '\\' && c->at < c->end)
            c->at++;
}

struct json_object *json_find_text(const char *text, size_t length, const char *name)
{
    struct cursor c = {.at = text, .end = text + length};
    size_t n = strlen(name);

    while (c.at < c.end) {
        const char *start = c.at;
        if (*start != '"') {
            c.at++;
            continue;
        }
        skip_string(&c);
        if ((size_t)(c.at - start) != n + 2 || memcmp(start + 1, name, n) != 0)
            continue;
        skip_space(&c);
        bool member = take(&c, ':');
        skip_space(&c);
        start = c.at;
        if (member && check_string(&c))
            return build(start, (size_t)(c.at - start));
        c.at = start;
    }
    return NULL;
}

void json_grow(struct obstack *out, const char *text)
{
    obstack_grow(out, text, strlen(text));
}

void json_grow_string(struct obstack *out, const char *text)
{
    static const char hex[] = "0123456789abcdef";

    obstack_1grow(out, '"');
    for (const char *run = text;; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte >= ' ' && byte != '"' && byte != '\\')
            continue;
        obstack_grow(out, run, text - run);
        if (byte == '\0')
            break;
        if (byte == '"' || byte == '\\') {
            obstack_1grow(out, '\\');
            obstack_1grow(out, *text);
        } else {
            char escape[] = {'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]};
            obstack_grow(out, escape, sizeof escape);
        }
        run = text + 1;
    }
    obstack_1grow(out, '"');
}
