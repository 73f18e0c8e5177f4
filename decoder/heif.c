#include "heif.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ITEMS_MAX = 64, FILE_OFFSET = 0, IDAT_OFFSET = 1 };

/* The bytes of a box or of the file, and up to where they have been read. */
struct span {
    unsigned char *bytes;
    size_t size, at;
    bool short_of; /* more was wanted than there is */
};

/* What items are not to be kept, and where those of idat are. */
struct picture {
    struct span file, idat;
    uint32_t items[ITEMS_MAX];
    int count;
};

/* The next number of 0 to 8 bytes. */
static uint64_t number(struct span *s, size_t bytes)
{
    uint64_t n = 0;

    if (s->size - s->at < bytes) {
        s->short_of = true;
        return 0;
    }
    for (; bytes; bytes--)
        n = n << 8 | s->bytes[s->at++];
    return n;
}

/* The next box: its type, and in content what follows that.  False at the end, or when it is longer than what is there. */
static bool box(struct span *s, char type[4], struct span *content)
{
    size_t start = s->at, head = 8;

    if (s->size - s->at < head)
        return false;
    uint64_t length = number(s, 4);
    memcpy(type, s->bytes + s->at, 4);
    s->at += 4;
    if (length == 1) {
        length = number(s, 8);
        head = 16;
    } else if (length == 0) {
        length = s->size - start;
    }
    if (s->short_of || length < head || length > s->size - start)
        return false;
    *content = (struct span){.bytes = s->bytes + start + head, .size = (size_t)length - head};
    s->at = start + (size_t)length;
    return true;
}

static bool is(const char type[4], const char *name)
{
    return memcmp(type, name, 4) == 0;
}

/* An item's box: its number and type. */
static void item_note(struct picture *p, struct span *s)
{
    uint64_t version = number(s, 1);

    number(s, 3);
    uint32_t item = (uint32_t)number(s, version < 3 ? 2 : 4);
    number(s, 2);
    if (version < 2 || s->short_of || s->size - s->at < 4)
        return;
    const char *type = (const char *)s->bytes + s->at;
    if ((is(type, "Exif") || is(type, "mime") || is(type, "uri ")) && p->count < ITEMS_MAX)
        p->items[p->count++] = item;
}

static void items_note(struct picture *p, struct span *s)
{
    uint64_t version = number(s, 1);
    struct span content;
    char type[4];

    number(s, 3);
    number(s, version ? 4 : 2);
    while (box(s, type, &content))
        if (is(type, "infe"))
            item_note(p, &content);
}

static bool unwanted(const struct picture *p, uint32_t item)
{
    for (int i = 0; i < p->count; i++)
        if (p->items[i] == item)
            return true;
    return p->count == ITEMS_MAX; /* there may be more of them than we know */
}

static bool clear(struct span *where, uint64_t from, uint64_t length)
{
    if (length == 0 || from > where->size || length > where->size - from)
        return false;
    memset(where->bytes + from, 0, (size_t)length);
    return true;
}

/* Where the items are: each in pieces, in the file or in idat. */
static bool locations_clear(struct picture *p, struct span *s)
{
    uint64_t version = number(s, 1);

    number(s, 3);
    uint64_t sizes = number(s, 2), count = number(s, version < 2 ? 2 : 4);
    size_t offset_size = sizes >> 12, length_size = sizes >> 8 & 15, base_size = sizes >> 4 & 15,
           index_size = version ? sizes & 15 : 0;
    for (; count && !s->short_of; count--) {
        uint32_t item = (uint32_t)number(s, version < 2 ? 2 : 4);
        uint64_t method = version ? number(s, 2) & 15 : FILE_OFFSET;
        number(s, 2);
        uint64_t base = number(s, base_size), pieces = number(s, 2);
        bool gone = unwanted(p, item);
        for (; pieces && !s->short_of; pieces--) {
            number(s, index_size);
            uint64_t offset = number(s, offset_size), length = number(s, length_size);
            if (gone && (method > IDAT_OFFSET || !clear(method == IDAT_OFFSET ? &p->idat : &p->file, base + offset, length)))
                return false;
        }
    }
    return !s->short_of;
}

/* Items are noted before their places are looked up, whatever comes first. */
static bool meta_clear(struct picture *p, struct span meta)
{
    struct span content, places = {NULL, 0, 0, false}, again;
    char type[4];

    number(&meta, 4);
    again = meta;
    while (box(&meta, type, &content)) {
        if (is(type, "iinf"))
            items_note(p, &content);
        else if (is(type, "iloc"))
            places = content;
        else if (is(type, "idat"))
            p->idat = content;
    }
    while (box(&again, type, &content))
        if (is(type, "uuid") || is(type, "free") || is(type, "skip"))
            memset(content.bytes, 0, content.size);
    return places.bytes && locations_clear(p, &places);
}

/* What is no box behind the last one is not copied. */
static bool file_clear(struct picture *p)
{
    struct span content;
    char type[4];
    bool done = false;

    while (box(&p->file, type, &content)) {
        if (is(type, "meta"))
            done = meta_clear(p, content);
        else if (!is(type, "ftyp") && !is(type, "mdat"))
            memset(content.bytes, 0, content.size);
        p->file.short_of = false;
    }
    return done;
}

bool heif_strip(int from, int to)
{
    struct stat status;
    struct picture p = {.count = 0};

    if (fstat(from, &status) != 0 || status.st_size <= 0)
        return false;
    p.file.size = (size_t)status.st_size;
    p.file.bytes = mmap(NULL, p.file.size, PROT_READ | PROT_WRITE, MAP_PRIVATE, from, 0);
    if (p.file.bytes == MAP_FAILED)
        return false;
    bool done = file_clear(&p) && write(to, p.file.bytes, p.file.at) == (ssize_t)p.file.at;
    munmap(p.file.bytes, (size_t)status.st_size);
    return done;
}
