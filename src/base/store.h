/*
 * The store: bytes under a name, on the local disk.
 *
 * Bytes are written to a file that has no name yet, so that whatever ends before store_put() leaves nothing behind, and
 * get their name only when they are on the disk: nobody ever sees half a file.  Names are those of sql/lib/file.sql, the
 * address of the bytes (address.h), "-" and a number; the first two digits are the folder.
 */
#ifndef IM_STORE_H
#define IM_STORE_H

#include "address.h"
#include "must.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { STORE_BLOCK = 4096 };

/* A file that is being written. */
struct store_file {
    int descriptor; /* -1 when there is none */
    bool unread;    /* hardly anything of it is read before it has its name: whole blocks pass the page cache by */
    off_t size;
    struct gcry_mac_handle *mac;
    char hash[ADDRESS_SIZE]; /* once it is sealed */
};

/* Opens the folder IM_FILES; false, with errno, when there is none. */
MUST_USE bool store_open(void);

/* Begins a file; unread is a promise.  False, with errno, when the disk does not let us. */
MUST_USE bool store_begin(struct store_file *file, bool unread);

/* Costs least in pieces of whole STORE_BLOCKs from such addresses. */
MUST_USE bool store_write(struct store_file *file, const void *bytes, size_t size);

/* Writes all that the descriptor has, from its beginning, whoever else may be writing to it. */
MUST_USE bool store_copy(struct store_file *file, int from);

/* Nothing more is written: fills hash and waits until the bytes are on the disk. */
MUST_USE bool store_seal(struct store_file *file);

/* Drops what store_put() has not named. */
void store_close(struct store_file *file);

/* Names the sealed bytes behind the descriptor, and waits until that is on the disk too.  A name that is there already
 * has the same bytes: that is success. */
MUST_USE bool store_put(int descriptor, const char *name);

/* Removes a name; true also when there is none. */
MUST_USE bool store_remove(const char *name);

#endif
