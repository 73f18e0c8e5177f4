#include "strip.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The picture's bytes, and up to where they have been looked at. */
struct source {
    const unsigned char *bytes;
    size_t size, at;
    int to;
};

static bool source_map(struct source *s, int from)
{
    struct stat status;

    if (fstat(from, &status) != 0 || status.st_size <= 0)
        return false;
    s->size = (size_t)status.st_size;
    s->bytes = mmap(NULL, s->size, PROT_READ, MAP_PRIVATE, from, 0);
    return s->bytes != MAP_FAILED;
}

static void source_unmap(struct source *s)
{
    munmap((void *)s->bytes, s->size);
}

static bool put(const struct source *s, const void *bytes, size_t size)
{
    return write(s->to, bytes, size) == (ssize_t)size;
}

/* So many bytes follow. */
static bool has(const struct source *s, size_t size)
{
    return s->size - s->at >= size;
}

/* Copies the next bytes, or passes over them. */
static bool take(struct source *s, size_t size, bool keep)
{
    if (!has(s, size) || (keep && !put(s, s->bytes + s->at, size)))
        return false;
    s->at += size;
    return true;
}

static uint32_t big_endian(const unsigned char *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static uint32_t little_endian(const unsigned char *b)
{
    return (uint32_t)b[3] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[1] << 8 | b[0];
}

static bool one_of(const unsigned char *type, const char *types)
{
    for (; *types; types += 4)
        if (memcmp(type, types, 4) == 0)
            return true;
    return false;
}

/* --- PNG: length, type, bytes, checksum, to IEND --- */

static bool png_strip(struct source *s)
{
    bool end = false;

    if (!take(s, 8, true))
        return false;
    while (!end) {
        if (!has(s, 12))
            return false;
        const unsigned char *chunk = s->bytes + s->at;
        bool keep = one_of(chunk + 4, "IHDRPLTEIDATIENDtRNSacTLfcTLfdATgAMAcHRMsRGBiCCPsBITbKGDpHYs");
        end = memcmp(chunk + 4, "IEND", 4) == 0;
        if (!take(s, 12 + (size_t)big_endian(chunk), keep))
            return false;
    }
    return true;
}

bool strip_png_animated(int from)
{
    struct source s = {.at = 8};
    bool animated = false;

    if (!source_map(&s, from))
        return false;
    while (!animated && s.at < s.size && has(&s, 12) && memcmp(s.bytes + s.at + 4, "IDAT", 4) != 0) {
        animated = memcmp(s.bytes + s.at + 4, "acTL", 4) == 0;
        if (!take(&s, 12 + (size_t)big_endian(s.bytes + s.at), false))
            break;
    }
    source_unmap(&s);
    return animated;
}

/* --- WebP: type, length, bytes, a byte more when that is odd --- */

/* The file's length stands at its beginning, and what there is in the first chunk: both are mended at the end. */
static bool webp_strip(struct source *s)
{
    enum { EXIF_AND_XMP = 0x0c, EXTENDED_SIZE = 18 };
    uint32_t size = 4;

    if (!take(s, 12, true))
        return false;
    while (has(s, 8) && s->at < 8 + (size_t)little_endian(s->bytes + 4)) {
        const unsigned char *chunk = s->bytes + s->at;
        size_t length = 8 + (size_t)little_endian(chunk + 4);
        bool keep = one_of(chunk, "VP8XVP8 VP8LALPHANIMANMFICCP"), extended = memcmp(chunk, "VP8X", 4) == 0;
        length += length & 1;
        if ((extended && length < EXTENDED_SIZE) || !take(s, length, keep))
            return false;
        size += keep ? (uint32_t)length : 0;
        if (extended && size == 4 + length) {
            unsigned char flags = chunk[8] & (unsigned char)~EXIF_AND_XMP;
            if (pwrite(s->to, &flags, 1, 20) != 1)
                return false;
        }
    }
    unsigned char mended[4] = {(unsigned char)size, (unsigned char)(size >> 8), (unsigned char)(size >> 16),
                               (unsigned char)(size >> 24)};
    return pwrite(s->to, mended, sizeof mended, 4) == sizeof mended;
}

/* --- GIF: blocks, whose bytes come in pieces of at most 255 --- */

static bool gif_pieces(struct source *s, bool keep)
{
    unsigned char length = 1;

    while (length) {
        if (!has(s, 1))
            return false;
        length = s->bytes[s->at];
        if (!take(s, 1 + (size_t)length, keep))
            return false;
    }
    return true;
}

/* The bytes of the colour table that this byte announces. */
static size_t gif_colours(unsigned char flags)
{
    return flags & 0x80 ? 3u << ((flags & 7) + 1) : 0;
}

/* Only what makes pictures move: how long each is shown, and how often all of them. */
static bool gif_extension(struct source *s)
{
    const unsigned char *block = s->bytes + s->at;
    bool loops = has(s, 14) && block[1] == 0xff && block[2] == 11 &&
                 (memcmp(block + 3, "NETSCAPE2.0", 11) == 0 || memcmp(block + 3, "ANIMEXTS1.0", 11) == 0);
    bool keep = has(s, 2) && (block[1] == 0xf9 || loops);

    return take(s, 2, keep) && gif_pieces(s, keep);
}

static bool gif_image(struct source *s)
{
    return has(s, 11) && take(s, 10 + gif_colours(s->bytes[s->at + 9]), true) && take(s, 1, true) && gif_pieces(s, true);
}

static bool gif_strip(struct source *s)
{
    if (!has(s, 13) || !take(s, 13 + gif_colours(s->bytes[10]), true))
        return false;
    while (has(s, 1)) {
        switch (s->bytes[s->at]) {
        case 0x21:
            if (!gif_extension(s))
                return false;
            break;
        case 0x2c:
            if (!gif_image(s))
                return false;
            break;
        default:
            return take(s, 1, true); /* the end, 0x3b */
        }
    }
    return put(s, ";", 1);
}

/* --- CAF: type, length in eight bytes, bytes; a length of all ones is that of the rest --- */

static bool caf_strip(struct source *s)
{
    if (!take(s, 8, true))
        return false;
    while (has(s, 12)) {
        const unsigned char *chunk = s->bytes + s->at;
        uint64_t rest = s->size - s->at - 12, length = (uint64_t)big_endian(chunk + 4) << 32 | big_endian(chunk + 8);
        if (length == UINT64_MAX)
            length = rest;
        if (length > rest || !take(s, 12 + (size_t)length, one_of(chunk, "descchankukidatapakt")))
            return false;
    }
    return true;
}

bool strip_metadata(enum format format, int from, int to)
{
    struct source s = {.to = to};
    bool done = false;

    if (!source_map(&s, from))
        return false;
    if (format == FORMAT_PNG)
        done = png_strip(&s);
    else if (format == FORMAT_WEBP)
        done = webp_strip(&s);
    else if (format == FORMAT_GIF)
        done = gif_strip(&s);
    else if (format == FORMAT_CAF)
        done = caf_strip(&s);
    source_unmap(&s);
    return done;
}
