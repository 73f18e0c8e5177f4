/*
 * The first picture of a film, small and upright, as JPEG.  For imrecording alone.
 */
#ifndef IM_FRAME_H
#define IM_FRAME_H

#include "base/must.h"
#include "tracks.h"

enum { FRAME_SIDE = 320 }; /* the most it has, in pixels; what is smaller stays so */

/* Reads the recording, which nothing has been read of yet, up to its first picture and writes that to path; false when none
 * can be decoded. */
MUST_USE bool frame_write(const struct tracks *t, const char *path);

#endif
