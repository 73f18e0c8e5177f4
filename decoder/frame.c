#include "frame.h"

#include <libavcodec/avcodec.h>
#include <libswscale/swscale.h>
#include <math.h>
#include <stdio.h>

enum { QUALITY = 4, PLANES = 3 }; /* quality: of 1 to 31, the best first */

static AVFrame *picture_new(int width, int height)
{
    AVFrame *picture = av_frame_alloc();

    if (!picture)
        return NULL;
    picture->format = AV_PIX_FMT_YUVJ420P;
    picture->color_range = AVCOL_RANGE_JPEG;
    picture->width = width;
    picture->height = height;
    if (av_frame_get_buffer(picture, 0) < 0)
        av_frame_free(&picture);
    return picture;
}

/* Packets are handed on until a picture comes out; a broken one is passed over. */
static bool decode_first(const struct tracks *t, AVCodecContext *decoder, AVPacket *packet, AVFrame *frame)
{
    bool ended = false, got = false;

    while (!ended && !got) {
        ended = av_read_frame(t->input, packet) < 0;
        if (ended || packet->stream_index == t->video->index) {
            avcodec_send_packet(decoder, ended ? NULL : packet);
            got = avcodec_receive_frame(decoder, frame) == 0;
        }
        if (!ended)
            av_packet_unref(packet);
    }
    return got;
}

static AVFrame *first_frame(const struct tracks *t)
{
    const AVCodec *codec = avcodec_find_decoder(t->video->codecpar->codec_id);
    AVCodecContext *decoder = codec ? avcodec_alloc_context3(codec) : NULL;
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();

    if (decoder)
        decoder->thread_count = 1;
    if (!decoder || !packet || !frame || avcodec_parameters_to_context(decoder, t->video->codecpar) < 0 ||
        avcodec_open2(decoder, codec, NULL) < 0 || !decode_first(t, decoder, packet, frame))
        av_frame_free(&frame);
    av_packet_free(&packet);
    avcodec_free_context(&decoder);
    return frame;
}

/* From the film's colours to those of JPEG. */
static bool scale_into(const AVFrame *frame, AVFrame *picture)
{
    bool full = frame->color_range == AVCOL_RANGE_JPEG;
    struct SwsContext *scaler = sws_getContext(frame->width, frame->height, frame->format, picture->width, picture->height,
                                               picture->format, SWS_BICUBIC, NULL, NULL, NULL);

    if (!scaler)
        return false;
    sws_setColorspaceDetails(scaler, sws_getCoefficients(frame->colorspace), full, sws_getCoefficients(SWS_CS_DEFAULT), 1, 0,
                             1 << 16, 1 << 16);
    int lines =
        sws_scale(scaler, (const uint8_t *const *)frame->data, frame->linesize, 0, frame->height, picture->data, picture->linesize);
    sws_freeContext(scaler);
    return lines > 0;
}

static AVFrame *scaled(const AVFrame *frame)
{
    double side = frame->width > frame->height ? frame->width : frame->height, shrink = side > FRAME_SIDE ? FRAME_SIDE / side : 1;
    AVFrame *picture = picture_new((int)fmax(1, round(frame->width * shrink)), (int)fmax(1, round(frame->height * shrink)));

    if (picture && !scale_into(frame, picture))
        av_frame_free(&picture);
    return picture;
}

static void plane_turn(const AVFrame *from, AVFrame *to, int plane, int turns)
{
    int shrink = plane > 0, width = (from->width + shrink) >> shrink, height = (from->height + shrink) >> shrink;

    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            int to_x = turns == 1 ? height - 1 - y : turns == 2 ? width - 1 - x : y;
            int to_y = turns == 1 ? x : turns == 2 ? height - 1 - y : width - 1 - x;
            to->data[plane][to_y * to->linesize[plane] + to_x] = from->data[plane][y * from->linesize[plane] + x];
        }
}

/* By quarters to the right; the picture is freed. */
static AVFrame *turned(AVFrame *picture, int turns)
{
    bool odd = turns % 2;
    AVFrame *upright;

    if (!picture || turns == 0)
        return picture;
    upright = picture_new(odd ? picture->height : picture->width, odd ? picture->width : picture->height);
    for (int plane = 0; upright && plane < PLANES; plane++)
        plane_turn(picture, upright, plane, turns);
    av_frame_free(&picture);
    return upright;
}

static bool packet_save(const AVPacket *packet, const char *path)
{
    FILE *file = fopen(path, "we");
    bool written = file && fwrite(packet->data, (size_t)packet->size, 1, file) == 1;

    return file && fclose(file) == 0 && written;
}

static bool encode(AVFrame *picture, const char *path)
{
    const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_MJPEG);
    AVCodecContext *encoder = codec ? avcodec_alloc_context3(codec) : NULL;
    AVPacket *packet = av_packet_alloc();
    bool done = false;

    if (!encoder || !packet)
        goto out;
    encoder->width = picture->width;
    encoder->height = picture->height;
    encoder->pix_fmt = picture->format;
    encoder->color_range = picture->color_range;
    encoder->time_base = (AVRational){1, 25};
    encoder->thread_count = 1;
    encoder->flags |= AV_CODEC_FLAG_QSCALE | AV_CODEC_FLAG_BITEXACT;
    encoder->global_quality = picture->quality = QUALITY * FF_QP2LAMBDA;
    done = avcodec_open2(encoder, codec, NULL) >= 0 && avcodec_send_frame(encoder, picture) >= 0 &&
           avcodec_receive_packet(encoder, packet) >= 0 && packet_save(packet, path);
out:
    av_packet_free(&packet);
    avcodec_free_context(&encoder);
    return done;
}

bool frame_write(const struct tracks *t, const char *path)
{
    AVFrame *frame = first_frame(t), *picture = frame ? turned(scaled(frame), t->turns) : NULL;
    bool done = picture && encode(picture, path);

    av_frame_free(&picture);
    av_frame_free(&frame);
    return done;
}
