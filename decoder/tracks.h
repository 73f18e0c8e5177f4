/*
 * A recording as libavformat reads it: which tracks it has and how long it is.  For imrecording alone.
 *
 * Nothing is read but the file of that path: the formats that name other files or addresses are none of those known here.
 */
#ifndef IM_TRACKS_H
#define IM_TRACKS_H

#include "base/must.h"

#include <libavformat/avformat.h>
#include <stdbool.h>

enum { TRACKS_MAX = 16 }; /* what comes behind them is not looked at */

struct tracks {
    AVFormatContext *input; /* NULL when it could not be read */
    const char *reader;     /* libavformat's name of the format, one of many with commas */
    const char *brand;      /* "web" when every track is of a codec of WebM, else that of MP4's kin, else "" */
    bool audio, amr_wide;   /* it has sound; and the last of that is AMR-WB */
    AVStream *video;        /* the first track of pictures, or NULL */
    int width, height;      /* as shown */
    int turns;              /* quarters of a turn to the right until pictures are upright, 0 to 3 */
    int64_t milliseconds;   /* -1 when it does not say */
};

/* Reads what the file says of itself; false when it is nothing that is known.  Always followed by tracks_close(). */
MUST_USE bool tracks_open(struct tracks *t, const char *path);

void tracks_close(struct tracks *t);

/* Whether it is sound or moving pictures; a cover is neither. */
MUST_USE bool track_plays(const AVStream *stream);

#endif
