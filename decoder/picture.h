/*
 * Pictures: what they are, how large, and what is stored of them.  For the decoder.
 */
#ifndef IM_PICTURE_H
#define IM_PICTURE_H

#include "base/decode.h"

/* Examines the picture behind TOOL_INPUT_DESCRIPTOR.  A refusal leaves descriptors at -1; else they are what to store, by
 * decode_part, as answer->has says. */
void picture_decode(const struct decode_request *request, struct decoded *answer, int descriptors[DECODE_PARTS]);

#endif
