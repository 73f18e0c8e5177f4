/*
 * A parcel: some bytes and open descriptors, sent whole to another process over a Unix stream socket.
 *
 * Each side sends one parcel at most, so there is nothing to frame: it ends where the sender stops writing.
 */
#ifndef IM_PARCEL_H
#define IM_PARCEL_H

#include "must.h"

#include <stdbool.h>
#include <stddef.h>

enum { PARCEL_DESCRIPTORS = 3 };

/* Sends size bytes (1 to 64 KiB) and count descriptors, which stay the caller's; false when the other side is away. */
MUST_USE bool parcel_send(int socket, const void *bytes, size_t size, const int *descriptors, int count);

/* Receives exactly size bytes and at most PARCEL_DESCRIPTORS descriptors; those that did not come are -1.  The caller
 * closes them.  False, with all of them -1, when something else or nothing came. */
MUST_USE bool parcel_receive(int socket, void *bytes, size_t size, int descriptors[PARCEL_DESCRIPTORS]);

#endif
