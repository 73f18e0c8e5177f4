/*
 * Recordings, voice and video: which tracks they have, how long they are, and what is stored of them.  For the decoder.
 */
#ifndef IM_RECORDING_H
#define IM_RECORDING_H

#include "decode.h"

/* Examines the recording behind TOOL_INPUT_DESCRIPTOR; as picture_decode(). */
void recording_decode(const struct decode_request *request, struct decoded *answer, int descriptors[DECODE_PARTS]);

#endif
