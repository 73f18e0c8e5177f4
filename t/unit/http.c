/*
 * Requests to the push instance: that a peer that is gone is found, and that one that cannot be started is told.
 */
#include "base/http.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tap.h"

static struct event_base *loop;
static int done;
static CURLcode result;

static void on_done(CURLcode code, long status)
{
    (void)status;
    done++;
    result = code;
    event_base_loopbreak(loop);
}

static int listen_somewhere(char *address, size_t size)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof here;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (bind(fd, (struct sockaddr *)&here, sizeof here) != 0 || listen(fd, 5) != 0 ||
        getsockname(fd, (struct sockaddr *)&here, &length) != 0)
        return -1;
    snprintf(address, size, "127.0.0.1:%d", ntohs(here.sin_port));
    return fd;
}

static int option(curl_socket_t fd, int level, int name)
{
    int value = -1;
    socklen_t size = sizeof value;

    getsockopt(fd, level, name, &value, &size);
    return value;
}

static curl_socket_t fd = CURL_SOCKET_BAD;

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)arg, (void)purpose;
    return fd = socket(address->family, address->socktype, address->protocol);
}

static void check_keep_alive(struct http *http, int listening)
{
    curl_easy_setopt(http->easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    http_start(http);
    for (int i = 0; i < 100 && fd == CURL_SOCKET_BAD; i++) {
        event_base_loopexit(loop, &(struct timeval){0, 50000});
        event_base_dispatch(loop);
    }
    ok(accept(listening, NULL, NULL) >= 0, "it connects, and is never answered");
    ok(option(fd, SOL_SOCKET, SO_KEEPALIVE) > 0, "the kernel asks whether the peer is there");
    ok(option(fd, IPPROTO_TCP, TCP_KEEPIDLE) + option(fd, IPPROTO_TCP, TCP_KEEPINTVL) * option(fd, IPPROTO_TCP, TCP_KEEPCNT) == 30,
       "and gives it up within half a minute");
}

int main(void)
{
    static struct http http = {.done = on_done};
    char address[32], prefix[64], url[80];
    int listening = listen_somewhere(address, sizeof address);

    loop = event_base_new();
    http_open(loop);
    http_prepare(&http, address, prefix, sizeof prefix);
    snprintf(url, sizeof url, "%s/events", prefix);
    curl_easy_setopt(http.easy, CURLOPT_URL, url);
    check_keep_alive(&http, listening);
    http_start(&http); /* it runs already: libcurl refuses, as it does without memory */
    ok(done == 0, "what cannot be started is not told at once, for whoever is told may start the next");
    event_base_loopexit(loop, &(struct timeval){10, 0});
    event_base_dispatch(loop);
    ok(done == 1 && result == CURLE_OUT_OF_MEMORY, "but from the loop");
    http_close(&http);
    close(listening);
    return done_testing();
}
