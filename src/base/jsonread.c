#include "jsonread.h"
#include "abandon.h"
#include "json.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* A cursor over text that is being read.  Strings are decoded into made, each to the place that it has in the text, for none
 * becomes longer; starved says that there was no memory for a value.  Key is the newest one, with its quotes, until another is
 * begun. */
struct cursor {
    const char *at, *end, *text, *key;
    size_t key_length;
    char *made;
    int depth, deepest, row; /* row: the depth at which arrays and objects stay text, 0 for none */
    bool starved;
};

static bool read_value(struct cursor *c, struct json_object **value);

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
        int digit = h >= '0' && h <= '9' ? h - '0' : h >= 'a' && h <= 'f' ? h - 'a' + 10 : h >= 'A' && h <= 'F' ? h - 'A' + 10 : -1;
        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

/* U+0000 must not come, for PostgreSQL does not store it.  Half of a surrogate pair, such as JSON.stringify makes of a cut
 * emoji, is U+FFFD. */
static bool read_code(struct cursor *c, char **out)
{
    int point = take_hex4(c);
    const char *after = c->at;

    if (point <= 0)
        return false;
    if (point >= 0xd800 && point <= 0xdbff) {
        int low = take_word(c, "\\u") ? take_hex4(c) : -1;
        if (low >= 0xdc00 && low <= 0xdfff)
            point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
        else
            c->at = after;
    }
    if (point >= 0xd800 && point <= 0xdfff)
        point = 0xfffd;
    *out += utf8proc_encode_char(point, (utf8proc_uint8_t *)*out);
    return true;
}

