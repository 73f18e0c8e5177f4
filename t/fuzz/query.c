/* Query strings: what is found in one is UTF-8 of at most its length. */
#include "target.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char *const names[] = {"a", "page", "size", "name"};
    char *query = text_of(bytes, size);
    struct request r;

    request_make(&r, "GET", (char *[]){NULL});
    r.query = query;
    r.body = r.document = json_object_new_object();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct json_object *json;
        const char *text = request_text(&r, names[i]);
        MUST(!text || (json_utf8_valid(text, strlen(text)) && strlen(text) <= size));
        MUST(!request_list(&r, names[i], &json, &text) || !text || (json_utf8_valid(text, strlen(text)) && strlen(text) <= size));
    }
    request_end(&r);
    free(query);
    return 0;
}
