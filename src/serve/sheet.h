/*
 * A list as a file: with format=csv a route of shape SHEET answers all its rows, not a page.
 *
 * The rows come in batches.  The first column of each says where it stands; with that of a batch's last row as :after the
 * same call is made again, in a transaction of its own, until a batch is empty.  So neither the program nor PostgreSQL
 * ever holds more than a batch, and other requests are served between two of them; nginx keeps what the client is too
 * slow for.  When it cannot go on the connection breaks off, so that nobody takes the half for the whole.
 *
 * The file is what spreadsheets read right: UTF-8 with its mark, RFC 4180.  A text that they would take for a formula, a
 * number or a date has a tab before it, which they do not show; so has a number of more digits than they keep.
 */
#ifndef IM_SHEET_H
#define IM_SHEET_H

#include "base/must.h"

#include <libpq-fe.h>
#include <obstack.h>
#include <stdbool.h>

struct request;

/* Whether the request asks for the file. */
MUST_USE bool sheet_wanted(struct request *r);

/* Sends a batch, and asks for the next. */
void sheet_rows(struct request *r, const PGresult *rows);

/* Grows the obstack's object by a cell; text says that it is no number or time by its type. */
void sheet_grow_cell(struct obstack *out, const char *cell, bool text);

#endif
