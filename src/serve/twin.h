/*
 * The twins of a program's calls (base/bulk.h): "select * from api.message_private_send_many($1, …)".
 */
#ifndef IM_TWIN_H
#define IM_TWIN_H

#include "base/bulk.h"
#include "call.h"

/* Gives the calls of these functions their twins, and adds the statements of these: how many.  The calls have been parsed.  A
 * function that none of them calls, more than there is room for, or no memory ends the process.  The list may be NULL. */
int twin_open(const char *const *functions, struct call *const *calls, int count, void (*events)(const PGresult *rows),
              struct statement **statements);

#endif
