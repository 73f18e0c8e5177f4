/*
 * The five things a C test needs to speak TAP.  One test program includes this once.
 */
#ifndef IM_TAP_H
#define IM_TAP_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_count, tap_failed;

/* One assertion: what must hold, and the sentence that says so. */
__attribute__((format(printf, 2, 3))) static void ok(int holds, const char *sentence, ...)
{
    va_list ap;

    va_start(ap, sentence);
    printf("%sok %d - ", holds ? "" : "not ", ++tap_count);
    vprintf(sentence, ap);
    putchar('\n');
    va_end(ap);
    tap_failed += !holds;
}

/* Prints the plan; the exit status of main(). */
static int done_testing(void)
{
    printf("1..%d\n", tap_count);
    return tap_failed != 0;
}

/* valgrind has a malloc of its own and takes twenty times as long: whoever has allocations fail, or looks at the clock, asks. */
__attribute__((unused)) static bool under_valgrind(void)
{
    const char *preloaded = getenv("LD_PRELOAD");

    return preloaded && strstr(preloaded, "vgpreload") != NULL;
}

#endif
