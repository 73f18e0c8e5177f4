/*
 * A download's answer: nginx sends the bytes.
 */
#ifndef IM_DOWNLOAD_H
#define IM_DOWNLOAD_H

#include <libpq-fe.h>

struct request;

/* A handler.  The row: where the bytes are in the store (null: there are none), the name, the MIME type,
 * whether a browser may show them. */
void download_file(struct request *r, const PGresult *rows);

#endif
