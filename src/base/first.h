/*
 * The first connection to PostgreSQL.  What a program must know before it serves is asked here, and waited for: nobody is kept
 * waiting by that yet.
 */
#ifndef IM_FIRST_H
#define IM_FIRST_H

#include "must.h"
#include "statement.h"

#include <libpq-fe.h>

/* Connects as role im_<program>, however long PostgreSQL is away, and prepares the statements; ends the process when one cannot
 * be prepared, or its function may not be called.  Returns what other connections are made with. */
MUST_USE const char *first_open(const char *program, struct statement **statements, int count);

/* The answer to one query, without which the process ends; the caller clears it. */
MUST_USE PGresult *first_ask(const char *sql);

void first_close(void);

#endif
