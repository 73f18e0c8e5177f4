/*
 * Requests to the push instance: that a peer that is gone is found, and that one that cannot be started is told.
 */
#include "base/http.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
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

/* Of a network that only we are in. */
static bool loopback(bool up)
{
    struct ifreq interface = {.ifr_name = "lo"};
    int any = socket(AF_INET, SOCK_DGRAM, 0);
    bool done_so = any >= 0 && ioctl(any, SIOCGIFFLAGS, &interface) == 0;

    interface.ifr_flags = (short)(up ? interface.ifr_flags | IFF_UP : interface.ifr_flags & ~IFF_UP);
    done_so = done_so && ioctl(any, SIOCSIFFLAGS, &interface) == 0;
    close(any);
    return done_so;
}

/* In the long form: the cable is pulled, with nothing on its way, so that neither end hears of it. */
static void check_cut(void)
{
    static struct http stream = {.done = on_done};
    char address[32], prefix[64], url[80];
    time_t begun = time(NULL);

    if (!getenv("IM_LONG") || unshare(CLONE_NEWNET) != 0 || !loopback(true)) {
        ok(true, "a cable that is pulled # SKIP in the long form, for %s", "who may have a network of his own");
        return;
    }
    int listening = listen_somewhere(address, sizeof address);
    http_prepare(&stream, address, prefix, sizeof prefix);
    snprintf(url, sizeof url, "%s/events", prefix);
    curl_easy_setopt(stream.easy, CURLOPT_URL, url);
    fd = CURL_SOCKET_BAD;
    check_keep_alive(&stream, listening);
    event_base_loopexit(loop, &(struct timeval){1, 0});
    event_base_dispatch(loop);
    done = 0;
    ok(loopback(false), "the cable is %s", "pulled");
    while (!done && time(NULL) < begun + 90) {
        event_base_loopexit(loop, &(struct timeval){1, 0});
        event_base_dispatch(loop);
    }
    ok(done == 1 && result != CURLE_OK, "that is found after %ld seconds: %s", (long)(time(NULL) - begun),
       curl_easy_strerror(result));
    http_close(&stream);
    close(listening);
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
    check_cut();
    return done_testing();
}