static bool read_escape(struct cursor *c, char **out)
{
    static const char written[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";

    if (c->at == c->end)
        return false;
    char kind = *c->at++;
    if (kind == 'u')
        return read_code(c, out);
    const char *found = kind ? strchr(written, kind) : NULL;
    if (found)
        *(*out)++ = meant[found - written];
    return found != NULL;
}

/* The string's text, which is in made. */
static bool read_string(struct cursor *c, const char **text, size_t *length)
{
    char *out = c->made + (c->at - c->text);

    *text = out;
    if (!take(c, '"'))
        return false;
    while (c->at < c->end) {
        char byte = *c->at++;
        if (byte == '"') {
            *out = '\0';
            *length = (size_t)(out - *text);
            return json_utf8_valid(*text, *length);
        }
        if ((unsigned char)byte < ' ' || (byte == '\\' && !read_escape(c, &out)))
            return false;
        if (byte != '\\')
            *out++ = byte;
    }
    return false;
}

/* A value that has been made, if there was memory for it. */
static bool take_made(struct cursor *c, struct json_object **value, struct json_object *made)
{
    *value = made;
    c->starved |= !made;
    return made != NULL;
}

/* A value that has been put into an object or an array, if there was memory for it. */
static bool take_added(struct cursor *c, struct json_object *value, int failed)
{
    if (failed)
        json_object_put(value);
    c->starved |= failed != 0;
    return !failed;
}

static bool read_member(struct cursor *c, struct json_object *object)
{
    struct json_object *value;
    const char *name;
    size_t length;

    c->key = NULL;
    skip_space(c);
    const char *key = c->at;
    if (!read_string(c, &name, &length) || json_object_object_get_ex(object, name, NULL))
        return false;
    c->key = key;
    c->key_length = (size_t)(c->at - key);
    skip_space(c);
    return take(c, ':') && read_value(c, &value) &&
           take_added(c, value, json_object_object_add_ex(object, name, value, JSON_C_OBJECT_ADD_KEY_IS_NEW));
}

static bool read_element(struct cursor *c, struct json_object *array)
{
    struct json_object *value;

    return read_value(c, &value) && take_added(c, value, json_object_array_add(array, value));
}

/* What is between the brackets of an object or an array: items with commas between them. */
static bool read_items(struct cursor *c, char close, struct json_object *whole,
                       bool (*read_item)(struct cursor *, struct json_object *))
{
    if (++c->depth > c->deepest)
        return false;
    skip_space(c);
    if (!take(c, close)) {
        do {
            if (!read_item(c, whole))
                return false;
        } while (take(c, ','));
        if (!take(c, close))
            return false;
    }
    c->depth--;
    return true;
}

static bool read_tree(struct cursor *c, struct json_object **value)
{
    const char *start = c->at;
    bool object = take(c, '{') || !take(c, '['), row = c->row && c->depth == c->row;

    if (!take_made(c, value, object ? json_object_new_object() : json_object_new_array()))
        return false;
    bool read = read_items(c, object ? '}' : ']', *value, object ? read_member : read_element);
    if (read && !row)
        return true;
    json_object_put(*value);
    return read && take_made(c, value, json_object_new_string_len(start, (int)(c->at - start)));
}

/* Of a fraction its text is kept. */
static bool read_number(struct cursor *c, struct json_object **value)
{
    const char *start = c->at;

    if (!check_number(c))
        return false;
    size_t n = (size_t)(c->at - start);
    char *text = memcpy(c->made + (start - c->text), start, n);
    text[n] = '\0';
    return take_made(c, value,
                     strpbrk(text, ".eE") ? json_object_new_double_s(strtod(text, NULL), text)
                     : *text == '-'       ? json_object_new_int64(strtoll(text, NULL, 10))
                                          : json_object_new_uint64(strtoull(text, NULL, 10)));
}

static bool read_text(struct cursor *c, struct json_object **value)
{
    const char *text;
    size_t length;

    return read_string(c, &text, &length) && take_made(c, value, json_object_new_string_len(text, (int)length));
}

static bool read_word(struct cursor *c, struct json_object **value)
{
    bool yes = take_word(c, "true");

    *value = NULL;
    if (yes || take_word(c, "false"))
        return take_made(c, value, json_object_new_boolean(yes));
    return take_word(c, "null");
}

/* The value is the caller's to put, NULL for null; there is none when it returns false. */
static bool read_value(struct cursor *c, struct json_object **value)
{
    skip_space(c);
    char first = '\0';

    if (c->at < c->end)
        first = *c->at;
    bool (*read)(struct cursor *, struct json_object **) = first == '{' || first == '['                   ? read_tree
                                                           : first == '"'                                 ? read_text
                                                           : first == 't' || first == 'f' || first == 'n' ? read_word
                                                                                                          : read_number;
    bool is_read = read(c, value);
    skip_space(c);
    return is_read;
}

struct json_object *json_empty(void)
{
    struct json_object *tree = json_object_new_object();

    if (!tree)
        abandon_request("out of memory");
    return tree;
}

static void cursor_open(struct cursor *c)
{
    c->made = malloc((size_t)(c->end - c->text) + 1);
    if (!c->made)
        abandon_request("out of memory");
}

static void cursor_close(struct cursor *c)
{
    free(c->made);
    if (c->starved)
        abandon_request("out of memory");
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
    struct cursor c = {.at = text, .end = text + length, .text = text, .deepest = JSON_DEPTH};
    struct json_object *tree = NULL;

    *field = '\0';
    (void)!take_word(&c, "\xef\xbb\xbf");
    skip_space(&c);
    if (c.at == c.end)
        return json_empty();
    if (*c.at != '{')
        return NULL;
    cursor_open(&c);
    bool read = read_value(&c, &tree);
    cursor_close(&c);
    if (!read)
        name_field(&c, field);
    if (read && c.at == c.end)
        return tree;
    json_object_put(read ? tree : NULL);
    return NULL;
}

struct json_object *json_rows(const char *text)
{
    struct cursor c = {.at = text, .end = text + strlen(text), .text = text, .deepest = 2 * JSON_DEPTH, .row = 2};
    struct json_object *rows = NULL;

    cursor_open(&c);
    bool read = *text == '[' && read_value(&c, &rows);
    cursor_close(&c);
    return read ? rows : NULL;
}

/* Moves behind a string, whatever is in it. */
static void skip_string(struct cursor *c)
{
    c->at++;
    while (c->at < c->end && *c->at++ != '"')
        if (c->at[-1] == '\\' && c->at < c->end)
            c->at++;
}

/* Whether the member that begins at the string here has that name and a text. */
static bool find_text(struct cursor *c, const char *name, struct json_object **found)
{
    const char *start = c->at;
    size_t n = strlen(name);

    skip_string(c);
    if ((size_t)(c->at - start) != n + 2 || memcmp(start + 1, name, n) != 0)
        return false;
    skip_space(c);
    bool member = take(c, ':');
    skip_space(c);
    start = c->at;
    if (member && read_text(c, found))
        return true;
    c->at = start;
    return false;
}

struct json_object *json_find_text(const char *text, size_t length, const char *name)
{
    struct cursor c = {.at = text, .end = text + length, .text = text};
    struct json_object *found = NULL;
    bool is_found = false;

    cursor_open(&c);
    while (c.at < c.end && !is_found && !c.starved)
        if (*c.at == '"')
            is_found = find_text(&c, name, &found);
        else
            c.at++;
    cursor_close(&c);
    return is_found ? found : NULL;
}
