#include "tracks.h"

#include <libavutil/display.h>
#include <math.h>
#include <string.h>

enum { LEAST_SCORE = 26 };

static const char readers[] = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,ogg,mp3,wav,aac,amr,amrnb,amrwb,caf,flac,avi,mpegts";

bool track_plays(const AVStream *stream)
{
    enum AVMediaType type = stream->codecpar->codec_type;

    return type == AVMEDIA_TYPE_AUDIO || (type == AVMEDIA_TYPE_VIDEO && !(stream->disposition & AV_DISPOSITION_ATTACHED_PIC));
}

static bool codec_of_web(enum AVCodecID codec)
{
    return codec == AV_CODEC_ID_VP8 || codec == AV_CODEC_ID_VP9 || codec == AV_CODEC_ID_AV1 || codec == AV_CODEC_ID_OPUS ||
           codec == AV_CODEC_ID_VORBIS;
}

/* How a phone was held. */
static const int32_t *display_matrix(const AVStream *stream)
{
#if LIBAVFORMAT_VERSION_MAJOR >= 61
    const AVPacketSideData *data =
        av_packet_side_data_get(stream->codecpar->coded_side_data, stream->codecpar->nb_coded_side_data, AV_PKT_DATA_DISPLAYMATRIX);
    return data && data->size >= 9 * sizeof(int32_t) ? (const int32_t *)data->data : NULL;
#else
    size_t size = 0;
    const uint8_t *data = av_stream_get_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
    return data && size >= 9 * sizeof(int32_t) ? (const int32_t *)data : NULL;
#endif
}

static int turns(const AVStream *stream)
{
    const int32_t *matrix = display_matrix(stream);
    double left = matrix ? av_display_rotation_get(matrix) : 0;

    return isfinite(left) ? (int)(lround(-left / 90) + 4) % 4 : 0;
}

static void video_add(struct tracks *t, AVStream *stream)
{
    const AVCodecParameters *codec = stream->codecpar;

    t->video = stream;
    t->turns = turns(stream);
    t->width = t->turns % 2 ? codec->height : codec->width;
    t->height = t->turns % 2 ? codec->width : codec->height;
}

static void tracks_look(struct tracks *t)
{
    bool web = true;

    for (unsigned i = 0; i < t->input->nb_streams && i < TRACKS_MAX; i++) {
        AVStream *stream = t->input->streams[i];
        enum AVMediaType type = stream->codecpar->codec_type;
        if (type != AVMEDIA_TYPE_UNKNOWN && !(stream->disposition & AV_DISPOSITION_ATTACHED_PIC))
            web = web && codec_of_web(stream->codecpar->codec_id);
        if (!track_plays(stream))
            continue;
        if (type == AVMEDIA_TYPE_AUDIO) {
            t->audio = true;
            t->amr_wide = stream->codecpar->codec_id == AV_CODEC_ID_AMR_WB;
        } else if (!t->video)
            video_add(t, stream);
    }
    if (web)
        t->brand = "web";
}

bool tracks_open(struct tracks *t, const char *path)
{
    AVDictionary *options = NULL;

    *t = (struct tracks){.brand = "", .milliseconds = -1};
    av_dict_set(&options, "protocol_whitelist", "file", 0);
    av_dict_set(&options, "format_whitelist", readers, 0);
    int opened = avformat_open_input(&t->input, path, NULL, &options);
    av_dict_free(&options);
    if (opened < 0 || t->input->probe_score < LEAST_SCORE || avformat_find_stream_info(t->input, NULL) < 0)
        return false;
    const AVDictionaryEntry *brand = av_dict_get(t->input->metadata, "major_brand", NULL, 0);
    t->reader = t->input->iformat->name;
    if (brand)
        t->brand = brand->value;
    if (t->input->duration != AV_NOPTS_VALUE && t->input->duration >= 0 && t->input->duration < INT64_C(1000000) * AV_TIME_BASE)
        t->milliseconds = av_rescale(t->input->duration, 1000, AV_TIME_BASE);
    tracks_look(t);
    return true;
}

void tracks_close(struct tracks *t)
{
    avformat_close_input(&t->input);
}
