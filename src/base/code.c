#include "code.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    int code;
    const char *chinese, *english;
} codes[] = {
#include "base/code.inc" /* of code.txt */
};

const char *code_text(int code, bool english)
{
    const char *internal = NULL;

    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        const char *text = english ? codes[i].english : codes[i].chinese;

        if (codes[i].code == code)
            return text;
        if (codes[i].code == CODE_INTERNAL)
            internal = text;
    }
    return internal;
}

int code_place(int code)
{
    int internal = 0;

    for (int i = 0; i < (int)(sizeof codes / sizeof *codes); i++) {
        if (codes[i].code == code)
            return i;
        if (codes[i].code == CODE_INTERNAL)
            internal = i;
    }
    return internal;
}

int code_at(int place)
{
    return place < (int)(sizeof codes / sizeof *codes) ? codes[place].code : 0;
}

static int code_of_digits(const char *digits)
{
    return strlen(digits) == 4 && strspn(digits, "0123456789") == 4 ? (int)strtol(digits, NULL, 10) : 0;
}

int code_of_sqlstate(const char *sqlstate)
{
    return sqlstate && sqlstate[0] == 'I' ? code_of_digits(sqlstate + 1) : 0;
}

int code_of_constraint(const char *name)
{
    const char *tail = name ? strrchr(name, '_') : NULL;

    return tail && tail[1] == 'i' ? code_of_digits(tail + 2) : 0;
}
