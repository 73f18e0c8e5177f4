/*
 * HTTP requests to nchan from the event loop: libcurl's multi interface on libevent.
 */
#ifndef IM_HTTP_H
#define IM_HTTP_H

#include <curl/curl.h>
#include <event2/event.h>
#include <stddef.h>

/* One request at a time, again and again; the caller's, static. */
struct http {
    CURL *easy;                                 /* for curl_easy_setopt() */
    void (*done)(CURLcode result, long status); /* the request is over; status is 0 when there was no answer */
    struct event *failed;                       /* of http.c: it could not even be started */
};

void http_open(struct event_base *base);

/* Makes the handle for requests to an address, "unix:/path" or "host:port".  prefix receives what its URLs begin with. */
void http_prepare(struct http *http, const char *address, char *prefix, size_t size);

/* Starts the request; done is called from the event loop. */
void http_start(struct http *http);

/* Ends the request, if one runs, and frees the handle. */
void http_close(struct http *http);

#endif
