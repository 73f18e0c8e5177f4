#include "recording.h"
#include "strip.h"
#include "tool.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OUT_SIZE = 256 };

/* SILK, in which some phones record, is known by its first bytes alone; the leading byte is some programs' own. */
static bool is_silk(void)
{
    char head[11] = "";

    return pread(TOOL_INPUT_DESCRIPTOR, head, 10, 0) == 10 &&
           (memcmp(head, "#!SILK_V3", 9) == 0 || memcmp(head + 1, "#!SILK_V3", 9) == 0);
}

static long long number(const char *out, const char *name, long long otherwise)
{
    char value[32];

    return tool_value(out, name, value, sizeof value) ? strtoll(value, NULL, 10) : otherwise;
}

/* The tags of CAF are left out here: libavformat does not write it with every codec. */
static int stripped(void)
{
    int clean = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (clean < 0 || strip_metadata(FORMAT_CAF, TOOL_INPUT_DESCRIPTOR, clean))
        return clean;
    close(clean);
    return -1;
}

static void keep(struct decoded *answer, int descriptors[DECODE_PARTS], enum decode_part part, int made)
{
    descriptors[part] = made;
    answer->has[part] = made >= 0;
}

/* AMR has no place for anything that tells where or when, and stays as it came. */
static void store(struct decoded *answer, int descriptors[DECODE_PARTS])
{
    enum format format = answer->format[DECODE_BYTES];

    keep(answer, descriptors, DECODE_BYTES, format == FORMAT_CAF ? stripped() : open(RECORDING_BYTES, O_RDONLY | O_CLOEXEC));
    if (!answer->has[DECODE_BYTES] && format != FORMAT_AMR && format != FORMAT_AWB)
        answer->refusal = DECODE_BROKEN;
    answer->format[DECODE_THUMB] = FORMAT_JPEG;
    keep(answer, descriptors, DECODE_THUMB, open(RECORDING_FRAME, O_RDONLY | O_CLOEXEC));
}

void recording_decode(const struct decode_request *request, struct decoded *answer, int descriptors[DECODE_PARTS])
{
    const char *kind = request->kind == DECODE_VIDEO ? "video" : "voice";
    char out[OUT_SIZE] = "";

    if (request->kind == DECODE_VOICE && is_silk()) {
        answer->format[DECODE_BYTES] = FORMAT_SILK;
        return;
    }
    if (!tool_run((const char *const[]){"imrecording", kind, NULL}, out, sizeof out) || !number(out, "wanted", 0)) {
        answer->refusal = DECODE_OTHER_KIND;
        return;
    }
    answer->format[DECODE_BYTES] = (enum format)number(out, "format", FORMAT_OTHER);
    answer->width = (int)number(out, "width", 0);
    answer->height = (int)number(out, "height", 0);
    answer->milliseconds = number(out, "milliseconds", -1);
    store(answer, descriptors);
}
