/*
 * What a request answers, on its way to nginx: FastCGI's records in a buffer of their own.  libfcgi would write and wait until
 * nginx has taken all; here what nginx does not take at once waits for it, and others are served meanwhile.
 */
#ifndef IM_OUTPUT_H
#define IM_OUTPUT_H

#include "base/must.h"

#include <event2/event_struct.h>
#include <stdbool.h>
#include <stddef.h>

struct request;
struct evbuffer;

enum { OUTPUT_PATIENCE_MS = 2000 };

struct output {
    int socket, id;         /* the connection, and its request's number there */
    struct evbuffer *bytes; /* NULL: there have been none */
    bool broken;            /* nginx has gone, or has taken nothing for OUTPUT_PATIENCE_MS; or there is no memory */
    struct event writable;
    void (*then)(struct request *r); /* once all is out */
};

/* For output_send(), which waits there. */
void output_open(struct event_base *base);

/* Adds to what the request answers, headers first. */
void output_add(struct request *r, const char *bytes, size_t length);

/* Adds what ends the answer. */
void output_end(struct request *r);

/* Breaks the answer off, so that the client sees that it is not whole: nginx would pass a connection that just ends off as its
 * end. */
void output_break(struct request *r);

/* Whether nginx has gone, as it does when the client has. */
MUST_USE bool output_closed(const struct output *output);

/* Sends what has been added.  True when all of it is out, or never will be: then the output is broken, and its connection of no
 * more use.  False when nginx is slow: then() is called when it has taken the rest. */
MUST_USE bool output_send(struct request *r, void (*then)(struct request *r));

/* The same, but then() is called in any case, and when others have had their turn: for whoever has more to add. */
void output_later(struct request *r, void (*then)(struct request *r));

/* Frees it, at the end of the request. */
void output_free(struct output *output);

#endif
