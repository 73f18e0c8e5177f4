#include "publisher.h"
#include "log.h"
#include "loop.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>

/* What nchan answers has some 250 bytes. */
enum { HEAD_MAX = 1024, ANSWER_MAX = 8192 };

static struct event_base *loop;
static void (*publication_done)(void *owner, int status);
static void (*publication_ready)(void);
static struct sockaddr_storage peer;
static socklen_t peer_length;

static struct bufferevent *connection; /* NULL: none, or not before retry */
static struct event *impatience, *retry;
static bool proven;         /* the connection has answered something */
static bool silent;         /* it has been said that nobody answers */
static const char *trouble; /* why what has just been sent cannot be, to be told from the loop */

/* A ring of what has been sent and not been answered. */
static struct publication sent[PUBLISHER_DEPTH];
static int first, count;

static void connection_make(void);

static void be_patient(void)
{
    static const struct timeval patience = {PUBLISHER_PATIENCE_MS / 1000, PUBLISHER_PATIENCE_MS % 1000 * 1000};

    loop_add(impatience, &patience);
}

/* Takes the first off the ring before its owner hears of it, for that one may send the next. */
static void answered(int status)
{
    struct publication p = sent[first];

    first = (first + 1) % PUBLISHER_DEPTH;
    count--;
    if (count)
        be_patient();
    else
        event_del(impatience);
    publication_done(p.owner, status);
}

static void connection_drop(void)
{
    if (connection)
        bufferevent_free(connection);
    connection = NULL;
    proven = false;
}

/* All that was sent has failed.  No room until the retry, so that nothing joins it meanwhile. */
static void fail(const char *why)
{
    static const struct timeval soon = {PUBLISHER_RETRY_MS / 1000, PUBLISHER_RETRY_MS % 1000 * 1000};

    if (!silent)
        log_error("could not publish an event: %s", why); /* the retries that follow say nothing new */
    silent = true;
    connection_drop();
    loop_add(retry, &soon);
    while (count)
        answered(0);
}

static void on_impatience(evutil_socket_t fd, short what, void *arg)
{
    const char *why = trouble ? trouble : "no answer in time";

    (void)fd, (void)what, (void)arg;
    trouble = NULL;
    fail(why);
}

/* Nobody hears done() from within publisher_send(). */
static void fail_soon(const char *why)
{
    trouble = why;
    event_active(impatience, EV_TIMEOUT, 1);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
    publication_ready();
}

static bool request_write(const struct publication *p)
{
    struct evbuffer *out = bufferevent_get_output(connection);

    if (evbuffer_add_printf(
            out, "%s /pub?id=%.*s HTTP/1.1\r\nHost: push\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
            p->body_length ? "POST" : "DELETE", (int)p->channels_length, p->channels, p->body_length) < 0)
        return false;
    return evbuffer_add(out, p->body, p->body_length) == 0;
}

/* --- answers --- */

/* The value of a header in a head whose every line ends with CR LF, or NULL. */
static const char *header_value(const char *head, const char *name)
{
    size_t length = strlen(name);

    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n"))
        if (strncasecmp(line + 2, name, length) == 0)
            return line + 2 + length + strspn(line + 2 + length, " ");
    return NULL;
}

/* How many bytes follow a head, -1 when it is none of an answer that nginx gives to us. */
static long body_size(const char *head)
{
    const char *size = header_value(head, "content-length:");
    long bytes = size ? strtol(size, NULL, 10) : 0;

    if (strncmp(head, "HTTP/1.1 ", 9) != 0 || strtol(head + 9, NULL, 10) < 200 || header_value(head, "transfer-encoding:"))
        return -1;
    return bytes >= 0 && bytes <= ANSWER_MAX ? bytes : -1;
}

