#include "literal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

bool literal_money(const char *text)
{
    size_t whole = strspn(text, "0123456789");

    if (whole == 0 || whole > 12 || (text[0] == '0' && whole > 1))
        return false;
    if (text[whole] == '\0')
        return true;
    size_t cents = text[whole] == '.' ? strspn(text + whole + 1, "0123456789") : 0;
    return cents >= 1 && cents <= 2 && text[whole + 1 + cents] == '\0';
}

bool literal_integer(const char *text, int64_t max)
{
    const char *number = text + (*text == '-');
    size_t digits = strspn(number, "0123456789");

    return digits >= 1 && digits <= 16 && number[digits] == '\0' && (number[0] != '0' || digits == 1) &&
           llabs(strtoll(text, NULL, 10)) <= max;
}

bool literal_length(const char *text, int most)
{
    const utf8proc_uint8_t *at = (const utf8proc_uint8_t *)text;
    utf8proc_int32_t before = 0, point, state = 0;
    int count = 0;

    for (utf8proc_ssize_t n; *at && count <= most; at += n, before = point) {
        n = utf8proc_iterate(at, -1, &point);
        if (n <= 0)
            return false;
        count += !before || utf8proc_grapheme_break_stateful(before, point, &state);
    }
    return count <= most;
}

bool literal_uuid(const char *text)
{
    for (int i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
            return false;
    }
    return text[36] == '\0';
}
