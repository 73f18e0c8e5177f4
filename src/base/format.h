/*
 * The kinds of files that are told apart by what is in them, and how each is named and served.
 */
#ifndef IM_FORMAT_H
#define IM_FORMAT_H

enum format {
    FORMAT_OTHER,
    FORMAT_JPEG,
    FORMAT_PNG,
    FORMAT_GIF,
    FORMAT_WEBP,
    FORMAT_HEIC,
    FORMAT_AVIF,
    FORMAT_TIFF,
    FORMAT_MP4,
    FORMAT_MOV,
    FORMAT_3GP,
    FORMAT_WEBM,
    FORMAT_MKV,
    FORMAT_AVI,
    FORMAT_OGV,
    FORMAT_TS,
    FORMAT_M4A,
    FORMAT_3GA,
    FORMAT_WEBA,
    FORMAT_MKA,
    FORMAT_OGG,
    FORMAT_MP3,
    FORMAT_WAV,
    FORMAT_AAC,
    FORMAT_AMR,
    FORMAT_AWB,
    FORMAT_CAF,
    FORMAT_FLAC,
    FORMAT_SILK,
    FORMATS
};

/* "image/jpeg"; "application/octet-stream" for what is none of them. */
const char *format_mime(enum format format);

/* ".jpg"; "" for what is none of them. */
const char *format_ending(enum format format);

#endif
