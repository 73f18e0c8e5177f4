/*
 * Cells of an exported list: what a spreadsheet makes of them is what they are.
 */
#include "serve/sheet.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define obstack_chunk_alloc malloc
#define obstack_chunk_free free

static const struct {
    const char *cell;
    bool text;
    const char *written, *sentence;
} cells[] = {
    {"张三", true, "张三", "text is as it is"},
    {"", true, "", "and nothing is nothing"},
    {"a,b", true, "\"a,b\"", "a comma is quoted"},
    {"say \"x\"", true, "\"say \"\"x\"\"\"", "a quote is doubled"},
    {"two\r\nlines", true, "\"two\r\nlines\"", "lines stay in their cell"},
    {"=1+1", true, "\"\t=1+1\"", "a formula is text"},
    {"@x", true, "\"\t@x\"", "however it begins"},
    {"-x", true, "\"\t-x\"", "with minus"},
    {"\tx", true, "\"\t\tx\"", "or behind a tab"},
    {"＝1", true, "\"\t＝1\"", "or in full width"},
    {"+8613800138000", true, "\"\t+8613800138000\"", "a phone number keeps its plus"},
    {"0012", true, "\"\t0012\"", "leading zeros stay"},
    {"1e5", true, "\"\t1e5\"", "a name is no number"},
    {"9007199254740991", false, "\"\t9007199254740991\"", "sixteen digits are not rounded"},
    {"-12.50", false, "-12.50", "an amount is a number"},
    {"10001", false, "10001", "and so is an id"},
};

int main(void)
{
    struct obstack out;

    obstack_init(&out);
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        sheet_grow_cell(&out, cells[i].cell, cells[i].text);
        obstack_1grow(&out, '\0');
        ok(strcmp(obstack_finish(&out), cells[i].written) == 0, "%s", cells[i].sentence);
    }
    obstack_free(&out, NULL);
    return done_testing();
}
