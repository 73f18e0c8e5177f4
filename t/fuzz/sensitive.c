/* A list of words, a line each, and after an empty line a text: starring finds what there is to find, makes no text longer and
 * leaves it UTF-8. */
#include "base/sensitive.h"
#include "target.h"

#include <stdio.h>

static void read_list(char *list)
{
    char *rest = list;

    sensitive_begin();
    for (char *word; (word = strsep(&rest, "\n"));)
        MUST(sensitive_add(word));
    sensitive_use();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *all = text_of(bytes, size), *text = strstr(all, "\n\n");

    if (text && json_utf8_valid(all, size)) {
        *text = '\0';
        text += 2;
        read_list(all);
        size_t length = strlen(text);
        bool found = sensitive_found(text);
        MUST(sensitive_star(text) == found);
        MUST(strlen(text) <= length && json_utf8_valid(text, strlen(text)));
    }
    free(all);
    return 0;
}
