/*
 * A publisher in the test's own event loop, which answers as it is told to: late, half, not at all, or goes away.
 */
#ifndef IM_UNIT_PEER_H
#define IM_UNIT_PEER_H

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

enum { REQUESTS = 8192 };

static struct event_base *loop;

static enum { ANSWERS, HOLDS, HALF, NONSENSE, LEAVES } manner;
static int status = 202; /* of its answers */
static int most;         /* so many on a connection before it leaves; 0: for ever */
static bool says_so;     /* with the last of them */
static int connections, answers, held;
static struct bufferevent *client;
static struct {
    char line[24], body[24];
    int channels;
} requests[REQUESTS];
static int got;

static void leave(void)
{
    if (client)
        bufferevent_free(client);
    client = NULL;
    held = 0;
}

static void answer(void)
{
    bool last = ++answers == most;

    evbuffer_add_printf(bufferevent_get_output(client), "HTTP/1.1 %d Text\r\nServer: x\r\n%sContent-Length: 5\r\n\r\nhello", status,
                        last && says_so ? "Connection: close\r\n" : "");
}

static void answer_held(int count)
{
    for (; count-- && held; held--)
        answer();
}

/* Notes one request; false when it is not yet there. */
static bool request_read(struct evbuffer *in)
{
    ssize_t end = evbuffer_search(in, "\r\n\r\n", 4, NULL).pos;
    char head[8192] = "", *size;
    size_t length;

    if (end < 0)
        return false;
    evbuffer_copyout(in, head, (size_t)end);
    size = strstr(head, "Content-Length: ");
    length = size ? strtoul(size + 16, NULL, 10) : 0;
    if (evbuffer_get_length(in) < (size_t)end + 4 + length)
        return false;
    evbuffer_drain(in, (size_t)end + 4);
    snprintf(requests[got].line, sizeof requests[got].line, "%s", head);
    requests[got].channels = 1;
    for (const char *c = head; *c != '\r'; c++)
        requests[got].channels += *c == ',';
    memset(requests[got].body, 0, sizeof requests[got].body);
    evbuffer_copyout(in, requests[got].body, length < 23 ? length : 23);
    evbuffer_drain(in, length);
    got++;
    return true;
}

static void on_request(struct bufferevent *from, void *arg)
{
    (void)arg;
    while (from == client && (most == 0 || answers < most) && request_read(bufferevent_get_input(from))) {
        if (manner == ANSWERS)
            answer();
        else if (manner == HOLDS)
            held++;
        else if (manner == LEAVES)
            leave();
        else
            evbuffer_add_printf(bufferevent_get_output(client), manner == HALF ? "HTTP/1.1 202 Acc" : "hello\r\n\r\n");
    }
    if (from == client && most && answers == most && evbuffer_get_length(bufferevent_get_output(from)) == 0)
        leave();
}

/* Its answers are out. */
static void on_written(struct bufferevent *to, void *arg)
{
    (void)arg;
    if (to == client && most && answers == most)
        leave();
}

static void on_gone(struct bufferevent *from, short what, void *arg)
{
    (void)what, (void)arg;
    if (from == client)
        leave();
}

static void on_client(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from, int length, void *arg)
{
    (void)listener, (void)from, (void)length, (void)arg;
    leave();
    connections++;
    answers = 0;
    client = bufferevent_socket_new(loop, fd, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(client, on_request, on_written, on_gone, NULL);
    bufferevent_enable(client, EV_READ | EV_WRITE);
}

static struct evconnlistener *listen_at(const char *path)
{
    struct sockaddr_un here = {.sun_family = AF_UNIX};

    unlink(path);
    snprintf(here.sun_path, sizeof here.sun_path, "%s", path);
    return evconnlistener_new_bind(loop, on_client, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 16,
                                   (struct sockaddr *)&here, sizeof here);
}

/* From here on it behaves like that. */
static void become(int how, int answered_with)
{
    manner = how;
    status = answered_with;
    most = got = connections = 0;
    says_so = false;
}

#endif
