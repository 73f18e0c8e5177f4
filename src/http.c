#include "http.h"
#include "log.h"

#include <stdio.h>
#include <string.h>

static struct event_base *loop;
static CURLM *multi;
static struct event *timer;

static void check_done(void)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(multi, &left))) {
        struct http *http = NULL;
        CURLcode result = message->data.result;
        long status = 0;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &http);
        curl_multi_remove_handle(multi, http->easy);
        http->done(result, status);
    }
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
    int running;

    (void)arg;
    curl_multi_socket_action(multi, fd,
                             (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0),
                             &running);
    check_done();
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    int running;

    (void)fd, (void)what, (void)arg;
    curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
    check_done();
}

/* libcurl says which of its sockets to watch for what; the event is kept as the socket's own pointer. */
static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *watched)
{
    struct event *event = watched;

    (void)easy, (void)arg;
    if (event)
        event_free(event);
    event = NULL;
    if (what != CURL_POLL_REMOVE) {
        int kind = EV_PERSIST | (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0);
        event = event_new(loop, fd, (short)kind, on_socket, NULL);
        event_add(event, NULL);
    }
    curl_multi_assign(multi, fd, event);
    return 0;
}

static int watch_timer(CURLM *handle, long ms, void *arg)
{
    struct timeval wait = {ms / 1000, ms % 1000 * 1000};

    (void)handle, (void)arg;
    if (ms < 0)
        event_del(timer);
    else
        event_add(timer, &wait);
    return 0;
}

void http_open(struct event_base *base)
{
    if (multi)
        return;
    loop = base;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    multi = curl_multi_init();
    timer = event_new(base, -1, 0, on_timer, NULL);
    if (!multi || !timer)
        log_fatal("could not start libcurl: out of memory");
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, watch_timer);
}

void http_prepare(struct http *http, const char *address, char *prefix, size_t size)
{
    int local = strncmp(address, "unix:", 5) == 0;

    http->easy = curl_easy_init();
    if (!http->easy)
        log_fatal("could not start libcurl: out of memory");
    snprintf(prefix, size, "http://%s", local ? "push" : address);
    if (local)
        curl_easy_setopt(http->easy, CURLOPT_UNIX_SOCKET_PATH, address + 5);
    curl_easy_setopt(http->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(http->easy, CURLOPT_PRIVATE, (void *)http);
}

void http_start(struct http *http)
{
    curl_multi_add_handle(multi, http->easy);
}

void http_close(struct http *http)
{
    curl_multi_remove_handle(multi, http->easy);
    curl_easy_cleanup(http->easy);
}
