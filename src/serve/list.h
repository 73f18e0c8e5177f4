/*
 * A list without pages that is long: a group's members, friends.
 *
 * It is made and sent in pieces.  Before the next is made nginx has taken the one before, and others have had their turn.  Of
 * the answer there is never more than a piece; its rows are kept until the last has gone out.  Like a file (sheet.h) it
 * has no length ahead of it, and breaks off when it cannot be completed.
 */
#ifndef IM_LIST_H
#define IM_LIST_H

#include "base/must.h"

#include <stdbool.h>

struct request;

enum { LIST_PIECE = 65536 };

/* Whether the rows of the request's call may be such a list: then they are kept, as r->rows. */
MUST_USE bool list_wanted(const struct request *r);

/* Whether they are more than a piece. */
MUST_USE bool list_is_long(const struct request *r);

/* Answers with them. */
void list_begin(struct request *r);

#endif
