/*
 * multipart/form-data, split while it is read: the program never holds a file.
 *
 * A part's bytes are whatever stands between two boundaries: unlike a mail library this looks at no Content-Type of a
 * part, so an e-mail or a saved page comes out byte for byte.  Names are read as browsers write them: in them only %22,
 * %0D and %0A stand for something else, a backslash is a backslash, filename* is no name.
 */
#ifndef IM_FORM_H
#define IM_FORM_H

#include "must.h"

#include <stdbool.h>
#include <stddef.h>

enum { FORM_NAME_SIZE = 1024, FORM_BLOCK = 4096 };

struct form_part {
    char name[FORM_NAME_SIZE];     /* of the field */
    char filename[FORM_NAME_SIZE]; /* decoded */
    bool is_file;                  /* it has a filename, even an empty one */
};

/* Who takes the form; a function that returns false ends the reading.  All pieces of a part's bytes but the last are whole
 * FORM_BLOCKs, at addresses of which FORM_BLOCK is a divisor. */
struct form_taker {
    bool (*begin)(void *owner, const struct form_part *part);
    bool (*bytes)(void *owner, const char *bytes, size_t size);
    void *owner;
};

/* Reads the body behind the descriptor to its end.  False when it is not a whole form of that Content-Type, a name is
 * not text, or the taker has had enough. */
MUST_USE bool form_read(int descriptor, const char *content_type, const struct form_taker *taker);

#endif
