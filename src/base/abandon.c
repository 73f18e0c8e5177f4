#include "abandon.h"
#include "log.h"

#include <obstack.h>
#include <setjmp.h>
#include <stddef.h>

static jmp_buf *innermost;

bool abandon_guard(void (*work)(struct request *r), struct request *r)
{
    jmp_buf *outer = innermost, here;

    if (setjmp(here) != 0) {
        innermost = outer;
        return false;
    }
    innermost = &here;
    work(r);
    innermost = outer;
    return true;
}

void abandon_request(const char *why)
{
    if (!innermost)
        log_fatal("%s", why);
    log_error("%s", why);
    longjmp(*innermost, 1);
}

static void out_of_memory(void)
{
    abandon_request("out of memory");
}

void abandon_open(void)
{
    obstack_alloc_failed_handler = out_of_memory;
}
