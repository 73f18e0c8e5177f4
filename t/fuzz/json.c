/* Bodies: whatever is taken is UTF-8, and is taken again, and the same, when it has been written. */
#include "target.h"

#include "base/json.h"

#include <stdio.h>

#define obstack_chunk_alloc malloc
#define obstack_chunk_free free

static char *written(struct json_object *value)
{
    struct obstack out;

    obstack_init(&out);
    json_grow_value(&out, value);
    obstack_1grow(&out, '\0');
    char *text = strdup(obstack_finish(&out));
    obstack_free(&out, NULL);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char field[JSON_FIELD], *text = text_of(bytes, size);
    struct json_object *document = json_read(text, size, field);
    struct json_object *found = json_find_text(text, size, "clientMsgId");

    if (document) {
        MUST(json_utf8_valid(text, size));
        char *again = written(document);
        struct json_object *second = json_read(again, strlen(again), field);
        MUST(second);
        char *twice = written(second);
        MUST(strcmp(again, twice) == 0);
        json_object_put(second);
        free(again);
        free(twice);
    }
    struct json_object *rows = json_rows(text);
    MUST(!rows || json_object_is_type(rows, json_type_array));
    json_object_put(rows);
    MUST(!json_is_text(text, size) || json_utf8_valid(text, size));
    json_object_put(found);
    json_object_put(document);
    free(text);
    return 0;
}
