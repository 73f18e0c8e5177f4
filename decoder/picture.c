#include "picture.h"
#include "heif.h"
#include "strip.h"
#include "tool.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HEAD_SIZE = 32, HEADER_SIZE = 16384, THUMB_SIDE = 320 };

/* What the header says. */
struct header {
    long width, height, frames, orientation, bands;
    bool transparent;
};

/* The formats that we know by their first bytes; any other is no picture to us, whatever libraries could read. */
static enum format sniff(const unsigned char *head)
{
    static const struct {
        const char *bytes;
        size_t at, length;
        enum format format;
    } beginnings[] = {
        {"\xff\xd8\xff", 0, 3, FORMAT_JPEG}, {"\x89PNG\r\n\x1a\n", 0, 8, FORMAT_PNG},
        {"GIF87a", 0, 6, FORMAT_GIF},        {"GIF89a", 0, 6, FORMAT_GIF},
        {"WEBP", 8, 4, FORMAT_WEBP},         {"II*\0", 0, 4, FORMAT_TIFF},
        {"MM\0*", 0, 4, FORMAT_TIFF},        {"ftypavif", 4, 8, FORMAT_AVIF},
        {"ftypavis", 4, 8, FORMAT_AVIF},     {"ftypheic", 4, 8, FORMAT_HEIC},
        {"ftypheix", 4, 8, FORMAT_HEIC},     {"ftypheim", 4, 8, FORMAT_HEIC},
        {"ftypheis", 4, 8, FORMAT_HEIC},     {"ftyphevc", 4, 8, FORMAT_HEIC},
        {"ftypmif1", 4, 8, FORMAT_HEIC},     {"ftypmsf1", 4, 8, FORMAT_HEIC},
    };

    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
        if (memcmp(head + beginnings[i].at, beginnings[i].bytes, beginnings[i].length) == 0)
            return beginnings[i].format;
    return FORMAT_OTHER;
}

static long number(const char *out, const char *name, long otherwise)
{
    char value[32];

    return tool_value(out, name, value, sizeof value) ? strtol(value, NULL, 10) : otherwise;
}

/* Reads the header alone. */
static bool header_read(struct header *h)
{
    static char out[HEADER_SIZE];
    char interpretation[32] = "";

    if (!tool_run((const char *const[]){"vipsheader", "-a", TOOL_INPUT, NULL}, out, sizeof out))
        return false;
    *h = (struct header){
        .width = number(out, "width", 0),
        .height = number(out, "height", 0),
        .frames = number(out, "n-pages", 1),
        .orientation = number(out, "orientation", 1),
        .bands = number(out, "bands", 3),
    };
    bool inks = tool_value(out, "interpretation", interpretation, sizeof interpretation) && strcmp(interpretation, "cmyk") == 0;
    h->transparent = h->bands == 2 || (h->bands == 4 && !inks);
    return h->width > 0 && h->height > 0 && h->frames > 0;
}

/* Upright and in sRGB, at most so large: libvips's thumbnail does all of that.  The file is in the working folder. */
static bool render(const char *size, const char *name, const char *options)
{
    char folder[256], output[400];

    if (!getcwd(folder, sizeof folder))
        return false;
    snprintf(output, sizeof output, "%s/%s[%s]", folder, name, options);
    return tool_run((const char *const[]){"vipsthumbnail", TOOL_INPUT, "--size", size, "--eprofile", "srgb", "-o", output, NULL},
                    NULL, 0);
}

/* The rendered file, once more without what libvips leaves in WebP. */
static int rendered(const char *name, enum format format)
{
    int made = open(name, O_RDONLY | O_CLOEXEC);

    if (made < 0 || format != FORMAT_WEBP)
        return made;
    int clean = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (clean >= 0 && !strip_metadata(format, made, clean)) {
        close(clean);
        clean = -1;
    }
    close(made);
    return clean;
}

