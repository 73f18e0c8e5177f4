/*
 * Copies a HEIC or AVIF picture without its metadata and without encoding it again: the bytes of its Exif and XMP items, and
 * of boxes that are no part of a picture, become zeros, so that everything else stays where it is.
 */
#ifndef IM_HEIF_H
#define IM_HEIF_H

#include "base/must.h"

#include <stdbool.h>

/* Copies from one descriptor to another; false when it is broken, has items in a way that we do not know, or cannot be
 * written. */
MUST_USE bool heif_strip(int from, int to);

#endif