/* The status of the answer that the input begins with, which is taken from it; 0: it is not yet there, -1: it is none. */
static int answer_take(struct evbuffer *in, bool *last)
{
    ssize_t end = evbuffer_search(in, "\r\n\r\n", 4, NULL).pos;
    char head[HEAD_MAX + 1];

    if (end < 0 || end + 2 > HEAD_MAX)
        return evbuffer_get_length(in) > HEAD_MAX ? -1 : 0;
    evbuffer_copyout(in, head, (size_t)end + 2);
    head[end + 2] = '\0';
    long body = body_size(head);
    if (body < 0)
        return -1;
    if (evbuffer_get_length(in) < (size_t)(end + 4 + body))
        return 0;
    evbuffer_drain(in, (size_t)(end + 4 + body));
    const char *after = header_value(head, "connection:");
    *last = after && strncasecmp(after, "close", 5) == 0;
    return (int)strtol(head + 9, NULL, 10);
}

static void on_read(struct bufferevent *from, void *arg)
{
    bool last = false;
    int status = 0;

    (void)arg;
    while (count && !last && from == connection && (status = answer_take(bufferevent_get_input(from), &last)) > 0) {
        proven = true;
        silent = false;
        answered(status);
    }
    if (from != connection)
        return;
    if (status < 0 || (!count && !last && evbuffer_get_length(bufferevent_get_input(from))))
        fail("the answer is not HTTP's");
    else if (last)
        connection_make();
    publication_ready();
}

static void on_event(struct bufferevent *from, short what, void *arg)
{
    (void)from, (void)arg;
    if (what & BEV_EVENT_CONNECTED)
        return;
    if (proven)
        connection_make();
    else if (what & BEV_EVENT_ERROR)
        fail(evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
    else
        fail("the connection was closed");
}

/* --- the connection --- */

/* A new connection in the place of the old, with what that one has not answered.  None when there is nothing to send. */
static void connection_make(void)
{
    bool made = true;

    connection_drop();
    if (!count)
        return;
    be_patient();
    connection = bufferevent_socket_new(loop, -1, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    for (int i = 0; connection && i < count; i++)
        made = made && request_write(&sent[(first + i) % PUBLISHER_DEPTH]);
    if (!connection || !made) {
        fail_soon("out of memory");
        return;
    }
    bufferevent_setcb(connection, on_read, NULL, on_event, NULL);
    if (bufferevent_enable(connection, EV_READ | EV_WRITE) != 0)
        fail_soon("out of memory");
    else if (bufferevent_socket_connect(connection, (struct sockaddr *)&peer, (int)peer_length) != 0)
        fail_soon(evutil_socket_error_to_string(errno));
}

int publisher_room(void)
{
    return event_pending(retry, EV_TIMEOUT, NULL) ? 0 : PUBLISHER_DEPTH - count;
}

void publisher_send(const struct publication *publication)
{
    sent[(first + count) % PUBLISHER_DEPTH] = *publication;
    count++;
    if (!connection)
        connection_make();
    else if (!request_write(publication))
        fail_soon("out of memory");
    else if (count == 1)
        be_patient();
}

static bool find_peer(const char *address)
{
    struct sockaddr_un *local = (struct sockaddr_un *)&peer;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    char host[256];
    const char *colon = strrchr(address, ':');

    if (strncmp(address, "unix:", 5) == 0) {
        *local = (struct sockaddr_un){.sun_family = AF_UNIX};
        peer_length = sizeof *local;
        return snprintf(local->sun_path, sizeof local->sun_path, "%s", address + 5) < (int)sizeof local->sun_path;
    }
    if (!colon || snprintf(host, sizeof host, "%.*s", (int)(colon - address), address) >= (int)sizeof host ||
        getaddrinfo(host, colon + 1, &hints, &found) != 0)
        return false;
    memcpy(&peer, found->ai_addr, found->ai_addrlen);
    peer_length = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

void publisher_open(struct event_base *base, const char *address, void (*done)(void *owner, int status), void (*ready)(void))
{
    loop = base;
    publication_done = done;
    publication_ready = ready;
    impatience = loop_timer(base, on_impatience, NULL);
    retry = loop_timer(base, on_retry, NULL);
    if (!find_peer(address))
        log_fatal("cannot find the publisher %s", address);
}

void publisher_close(void)
{
    connection_drop();
    event_free(impatience);
    event_free(retry);
    count = 0;
}
