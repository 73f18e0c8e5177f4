/*
 * imrecording: says of the recording at TOOL_INPUT what it is, and leaves in the working folder what is to be stored of it.
 * The decoder runs it, confined, once for each recording.  See imdecoder(8).
 */
#include "frame.h"
#include "recording.h"
#include "remux.h"
#include "tool.h"
#include "tracks.h"

#include <libavutil/log.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How a container is written again; NULL: not by libavformat, which cannot write every codec in it. */
static const struct container {
    const char *reader; /* how libavformat's name of it begins */
    const char *brand;  /* and the file's, "" for any */
    enum format video, audio;
    const char *writer;
} containers[] = {
    {"mov,", "qt", FORMAT_MOV, FORMAT_M4A, "mov"},        {"mov,", "3g", FORMAT_3GP, FORMAT_3GA, "3gp"},
    {"mov,", "", FORMAT_MP4, FORMAT_M4A, "mp4"},          {"matroska", "web", FORMAT_WEBM, FORMAT_WEBA, "webm"},
    {"matroska", "", FORMAT_MKV, FORMAT_MKA, "matroska"}, {"ogg", "", FORMAT_OGV, FORMAT_OGG, "ogg"},
    {"avi", "", FORMAT_AVI, FORMAT_OTHER, "avi"},         {"mpegts", "", FORMAT_TS, FORMAT_OTHER, "mpegts"},
    {"mp3", "", FORMAT_OTHER, FORMAT_MP3, "mp3"},         {"wav", "", FORMAT_OTHER, FORMAT_WAV, "wav"},
    {"aac", "", FORMAT_OTHER, FORMAT_AAC, "adts"},        {"flac", "", FORMAT_OTHER, FORMAT_FLAC, "flac"},
    {"amr", "", FORMAT_OTHER, FORMAT_AMR, NULL},          {"caf", "", FORMAT_OTHER, FORMAT_CAF, NULL},
};

static const struct container *container_of(const struct tracks *t)
{
    for (size_t i = 0; i < sizeof containers / sizeof *containers; i++)
        if (strncmp(t->reader, containers[i].reader, strlen(containers[i].reader)) == 0 &&
            strncmp(t->brand, containers[i].brand, strlen(containers[i].brand)) == 0)
            return &containers[i];
    return NULL;
}

static enum format format_of(const struct tracks *t, const struct container *c)
{
    if (!c || (!t->video && !t->audio))
        return FORMAT_OTHER;
    if (t->video)
        return c->video;
    return c->audio == FORMAT_AMR && t->amr_wide ? FORMAT_AWB : c->audio;
}

/* How long it is once it is written again: a browser's recording does not say, now it does. */
static int64_t milliseconds_written(void)
{
    struct tracks t;
    int64_t milliseconds = tracks_open(&t, RECORDING_BYTES) ? t.milliseconds : -1;

    tracks_close(&t);
    return milliseconds;
}

static void first_picture(void)
{
    struct tracks t;

    if (tracks_open(&t, TOOL_INPUT) && t.video && !frame_write(&t, RECORDING_FRAME))
        unlink(RECORDING_FRAME);
    tracks_close(&t);
}

static void write_again(struct tracks *t, const char *writer)
{
    if (!remux(t->input, writer, RECORDING_BYTES))
        unlink(RECORDING_BYTES);
    else if (t->milliseconds < 0)
        t->milliseconds = milliseconds_written();
}

static void examine(struct tracks *t, bool video)
{
    const struct container *c = container_of(t);
    enum format format = format_of(t, c);
    bool wanted = format != FORMAT_OTHER && !t->video == !video;

    if (wanted && c->writer)
        write_again(t, c->writer);
    if (wanted && video)
        first_picture();
    printf("format: %d\nwanted: %d\nwidth: %d\nheight: %d\nmilliseconds: %lld\n", format, wanted, t->width, t->height,
           (long long)t->milliseconds);
}

/* Ends without what libraries do at an end: whatever they hold goes with the process. */
int main(int count, char **arguments)
{
    struct tracks t;

    av_log_set_level(AV_LOG_QUIET);
    bool read = count > 1 && tracks_open(&t, TOOL_INPUT);
    if (read)
        examine(&t, strcmp(arguments[1], "video") == 0);
    tracks_close(&t);
    _exit(read && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}
