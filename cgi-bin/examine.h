/*
 * What an upload is: its form is split, its bytes go to the store without a name, the decoder says what they are.
 *
 * This is the work of a task (task.h): it waits for the disk and for the decoder, and reads what a stranger has sent.
 */
#ifndef IM_EXAMINE_H
#define IM_EXAMINE_H

#include "base/decode.h"
#include "base/form.h"
#include "base/store.h"

#include <stdbool.h>
#include <stdint.h>

enum { EXAMINE_KINDS = DECODE_VIDEO + 1 };

struct examine_order {
    const char *path;         /* where nginx has the body */
    const char *content_type; /* of the request */
    enum decode_kind kind;    /* unless the form names one */
    int64_t room;             /* bytes left of the quota */
    int64_t sizes[EXAMINE_KINDS], pixels;
};

struct examined {
    int code;        /* CODE_OK, or what to refuse with */
    char detail[32]; /* and why; "" when there is nothing to say */
    enum decode_kind kind;
    char name[FORM_NAME_SIZE], mime[DECODE_MIME_SIZE];
    char hash[DECODE_PARTS][ADDRESS_SIZE]; /* by decode_part; "" for none */
    int64_t size[DECODE_PARTS];
    enum format format[DECODE_PARTS];
    int width, height;
    int64_t milliseconds;
};

/* "file", "image", "voice" or "video". */
const char *examine_kind(enum decode_kind kind);

/* Examines the upload.  With CODE_OK descriptors are the sealed bytes by decode_part, -1 where there are none. */
void examine(const struct examine_order *order, struct examined *found, int descriptors[DECODE_PARTS]);

#endif
