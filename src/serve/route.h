/*
 * The route table: a row per endpoint, six columns for ever.
 *
 * A row names an api call, a C handler, or both: then the call runs first and the handler goes on with its
 * rows.  Rows of the method WS are WebSocket frames: their path is the frame's type, their fields its data.
 */
#ifndef IM_ROUTE_H
#define IM_ROUTE_H

#include "base/must.h"

#include <libpq-fe.h>
#include <stdbool.h>

struct call;
struct request;

/* CALLER is a service (:service) or a user (:me); the other one is NULL. */
enum who { ANYONE, USER, ADMIN, CALLER };

/* How rows become `data`: null, one object, an array, a scalar, {total, records}.  A PART is an array whose client asks on
 * after the last of it: it ends, as a page's records do, where the answer would have more than 1 MiB.  A SHEET is a PAGE, or with format=csv
 * a file with all of it (sheet.h). */
enum shape { NOTHING, ONE, LIST, PART, VALUE, PAGE, SHEET };

struct route {
    const char *method;
    const char *path; /* "/friend/delete/{friendId}" sets :friendId */
    enum who who;
    enum shape shape;
    const char *call; /* NULL: the handler alone */
    void (*handler)(struct request *r, const PGresult *rows);
};

/* A program: one endpoint group. */
struct program {
    const char *name;           /* of log lines; the PostgreSQL role is im_<name> */
    const struct route *routes; /* ends with a row without method */
    const char *const
        *many; /* functions of its calls that have a twin, api.<function>_many (base/bulk.h); ends with NULL; may be NULL */
    struct call *const *calls; /* those that handlers make besides; ends with NULL; may be NULL */

    /* How an answer leaves; NULL: as HTTP.  data is JSON text. */
    void (*answer)(struct request *r, int code, const char *detail, const char *data);
};

/* The index of the row for the method and path, -1 when there is none.  A path parameter is set in the request as it
 * stands in the path: the call checks it against the SQL type. */
MUST_USE int route_find(const struct program *program, struct request *r);

#endif
