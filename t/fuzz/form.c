/* Forms: no part has more bytes than came in, and all of its pieces but the last are whole blocks. */
#include "base/form.h"
#include "target.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t taken;
static bool odd;

static bool begin(void *owner, const struct form_part *part)
{
    (void)owner;
    odd = false;
    MUST(strlen(part->name) < FORM_NAME_SIZE && strlen(part->filename) < FORM_NAME_SIZE);
    return true;
}

static bool take(void *owner, const char *bytes, size_t size)
{
    (void)owner;
    MUST(!odd && (uintptr_t)bytes % FORM_BLOCK == 0);
    odd = size % FORM_BLOCK != 0;
    taken += size;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const struct form_taker taker = {begin, take, NULL};
    static int fd = -1;

    if (fd < 0)
        fd = memfd_create("body", MFD_CLOEXEC);
    MUST(ftruncate(fd, 0) == 0 && pwrite(fd, bytes, size, 0) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0);
    taken = 0;
    bool whole = form_read(fd, "multipart/form-data; boundary=b", &taker);
    (void)whole; /* either is well */
    MUST(taken <= size);
    return 0;
}
