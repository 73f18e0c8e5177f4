/*
 * Writes a recording's tracks of sound and pictures again as they are, and nothing else: no tags, dates, places, chapters,
 * covers, other tracks.  For imrecording alone.
 */
#ifndef IM_REMUX_H
#define IM_REMUX_H

#include "base/must.h"

#include <libavformat/avformat.h>
#include <stdbool.h>

/* Reads the input to its end and writes it to path as libavformat's format of that name; false, with whatever has been
 * written, when that format has no place for a track or the disk none for the bytes.  An input that breaks off is written up
 * to there. */
MUST_USE bool remux(AVFormatContext *input, const char *writer, const char *path);

#endif
