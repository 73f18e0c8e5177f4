/*
 * A form whose parts end anywhere near the edges of what is read at once: the bytes come out as they were, in whole blocks.
 */
#include "base/form.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tap.h"

enum { AT_ONCE = 1 << 20, MOST = 3 * AT_ONCE };

static const char head[] = "--b0undary\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n";
static const char tail[] = "\r\n--b0undary\r\nContent-Disposition: form-data; name=\"type\"\r\n\r\nfile\r\n--b0undary--\r\n";

/* What came of the part "file". */
static struct {
    char *bytes;
    size_t size;
    int parts;
    bool in_file, odd; /* a piece that is no whole blocks has come */
    bool good;
} came;

static bool begin(void *owner, const struct form_part *part)
{
    (void)owner;
    came.in_file = strcmp(part->name, "file") == 0;
    came.parts++;
    return true;
}

static bool take(void *owner, const char *bytes, size_t size)
{
    (void)owner;
    if (!came.in_file)
        return true;
    came.good = came.good && !came.odd && (uintptr_t)bytes % FORM_BLOCK == 0 && came.size + size <= MOST;
    came.odd = size % FORM_BLOCK != 0;
    if (came.good)
        memcpy(came.bytes + came.size, bytes, size);
    came.size += size;
    return came.good;
}

/* Reads a form of that many bytes, cut off so many before its end. */
static bool read_form(const char *bytes, size_t size, size_t cut)
{
    struct form_taker taker = {begin, take, NULL};
    int fd = memfd_create("body", MFD_CLOEXEC);
    size_t all = sizeof head - 1 + size + sizeof tail - 1;
    bool written = write(fd, head, sizeof head - 1) == sizeof head - 1 && write(fd, bytes, size) == (ssize_t)size &&
                   write(fd, tail, sizeof tail - 1) == sizeof tail - 1 && ftruncate(fd, (off_t)(all - cut)) == 0;

    came.size = 0;
    came.parts = 0;
    came.odd = false;
    came.good = true;
    lseek(fd, 0, SEEK_SET);
    bool whole = written && form_read(fd, "multipart/form-data; boundary=b0undary", &taker);
    close(fd);
    return whole;
}

int main(void)
{
    char *bytes = malloc(MOST);
    int wrong = 0, tried = 0;

    came.bytes = malloc(MOST);
    if (!bytes || !came.bytes)
        return 1;
    /* Nearly a boundary, again and again. */
    for (size_t i = 0; i < MOST; i++)
        bytes[i] = "\r\n--b0undarx\r\n--"[i % 15];
    for (size_t around = 0; around <= 2 * AT_ONCE; around += AT_ONCE)
        for (int off = -120; off <= 40; off += 5) {
            if (around == 0 && off < 0)
                continue;
            size_t size = around + (size_t)off;
            tried++;
            wrong += !read_form(bytes, size, 0) || !came.good || came.parts != 2 || came.size != size ||
                     memcmp(came.bytes, bytes, size) != 0;
        }
    ok(wrong == 0, "%d sizes around those of the buffer: byte for byte, in whole blocks", tried);
    wrong = 0;
    for (size_t cut = 1; cut < sizeof tail - 3; cut += 3)
        wrong += read_form(bytes, AT_ONCE - 40, cut + 2);
    ok(wrong == 0, "cut off within its end it is no form");
    free(bytes);
    free(came.bytes);
    return done_testing();
}