static int whole(const struct header *h, enum format *format)
{
    static const char large[] = "100000x100000>";

    switch (*format) {
    case FORMAT_PNG:
        return render(large, "bytes.png", "strip") ? rendered("bytes.png", *format) : -1;
    case FORMAT_WEBP:
        return render(large, "bytes.webp", "strip,Q=88") ? rendered("bytes.webp", *format) : -1;
    case FORMAT_JPEG:
        break;
    default: /* what browsers do not show */
        *format = h->transparent ? FORMAT_PNG : FORMAT_JPEG;
        if (h->transparent)
            return whole(h, format);
    }
    return render(large, "bytes.jpg", "strip,Q=90") ? rendered("bytes.jpg", *format) : -1;
}

static int thumbnail(const struct header *h, enum format *format)
{
    char size[24];

    snprintf(size, sizeof size, "%dx%d>", THUMB_SIDE, THUMB_SIDE);
    *format = h->transparent ? FORMAT_WEBP : FORMAT_JPEG;
    if (h->transparent)
        return render(size, "thumb.webp", "strip,Q=80") ? rendered("thumb.webp", *format) : -1;
    return render(size, "thumb.jpg", "strip,Q=80") ? rendered("thumb.jpg", *format) : -1;
}

/* Not to be encoded again: an animation would lose its frames or its quality, AVIF takes too long. */
static bool stays(enum format format, const struct header *h)
{
    return format == FORMAT_GIF || format == FORMAT_AVIF || (format == FORMAT_WEBP && h->frames > 1) ||
           (format == FORMAT_PNG && strip_png_animated(TOOL_INPUT_DESCRIPTOR));
}

static int stripped(enum format format)
{
    int clean = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    bool heif = format == FORMAT_HEIC || format == FORMAT_AVIF;

    if (clean >= 0 && !(heif ? heif_strip(TOOL_INPUT_DESCRIPTOR, clean) : strip_metadata(format, TOOL_INPUT_DESCRIPTOR, clean))) {
        close(clean);
        clean = -1;
    }
    return clean;
}

static void keep(struct decoded *answer, int descriptors[DECODE_PARTS], enum decode_part part, int made)
{
    descriptors[part] = made;
    answer->has[part] = made >= 0;
    if (made < 0)
        answer->refusal = DECODE_BROKEN;
}

void picture_decode(const struct decode_request *request, struct decoded *answer, int descriptors[DECODE_PARTS])
{
    unsigned char head[HEAD_SIZE] = {0};
    struct header h;

    answer->format[DECODE_BYTES] = pread(TOOL_INPUT_DESCRIPTOR, head, sizeof head, 0) > 0 ? sniff(head) : FORMAT_OTHER;
    if (answer->format[DECODE_BYTES] == FORMAT_OTHER) {
        answer->refusal = DECODE_OTHER_KIND;
        return;
    }
    if (!header_read(&h)) {
        answer->refusal = DECODE_BROKEN;
        return;
    }
    if (h.width * h.height > request->pixels / h.frames) {
        answer->refusal = DECODE_PIXELS;
        return;
    }
    answer->width = (int)(h.orientation > 4 ? h.height : h.width);
    answer->height = (int)(h.orientation > 4 ? h.width : h.height);
    keep(answer, descriptors, DECODE_THUMB, thumbnail(&h, &answer->format[DECODE_THUMB]));
    if (answer->format[DECODE_BYTES] == FORMAT_HEIC) { /* phones want it back as it was */
        answer->format[DECODE_ORIGINAL] = FORMAT_HEIC;
        keep(answer, descriptors, DECODE_ORIGINAL, stripped(FORMAT_HEIC));
    }
    keep(answer, descriptors, DECODE_BYTES,
         stays(answer->format[DECODE_BYTES], &h) ? stripped(answer->format[DECODE_BYTES])
                                                 : whole(&h, &answer->format[DECODE_BYTES]));
}
