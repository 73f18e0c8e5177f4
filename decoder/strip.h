/*
 * Copies a file without its metadata and without decoding it, for those that must not be encoded again: animations, WebP,
 * where libvips leaves the metadata in, and CAF, which ffmpeg does not write with every codec.  What is not known to be
 * part of the picture or sound is not copied; nor is what follows its end.
 */
#ifndef IM_STRIP_H
#define IM_STRIP_H

#include "base/format.h"
#include "base/must.h"

#include <stdbool.h>

/* Copies a PNG, GIF, WebP or CAF file from one descriptor to another; false when it is broken or cannot be written. */
MUST_USE bool strip_metadata(enum format format, int from, int to);

/* Whether a PNG picture is an animation, which libvips does not see. */
MUST_USE bool strip_png_animated(int from);

#endif
