/*
 * What the decoder is asked and answers (see imdecoder(8)): one parcel each way over its socket.
 *
 * The decoder reads foreign bytes with large libraries, so whoever asks takes its word for nothing that matters: every
 * field is checked here, and what it sends as bytes is copied, hashed and served as one of a few types.
 */
#ifndef IM_DECODE_H
#define IM_DECODE_H

#include "format.h"
#include "must.h"

#include <stdbool.h>
#include <stdint.h>

/* IMAGE, VOICE and VIDEO must be one; of anything else only the type is asked. */
enum decode_kind { DECODE_FILE, DECODE_IMAGE, DECODE_VOICE, DECODE_VIDEO };

enum { DECODE_MIME_SIZE = 128 }; /* those of office files have 73 characters */

struct decode_request {
    enum decode_kind kind;
    int64_t pixels; /* the most that a picture may have, in all its frames */
};

enum decode_refusal { DECODE_FINE, DECODE_OTHER_KIND, DECODE_PIXELS, DECODE_BROKEN, DECODE_REFUSALS };

/* The descriptors that may come with the answer, in this order: what to store instead of what was sent, a small picture,
 * and the original where the first is only a picture of it. */
enum decode_part { DECODE_BYTES, DECODE_THUMB, DECODE_ORIGINAL, DECODE_PARTS };

struct decoded {
    enum decode_refusal refusal;
    unsigned char has[DECODE_PARTS];  /* which descriptors come; no bool, as anything may stand here */
    enum format format[DECODE_PARTS]; /* what they are; of DECODE_BYTES also when it does not come */
    int width, height;                /* as shown; 0 when it has none */
    int64_t milliseconds;             /* -1 when the recording does not say */
    char mime[DECODE_MIME_SIZE];      /* of DECODE_FILE: libmagic's word */
};

/* Asks the decoder at IM_DECODER about the bytes behind the descriptor, which everybody may read; waits for the answer.
 * descriptors are by decode_part, -1 where there is none, and the caller's to close.  False when no answer in order came:
 * the decoder is away, or has died of these bytes. */
MUST_USE bool decode_ask(const struct decode_request *request, int bytes, struct decoded *answer, int descriptors[DECODE_PARTS]);

#endif
