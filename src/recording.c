#include "recording.h"
#include "strip.h"
#include "tool.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PROBE_SIZE = 16384, STREAMS_MAX = 16, LEAST_SCORE = 26 };

/* What may be read: none of the formats that name other files or addresses. */
#define READERS "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,ogg,mp3,wav,aac,amr,amrnb,amrwb,caf,flac,avi,mpegts"

/* What ffprobe says. */
struct tracks {
    bool audio, video;
    bool web; /* every codec is one of WebM's */
    long width, height;
    int64_t milliseconds;
    char reader[64], brand[8], audio_codec[32];
};

/* How a container is written again; NULL: not by ffmpeg. */
static const struct container {
    const char *reader; /* how ffprobe's name of it begins */
    const char *brand;  /* and the file's, "" for any */
    enum format video, audio;
    const char *writer;
} containers[] = {
    {"mov,", "qt", FORMAT_MOV, FORMAT_M4A, "mov"},
    {"mov,", "3g", FORMAT_3GP, FORMAT_3GA, "3gp"},
    {"mov,", "", FORMAT_MP4, FORMAT_M4A, "mp4"},
    {"matroska", "web", FORMAT_WEBM, FORMAT_WEBA, "webm"},
    {"matroska", "", FORMAT_MKV, FORMAT_MKA, "matroska"},
    {"ogg", "", FORMAT_OGV, FORMAT_OGG, "ogg"},
    {"avi", "", FORMAT_AVI, FORMAT_OTHER, "avi"},
    {"mpegts", "", FORMAT_TS, FORMAT_OTHER, "mpegts"},
    {"mp3", "", FORMAT_OTHER, FORMAT_MP3, "mp3"},
    {"wav", "", FORMAT_OTHER, FORMAT_WAV, "wav"},
    {"aac", "", FORMAT_OTHER, FORMAT_AAC, "adts"},
    {"flac", "", FORMAT_OTHER, FORMAT_FLAC, "flac"},
    {"amr", "", FORMAT_OTHER, FORMAT_AMR, NULL},
    {"caf", "", FORMAT_OTHER, FORMAT_CAF, NULL},
};

static bool probe(const char *path, char out[PROBE_SIZE])
{
    static const char entries[] = "format=format_name,duration,probe_score:format_tags=major_brand:"
                                  "stream=codec_type,codec_name,width,height:stream_disposition=attached_pic:"
                                  "stream_side_data=rotation";

    return tool_run((const char *const[]){"ffprobe", "-v", "error", "-protocol_whitelist", "file", "-format_whitelist", READERS,
                                          "-of", "flat", "-show_entries", entries, path, NULL},
                    out, PROBE_SIZE);
}

static bool stream_value(const char *out, int stream, const char *field, char *value, size_t size)
{
    char name[96];

    snprintf(name, sizeof name, "streams.stream.%d.%s", stream, field);
    return tool_value(out, name, value, size);
}

static long stream_number(const char *out, int stream, const char *field)
{
    char value[32];

    return stream_value(out, stream, field, value, sizeof value) ? strtol(value, NULL, 10) : 0;
}

static bool codec_of_web(const char *codec)
{
    static const char *const names[] = {"vp8", "vp9", "av1", "opus", "vorbis"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(codec, names[i]) == 0)
            return true;
    return false;
}

/* A cover is a picture and no track. */
static void tracks_add(struct tracks *t, const char *out, int stream)
{
    char type[16], codec[32] = "";

    if (!stream_value(out, stream, "codec_type", type, sizeof type) || stream_number(out, stream, "disposition.attached_pic"))
        return;
    stream_value(out, stream, "codec_name", codec, sizeof codec);
    t->web = t->web && codec_of_web(codec);
    if (strcmp(type, "audio") == 0) {
        t->audio = true;
        snprintf(t->audio_codec, sizeof t->audio_codec, "%s", codec);
    } else if (strcmp(type, "video") == 0 && !t->video) {
        bool turned = stream_number(out, stream, "side_data_list.side_data.0.rotation") % 180 != 0;
        t->video = true;
        t->width = stream_number(out, stream, turned ? "height" : "width");
        t->height = stream_number(out, stream, turned ? "width" : "height");
    }
}

static int64_t duration(const char *out)
{
    char value[32];

    if (!tool_value(out, "format.duration", value, sizeof value))
        return -1;
    double seconds = strtod(value, NULL);
    return seconds >= 0 && seconds < 1e6 ? (int64_t)llround(seconds * 1000) : -1;
}

