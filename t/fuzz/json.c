/* Bodies: whatever is taken is UTF-8, and is taken again when json-c has written it. */
#include "target.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char field[JSON_FIELD], *text = text_of(bytes, size);
    struct json_object *document = json_read(text, size, field);
    struct json_object *found = json_find_text(text, size, "clientMsgId");

    if (document) {
        MUST(json_utf8_valid(text, size));
        const char *again = json_object_to_json_string_ext(document, JSON_C_TO_STRING_PLAIN);
        struct json_object *second = json_read(again, strlen(again), field);
        MUST(second);
        json_object_put(second);
    }
    MUST(!json_is_text(text, size) || json_utf8_valid(text, size));
    json_object_put(found);
    json_object_put(document);
    free(text);
    return 0;
}
