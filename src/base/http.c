#include "http.h"
#include "log.h"
#include "loop.h"

#include <stdio.h>
#include <string.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

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
        event_del(http->failed);
        http->done(result, status);
    }
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
    int running;

    (void)arg;
    curl_multi_socket_action(multi, fd, (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0),
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

/* Not from within libcurl, nor from where a transfer begins: done() may start the next. */
static void fail_soon(CURL *easy)
{
    static const struct timeval soon = {0, 100000};
    struct http *http = NULL;

    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &http);
    loop_add(http->failed, &soon);
}

/* libcurl says which of its sockets to watch for what; the event is kept as the socket's own pointer. */
static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *watched)
{
    struct event *event = watched;

    (void)arg;
    if (event)
        event_free(event);
    event = NULL;
    if (what != CURL_POLL_REMOVE) {
        int kind = EV_PERSIST | (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0);
        event = event_new(loop, fd, (short)kind, on_socket, NULL);
        if (!event || event_add(event, NULL) != 0)
            fail_soon(easy);
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
        loop_add(timer, &wait);
    return 0;
}

void http_open(struct event_base *base)
{
    if (multi)
        return;
    loop = base;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    multi = curl_multi_init();
    timer = loop_timer(base, on_timer, NULL);
    if (!multi)
        log_fatal("could not start libcurl: out of memory");
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, watch_timer);
}

/* A peer that is gone without a word is found after half a minute, also where nothing is ever sent, as to a stream. */
static int keep_alive(void *arg, curl_socket_t fd, curlsocktype purpose)
{
    const int on = 1, idle = 10, interval = 5, count = 4;

    (void)arg, (void)purpose; /* a Unix socket refuses, and its peer cannot be gone like that */
    if (setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on) == 0 &&
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle) == 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
    }
    return CURL_SOCKOPT_OK;
}

static void on_failed(evutil_socket_t fd, short what, void *arg)
{
    struct http *http = arg;

    (void)fd, (void)what;
    curl_multi_remove_handle(multi, http->easy);
    http->done(CURLE_OUT_OF_MEMORY, 0);
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
    curl_easy_setopt(http->easy, CURLOPT_SOCKOPTFUNCTION, keep_alive);
    curl_easy_setopt(http->easy, CURLOPT_PRIVATE, (void *)http);
    http->failed = loop_timer(loop, on_failed, http);
}

void http_start(struct http *http)
{
    if (curl_multi_add_handle(multi, http->easy) != CURLM_OK)
        fail_soon(http->easy);
}

void http_close(struct http *http)
{
    curl_multi_remove_handle(multi, http->easy);
    curl_easy_cleanup(http->easy);
    event_free(http->failed);
}
