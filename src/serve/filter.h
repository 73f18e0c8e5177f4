/*
 * What the word filter does to what a client sends: of texts it stars words out, of structured content it only looks at the
 * texts; and it looks into no web address, for a link with a star in it leads nowhere.
 */
#ifndef IM_FILTER_H
#define IM_FILTER_H

#include "base/must.h"

#include <stdbool.h>

/* True when a text has a word outside of its web addresses.  The text may be written to meanwhile. */
MUST_USE bool filter_found(char *text);

/* Stars them out, in place: the text only gets shorter. */
void filter_star(char *text);

/* True when content that is no plain text has one: in any text of its JSON, or, when it is none, anywhere. */
MUST_USE bool filter_content(char *content);

#endif
