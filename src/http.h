/*
 * HTTP requests to nchan from the event loop: libcurl's multi interface on libevent.
 */
#ifndef IM_HTTP_H
#define IM_HTTP_H

#include <curl/curl.h>
#include <event2/event.h>
#include <stddef.h>

/* Called when a request is over; status is 0 when there was no answer. */
typedef void http_done(CURLcode result, long status);

void http_open(struct event_base *base);

/* A handle for requests to an address, "unix:/path" or "host:port".  prefix receives what its URLs begin with. */
CURL *http_request(const char *address, char *prefix, size_t size);

/* Starts the request; done is called from the event loop. */
void http_start(CURL *easy, http_done *done);

/* Ends the handle's request, if one runs, and frees the handle. */
void http_close(CURL *easy);

#endif
