#include "filter.h"
#include "base/jsonread.h"
#include "base/sensitive.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The length of the web address that begins here, 0 for none.  It ends at what is not ASCII: a word may follow at once. */
static size_t address(const char *at)
{
    size_t scheme = strncasecmp(at, "http://", 7) == 0 ? 7 : strncasecmp(at, "https://", 8) == 0 ? 8 : 0, n = scheme;

    while (n && at[n] > ' ' && at[n] < 0x7f && !strchr("\"<>\\^`{|}", at[n]))
        n++;
    return n > scheme ? n : 0;
}

/* Has each part between web addresses looked at, or changed, which makes it no longer; true when any was. */
static bool each_part(char *text, bool (*look)(char *part))
{
    bool any = false;
    char *out = text;

    for (char *in = text; *in;) {
        size_t n = 0, skipped = address(in);
        while (!skipped && in[n] && !(n && address(in + n)))
            n++;
        char after = in[n];
        in[n] = '\0';
        any |= n && look(in);
        size_t left = n ? strlen(in) : 0;
        memmove(out, in, left);
        in[n] = after;
        memmove(out + left, in + n, skipped);
        out += left + skipped;
        in += n + skipped;
    }
    *out = '\0';
    return any;
}

static bool found(char *part)
{
    return sensitive_found(part);
}

bool filter_found(char *text)
{
    return each_part(text, found);
}

void filter_star(char *text)
{
    each_part(text, sensitive_star);
}

static bool value_found(struct json_object *value)
{
    bool any = false;

    if (json_object_is_type(value, json_type_string)) {
        char *copy = strdup(json_object_get_string(value));
        any = !copy || filter_found(copy); /* what cannot be looked at for lack of memory is not let through */
        free(copy);
    } else if (json_object_is_type(value, json_type_array)) {
        for (size_t i = 0; !any && i < json_object_array_length(value); i++)
            any = value_found(json_object_array_get_idx(value, i));
    } else if (json_object_is_type(value, json_type_object)) {
        struct json_object_iterator at = json_object_iter_begin(value), end = json_object_iter_end(value);
        for (; !any && !json_object_iter_equal(&at, &end); json_object_iter_next(&at))
            any = value_found(json_object_iter_peek_value(&at));
    }
    return any;
}

bool filter_content(char *content)
{
    char field[JSON_FIELD];
    struct json_object *tree = json_read(content, strlen(content), field);
    bool any = tree ? value_found(tree) : filter_found(content);

    json_object_put(tree);
    return any;
}
