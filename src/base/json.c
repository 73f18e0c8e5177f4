#include "json.h"
#include "abandon.h"

#include <string.h>
#include <utf8proc.h>

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

const char *json_text(struct json_object *value)
{
    const char *text = json_object_get_string(value);

    if (!text)
        abandon_request("out of memory");
    return text;
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

static void grow_array(struct obstack *out, struct json_object *array)
{
    obstack_1grow(out, '[');
    for (size_t i = 0; i < json_object_array_length(array); i++) {
        if (i)
            obstack_1grow(out, ',');
        json_grow_value(out, json_object_array_get_idx(array, i));
    }
    obstack_1grow(out, ']');
}

static void grow_object(struct obstack *out, struct json_object *object)
{
    bool first = true;

    obstack_1grow(out, '{');
    json_object_object_foreach(object, name, value)
    {
        if (!first)
            obstack_1grow(out, ',');
        first = false;
        json_grow_string(out, name);
        obstack_1grow(out, ':');
        json_grow_value(out, value);
    }
    obstack_1grow(out, '}');
}

void json_grow_value(struct obstack *out, struct json_object *value)
{
    switch (json_object_get_type(value)) {
    case json_type_array:
        grow_array(out, value);
        break;
    case json_type_object:
        grow_object(out, value);
        break;
    case json_type_string:
        json_grow_string(out, json_object_get_string(value));
        break;
    case json_type_null:
        json_grow(out, "null");
        break;
    case json_type_boolean:
    case json_type_int:
    case json_type_double:
        json_grow(out, json_text(value));
    }
}
