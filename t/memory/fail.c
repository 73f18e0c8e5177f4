/*
 * Memory that fails at the n-th allocation of a program, preloaded by t/badinput.t: cc -shared -fPIC fail.c -o fail.so.
 *
 * A negative n has that one fail and all that come after it.  The file IM_FAIL/<program>, which the test and the program's processes map, says which allocation fails, and counts them
 * from when it is armed.  AddressSanitizer's own strdup() is not among them, nor what libfcgi allocates, which does not look
 * whether it got any, and libgcrypt, which ends the process: no care of ours would help.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* As the test writes it: pack 'l4'. */
struct plan {
    int armed, count, nth, failed;
};

static struct plan *plan;

/* AddressSanitizer's where it is, else glibc's. */
extern void *__interceptor_malloc(size_t size) __attribute__((weak));
extern void *__interceptor_calloc(size_t count, size_t size) __attribute__((weak));
extern void *__interceptor_realloc(void *old, size_t size) __attribute__((weak));
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

__attribute__((constructor)) static void begin(void)
{
    const char *folder = getenv("IM_FAIL");
    char path[256];

    snprintf(path, sizeof path, "%s/%s", folder ? folder : "", program_invocation_short_name);
    int fd = folder ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *mapped = fd >= 0 ? mmap(NULL, sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (mapped != MAP_FAILED)
        plan = mapped;
    if (fd >= 0)
        close(fd);
}

static bool hopeless(void *caller)
{
    static const char *const libraries[] = {"libfcgi", "libgcrypt", "libgpg-error"};
    Dl_info info;

    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++)
        if (dladdr(caller, &info) && info.dli_fname && strstr(info.dli_fname, libraries[i]))
            return true;
    return false;
}

static bool fails(void *caller)
{
    if (!plan || !plan->armed || hopeless(caller))
        return false;
    int n = __atomic_add_fetch(&plan->count, 1, __ATOMIC_SEQ_CST);
    if (plan->nth < 0 ? n < -plan->nth : n != plan->nth)
        return false;
    plan->failed = 1;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    if (fails(__builtin_return_address(0)))
        return NULL;
    return __interceptor_malloc ? __interceptor_malloc(size) : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    if (fails(__builtin_return_address(0)))
        return NULL;
    return __interceptor_calloc ? __interceptor_calloc(count, size) : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    if (fails(__builtin_return_address(0)))
        return NULL;
    return __interceptor_realloc ? __interceptor_realloc(old, size) : __libc_realloc(old, size);
}
