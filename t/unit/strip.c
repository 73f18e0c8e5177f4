/*
 * Files that are taken apart without being decoded: what is kept of them, and that what is cut off, or says that it is
 * longer or shorter than it is, is refused without a look beyond its end.
 */
#include "decoder/strip.h"

#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tap.h"

static const unsigned char webp[] = "RIFF\x36\0\0\0WEBP"
                                    "VP8X\x0a\0\0\0\x0c\0\0\0\x01\0\0\x01\0\0"
                                    "VP8L\x03\0\0\0abc\0"
                                    "EXIF\x04\0\0\0here"
                                    "junk\0\0\0\0";
static const unsigned char png[] = "\x89PNG\r\n\x1a\n"
                                   "\0\0\0\x01IHDRx1111"
                                   "\0\0\0\x04tEXthere1111"
                                   "\0\0\0\x01IDATx1111"
                                   "\0\0\0\0IEND1111trailer";
static const unsigned char gif[] = "GIF89a\x01\0\x01\0\x80\0\0abcdef"
                                   "\x21\xfe\x04here\0"
                                   "\x21\xf9\x04\0\0\0\0\0"
                                   "\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x4c\x01\0;trailer";

static const unsigned char caf[] = "caff\0\x01\0\0"
                                   "desc\0\0\0\0\0\0\0\x04mono"
                                   "info\0\0\0\0\0\0\0\x04here"
                                   "data\xff\xff\xff\xff\xff\xff\xff\xffsound";

static int file_of(const void *bytes, size_t size)
{
    int fd = memfd_create("picture", MFD_CLOEXEC);

    return write(fd, bytes, size) == (ssize_t)size ? fd : -1;
}

/* What is left of the picture, its size; -1 when it is refused. */
static ssize_t stripped(enum format format, const void *bytes, size_t size, unsigned char out[8192])
{
    int from = file_of(bytes, size), to = memfd_create("clean", MFD_CLOEXEC);
    ssize_t n = strip_metadata(format, from, to) ? pread(to, out, 8192, 0) : -1;

    close(from);
    close(to);
    return n;
}

static void whole(const char *name, enum format format, const void *bytes, size_t size)
{
    unsigned char out[8192];
    ssize_t n = stripped(format, bytes, size, out);

    ok(n > 0 && !memmem(out, (size_t)n, "here", 4) && !memmem(out, (size_t)n, "trailer", 7), "%s: what tells is gone", name);
    ok(n > 0 && stripped(format, out, (size_t)n, out) == n, "%s: what is left is one still", name);
    int taken = 0;
    for (size_t cut = 0; cut < (size_t)n - 1; cut++)
        taken += stripped(format, bytes, cut, out) > (ssize_t)cut + 1;
    ok(taken == 0, "%s: cut off anywhere, nothing is made up but the end of a GIF", name);
    taken = 0;
    for (size_t at = 0; at < size; at++)
        for (int value = 0; value < 256; value += 51) {
            unsigned char changed[256];
            memcpy(changed, bytes, size);
            changed[at] = (unsigned char)value;
            taken += stripped(format, changed, size, out) > (ssize_t)size + 1;
        }
    ok(taken == 0, "%s: with any byte another, it ends", name);
}

/* A page, whose last chunk announces the picture's flags and has none: they would lie behind the end of the file. */
static void behind_the_end(void)
{
    unsigned char page[4096] = "RIFF\xf8\x0f\0\0WEBPjunk", out[8192];

    page[16] = (4096 - 8 - 20) & 0xff;
    page[17] = (4096 - 8 - 20) >> 8;
    memcpy(page + 4088, "VP8X\0\0\0\0", 8);
    ok(stripped(FORMAT_WEBP, page, sizeof page, out) == -1, "flags behind the end are refused");
}

int main(void)
{
    unsigned char out[8192];

    whole("WebP", FORMAT_WEBP, webp, sizeof webp - 1);
    whole("PNG", FORMAT_PNG, png, sizeof png - 1);
    whole("GIF", FORMAT_GIF, gif, sizeof gif - 1);
    whole("CAF", FORMAT_CAF, caf, sizeof caf - 1);
    ok(stripped(FORMAT_WEBP, webp, sizeof webp - 1, out) > 20 && out[20] == 0, "WebP: and is not announced any more");
    behind_the_end();
    ok(stripped(FORMAT_GIF, "", 0, out) == -1 && stripped(FORMAT_JPEG, png, sizeof png, out) == -1,
       "nothing, and what it does not know");
    return done_testing();
}
