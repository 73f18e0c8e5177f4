#include "format.h"

static const struct {
    const char *mime, *ending;
} formats[FORMATS] = {
    [FORMAT_OTHER] = {"application/octet-stream", ""},
    [FORMAT_JPEG] = {"image/jpeg", ".jpg"},
    [FORMAT_PNG] = {"image/png", ".png"},
    [FORMAT_GIF] = {"image/gif", ".gif"},
    [FORMAT_WEBP] = {"image/webp", ".webp"},
    [FORMAT_HEIC] = {"image/heic", ".heic"},
    [FORMAT_AVIF] = {"image/avif", ".avif"},
    [FORMAT_TIFF] = {"image/tiff", ".tiff"},
    [FORMAT_MP4] = {"video/mp4", ".mp4"},
    [FORMAT_MOV] = {"video/quicktime", ".mov"},
    [FORMAT_3GP] = {"video/3gpp", ".3gp"},
    [FORMAT_WEBM] = {"video/webm", ".webm"},
    [FORMAT_MKV] = {"video/x-matroska", ".mkv"},
    [FORMAT_AVI] = {"video/x-msvideo", ".avi"},
    [FORMAT_OGV] = {"video/ogg", ".ogv"},
    [FORMAT_TS] = {"video/mp2t", ".ts"},
    [FORMAT_M4A] = {"audio/mp4", ".m4a"},
    [FORMAT_3GA] = {"audio/3gpp", ".3gp"},
    [FORMAT_WEBA] = {"audio/webm", ".webm"},
    [FORMAT_MKA] = {"audio/x-matroska", ".mka"},
    [FORMAT_OGG] = {"audio/ogg", ".ogg"},
    [FORMAT_MP3] = {"audio/mpeg", ".mp3"},
    [FORMAT_WAV] = {"audio/wav", ".wav"},
    [FORMAT_AAC] = {"audio/aac", ".aac"},
    [FORMAT_AMR] = {"audio/amr", ".amr"},
    [FORMAT_AWB] = {"audio/amr-wb", ".awb"},
    [FORMAT_CAF] = {"audio/x-caf", ".caf"},
    [FORMAT_FLAC] = {"audio/flac", ".flac"},
    [FORMAT_SILK] = {"audio/silk", ".silk"},
};

const char *format_mime(enum format format)
{
    return formats[format].mime;
}

const char *format_ending(enum format format)
{
    return formats[format].ending;
}