static bool tracks_read(struct tracks *t)
{
    static char out[PROBE_SIZE];
    char score[16];

    *t = (struct tracks){.web = true};
    if (!probe(TOOL_INPUT, out) || !tool_value(out, "format.format_name", t->reader, sizeof t->reader) ||
        !tool_value(out, "format.probe_score", score, sizeof score) || strtol(score, NULL, 10) < LEAST_SCORE)
        return false;
    tool_value(out, "format.tags.major_brand", t->brand, sizeof t->brand);
    t->milliseconds = duration(out);
    for (int stream = 0; stream < STREAMS_MAX; stream++)
        tracks_add(t, out, stream);
    if (t->web)
        snprintf(t->brand, sizeof t->brand, "web");
    return true;
}

static const struct container *container_of(const struct tracks *t)
{
    for (size_t i = 0; i < sizeof containers / sizeof *containers; i++)
        if (strncmp(t->reader, containers[i].reader, strlen(containers[i].reader)) == 0 &&
            strncmp(t->brand, containers[i].brand, strlen(containers[i].brand)) == 0)
            return &containers[i];
    return NULL;
}

/* Its tracks of picture and sound as they are, and nothing else: no tags, dates, places, chapters, covers, other tracks. */
static int written_again(const char *writer)
{
    return tool_run((const char *const[]){"ffmpeg", "-nostdin", "-v", "error", "-y", "-threads", "1", "-protocol_whitelist", "file",
                                          "-format_whitelist", READERS, "-i", TOOL_INPUT, "-map", "0:V?", "-map", "0:a?",
                                          "-map_metadata", "-1", "-map_chapters", "-1", "-c", "copy", "-strict", "-2",
                                          "-fflags", "+bitexact", "-f", writer, "recording", NULL},
                    NULL, 0)
               ? open("recording", O_RDONLY | O_CLOEXEC)
               : -1;
}

static int first_frame(void)
{
    return tool_run((const char *const[]){"ffmpeg", "-nostdin", "-v", "error", "-y", "-threads", "1", "-protocol_whitelist", "file",
                                          "-format_whitelist", READERS, "-i", TOOL_INPUT, "-map", "0:V:0", "-frames:v", "1",
                                          "-vf", "scale='min(320,iw)':'min(320,ih)':force_original_aspect_ratio=decrease",
                                          "-map_metadata", "-1", "-fflags", "+bitexact", "-c:v", "mjpeg", "-f", "mjpeg",
                                          "frame", NULL},
                    NULL, 0)
               ? open("frame", O_RDONLY | O_CLOEXEC)
               : -1;
}

/* SILK, in which some phones record, is known by its first bytes alone; the leading byte is some programs' own. */
static bool is_silk(void)
{
    char head[11] = "";

    return pread(TOOL_INPUT_DESCRIPTOR, head, 10, 0) == 10 &&
           (memcmp(head, "#!SILK_V3", 9) == 0 || memcmp(head + 1, "#!SILK_V3", 9) == 0);
}

static void keep(struct decoded *answer, int descriptors[DECODE_PARTS], enum decode_part part, int made)
{
    descriptors[part] = made;
    answer->has[part] = made >= 0;
}

/* AMR has no place for anything that tells where or when. */
static int copied(enum format format)
{
    int clean = format == FORMAT_CAF ? open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) : -1;

    if (clean < 0 || strip_metadata(format, TOOL_INPUT_DESCRIPTOR, clean))
        return clean;
    close(clean);
    return -1;
}

static void store(const struct tracks *t, const struct container *c, struct decoded *answer, int descriptors[DECODE_PARTS])
{
    static char out[PROBE_SIZE];

    answer->milliseconds = t->milliseconds;
    keep(answer, descriptors, DECODE_BYTES, c->writer ? written_again(c->writer) : copied(c->audio));
    if (!answer->has[DECODE_BYTES] && c->audio != FORMAT_AMR)
        answer->refusal = DECODE_BROKEN;
    else if (t->milliseconds < 0 && c->writer && probe("recording", out)) /* a browser's does not say; now it does */
        answer->milliseconds = duration(out);
    if (t->video) {
        answer->width = (int)t->width;
        answer->height = (int)t->height;
        answer->format[DECODE_THUMB] = FORMAT_JPEG;
        keep(answer, descriptors, DECODE_THUMB, first_frame());
    }
}

void recording_decode(const struct decode_request *request, struct decoded *answer, int descriptors[DECODE_PARTS])
{
    struct tracks t;

    if (request->kind == DECODE_VOICE && is_silk()) {
        answer->format[DECODE_BYTES] = FORMAT_SILK;
        return;
    }
    const struct container *c = tracks_read(&t) ? container_of(&t) : NULL;
    enum format format = !c ? FORMAT_OTHER : t.video ? c->video : t.audio ? c->audio : FORMAT_OTHER;
    if (format == FORMAT_AMR && strcmp(t.audio_codec, "amr_wb") == 0)
        format = FORMAT_AWB;
    answer->format[DECODE_BYTES] = format;
    if (format == FORMAT_OTHER || t.video != (request->kind == DECODE_VIDEO))
        answer->refusal = DECODE_OTHER_KIND;
    else
        store(&t, c, answer, descriptors);
}
