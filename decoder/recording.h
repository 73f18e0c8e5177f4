/*
 * Recordings, voice and video: which tracks they have, how long they are, and what is stored of them.  For the decoder, which
 * has imrecording read them.
 */
#ifndef IM_RECORDING_H
#define IM_RECORDING_H

#include "base/decode.h"

/* What imrecording may leave in the working folder: the recording written again, and its first picture. */
#define RECORDING_BYTES "recording"
#define RECORDING_FRAME "frame"

/* Examines the recording behind TOOL_INPUT_DESCRIPTOR; as picture_decode(). */
void recording_decode(const struct decode_request *request, struct decoded *answer, int descriptors[DECODE_PARTS]);

#endif
