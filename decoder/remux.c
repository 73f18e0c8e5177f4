#include "remux.h"
#include "tracks.h"

#include <string.h>

enum { DELAY = 700000 }; /* of transport streams, in microseconds: as ffmpeg has it */

/* One that is written. */
struct track {
    const AVStream *from;
    AVStream *to;
    int64_t last, next; /* when its last packet was to be decoded, and when the next should be */
};

struct copy {
    AVFormatContext *input, *output;
    struct track tracks[TRACKS_MAX]; /* by their number in the input */
};

/* What tells a player the codec: kept where the new format has it too, for players differ about it. */
static uint32_t tag_of(const AVOutputFormat *format, const AVCodecParameters *codec)
{
    unsigned other;
    bool known = format->codec_tag && av_codec_get_id(format->codec_tag, codec->codec_tag) == codec->codec_id;

    return !format->codec_tag || known || !av_codec_get_tag2(format->codec_tag, codec->codec_id, &other) ? codec->codec_tag : 0;
}

/* How pictures are turned, their colours; newer libraries have it among the parameters. */
static bool side_data_copy(AVStream *to, const AVStream *from)
{
#if LIBAVFORMAT_VERSION_MAJOR < 61
    for (int i = 0; i < from->nb_side_data; i++) {
        const AVPacketSideData *data = &from->side_data[i];
        uint8_t *made = av_stream_new_side_data(to, data->type, data->size);
        if (!made)
            return false;
        memcpy(made, data->data, data->size);
    }
#else
    (void)to, (void)from;
#endif
    return true;
}

/* What writers want to be told otherwise than readers tell it: one shape of a pixel, where stream and codec may name two, and no
 * size of blocks that are not of one size. */
static void track_mend(AVStream *to, const AVStream *from)
{
    enum AVCodecID codec = to->codecpar->codec_id;

    to->sample_aspect_ratio = from->sample_aspect_ratio.num ? from->sample_aspect_ratio : from->codecpar->sample_aspect_ratio;
    to->codecpar->sample_aspect_ratio = to->sample_aspect_ratio;
    if (codec == AV_CODEC_ID_MP3 || codec == AV_CODEC_ID_AC3)
        to->codecpar->block_align = 0;
}

static bool track_add(struct copy *c, const AVStream *from, struct track *track)
{
    AVStream *to = avformat_new_stream(c->output, NULL);

    if (!to || avcodec_parameters_copy(to->codecpar, from->codecpar) < 0 || !side_data_copy(to, from))
        return false;
    to->codecpar->codec_tag = tag_of(c->output->oformat, from->codecpar);
    to->time_base = from->time_base;
    to->avg_frame_rate = from->avg_frame_rate;
    to->r_frame_rate = from->r_frame_rate;
    track_mend(to, from);
    to->disposition = from->disposition;
    *track = (struct track){from, to, AV_NOPTS_VALUE, AV_NOPTS_VALUE};
    return true;
}

static bool tracks_add(struct copy *c)
{
    for (unsigned i = 0; i < c->input->nb_streams && i < TRACKS_MAX; i++)
        if (track_plays(c->input->streams[i]) && !track_add(c, c->input->streams[i], &c->tracks[i]))
            return false;
    return c->output->nb_streams > 0;
}

static void shift(int64_t *when, int64_t by)
{
    if (*when != AV_NOPTS_VALUE)
        *when -= by;
}

/* Recordings begin at nought, in the other track's measure of time. */
static void packet_shift(const struct copy *c, AVPacket *packet, const struct track *t)
{
    if (c->input->start_time != AV_NOPTS_VALUE) {
        int64_t start = av_rescale_q(c->input->start_time, AV_TIME_BASE_Q, t->from->time_base);
        shift(&packet->pts, start);
        shift(&packet->dts, start);
    }
    av_packet_rescale_ts(packet, t->from->time_base, t->to->time_base);
}

/* Writers insist on an order in which to decode, which not every file has. */
static void packet_order(AVPacket *packet, struct track *t, bool equals)
{
    int64_t least = t->last == AV_NOPTS_VALUE ? INT64_MIN + 1 : t->last + !equals;

    if (packet->dts == AV_NOPTS_VALUE)
        packet->dts = t->next != AV_NOPTS_VALUE ? t->next : packet->pts != AV_NOPTS_VALUE ? packet->pts : 0;
    if (packet->pts != AV_NOPTS_VALUE && packet->pts < packet->dts)
        packet->dts = packet->pts;
    if (packet->dts < least) {
        packet->dts = least;
        if (packet->pts != AV_NOPTS_VALUE && packet->pts < least)
            packet->pts = least;
    }
    t->last = packet->dts;
    t->next = packet->dts + (packet->duration > 0 ? packet->duration : 1);
}

/* A track begins with what can be decoded alone. */
static bool packet_write(struct copy *c, AVPacket *packet)
{
    struct track *t = packet->stream_index < TRACKS_MAX ? &c->tracks[packet->stream_index] : NULL;

    if (!t || !t->to || (t->last == AV_NOPTS_VALUE && !(packet->flags & AV_PKT_FLAG_KEY)))
        return true;
    packet_shift(c, packet, t);
    packet_order(packet, t, c->output->oformat->flags & AVFMT_TS_NONSTRICT);
    packet->stream_index = t->to->index;
    packet->pos = -1;
    return av_interleaved_write_frame(c->output, packet) >= 0;
}

static bool packets_copy(struct copy *c)
{
    AVPacket *packet = av_packet_alloc();
    bool good = packet != NULL;

    while (good && av_read_frame(c->input, packet) >= 0) {
        good = packet_write(c, packet);
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
    return good;
}

/* The same bytes for the same recording: no date, no name of the library, numbers that are not drawn. */
static bool output_begin(struct copy *c, const char *writer, const char *path)
{
    if (avformat_alloc_output_context2(&c->output, NULL, writer, path) < 0)
        return false;
    c->output->flags |= AVFMT_FLAG_BITEXACT;
    c->output->strict_std_compliance = -2; /* what the recording's program has dared to write, too */
    c->output->max_delay = DELAY;
    return tracks_add(c) && avio_open(&c->output->pb, path, AVIO_FLAG_WRITE) >= 0;
}

bool remux(AVFormatContext *input, const char *writer, const char *path)
{
    struct copy c = {.input = input};
    bool done = output_begin(&c, writer, path) && avformat_write_header(c.output, NULL) >= 0 && packets_copy(&c) &&
                av_write_trailer(c.output) >= 0;

    if (c.output && c.output->pb)
        done = avio_closep(&c.output->pb) >= 0 && done;
    avformat_free_context(c.output);
    return done;
}
