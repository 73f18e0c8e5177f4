/*
 * One request: what came in, and who sent it.
 *
 * The request owns everything a handler is given (text, JSON, rows): it lives until the answer is out, and a
 * handler frees only what it made itself.
 */
#ifndef IM_REQUEST_H
#define IM_REQUEST_H

#include "base/json.h"
#include "base/must.h"
#include "base/token.h"
#include "output.h"
#include "route.h"

#include <obstack.h>
#include <stdbool.h>

struct FCGX_Stream;

struct request {
    struct obstack pool;   /* whatever lives as long as the request */
    struct obstack answer; /* where texts grow that it answers, so that nothing that is made meanwhile gets into them */
    struct output output;  /* which go out there */

    const struct program *program;
    const struct route *route;
    char **parameters;         /* as FastCGI has them */
    struct FCGX_Stream *input; /* and the body, until it has been read */
    const char *method, *path; /* of a WebSocket frame: "WS" and the frame's type */
    const char *id;            /* request id of nginx, for the log */
    const char *language;
    const char *query;            /* its fields count where the body has none; NULL: there are none */
    const char *text;             /* the body as it came in, */
    size_t length;                /* so many bytes */
    const char *unread;           /* what of it could not be read */
    struct json_object *document; /* parsed; owned */
    struct json_object *body;     /* the fields in it; never NULL once it has been read */

    bool known;             /* claims are those of a verified token */
    enum audience audience; /* of that token */
    struct claims claims;
    struct value *values; /* what request_set() and the path have set */

    struct transaction *transaction;    /* transaction.c's; NULL: there has been none */
    struct sheet *sheet;                /* sheet.c's; NULL: no file goes out */
    PGresult *rows;                     /* of a list that may go out in pieces (list.h), */
    int row;                            /* before this one so far; owned */
    const char *cause;                  /* of a refusal, for the log alone; NULL: nothing more is known than its code and detail */
    void *owned;                        /* a handler's, */
    void (*release)(struct request *r); /* which it has to be told that it is over; NULL: it has not */
    bool begun;                         /* part of the answer has been sent, and the rest is on its way */
    bool answered;
    int code;                          /* with which; 0 is 200 too */
    void (*finish)(struct request *r); /* sends the answered request off */
};

/* Reads IM_TRADE_PEPPER, for a program with calls that take digests (call_digests); ends the process without it. */
void request_open(void);

/* Begins and ends its pool.  A pool that never began may end. */
void request_pool(struct request *r);
void request_pool_free(struct request *r);

/* Reads the body, at most 64 KiB.  False when it is cut short, too long or no JSON object; unread is then what it ended at,
 * else "body".  A body that nginx keeps in a file, REQUEST_BODY_FILE, is left to the handler. */
MUST_USE bool request_read(struct request *r);

/* Verifies the request's token for that audience; fills claims.  False when there is none or it is not valid. */
MUST_USE bool request_identify(struct request *r, enum audience audience);

/* Sets a server-side value (":name" in calls).  Both are copied. */
void request_set(struct request *r, const char *name, const char *value);

/* A server-side value, or NULL: me (or service), ver, session, expires of the token; address; device, the User-Agent; key,
 * the Idempotency-Key, and digest, that of the request; node and worker, the push instance and its process that ask; a path
 * parameter; or one that was set. */
const char *request_value(struct request *r, const char *name);

/* The keyed digest of a trade password, which the database gets instead of it. */
const char *request_trade_digest(struct request *r, const char *password);

/* A client's field: json from the body, or else text from the query.  False when absent or null. */
MUST_USE bool request_field(struct request *r, const char *name, struct json_object **json, const char **text);

/* The same of a list: whatever comes more than once in the query, name=1&name=2 or name[]=1&name[]=2, is one text, with commas. */
MUST_USE bool request_list(struct request *r, const char *name, struct json_object **json, const char **text);

/* A client's field that is a JSON string, else NULL. */
const char *request_text(struct request *r, const char *name);

/* A FastCGI parameter, or NULL when absent or empty. */
const char *request_parameter(struct request *r, const char *name);

/* A copy of the text in the request's pool. */
char *request_copy(struct request *r, const char *text);

#endif
