/* Query strings: what is found in one is UTF-8 of at most its length. */
#include "target.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char *const names[] = {"a", "page", "size", "name"};
    char *variable = malloc(size + 14);
    struct request r;

    MUST(variable);
    memcpy(variable, "QUERY_STRING=", 13);
    memcpy(variable + 13, bytes, size);
    variable[size + 13] = '\0';
    request_make(&r, "GET", (char *[]){variable, NULL});
    r.body = r.document = json_object_new_object();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *text = request_text(&r, names[i]);
        MUST(!text || (json_utf8_valid(text, strlen(text)) && strlen(text) <= size));
    }
    request_end(&r);
    free(variable);
    return 0;
}
