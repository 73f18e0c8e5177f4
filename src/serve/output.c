#include "output.h"
#include "request.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <fastcgi.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { RECORD_MAX = 65528, PIECES = 64 };

static struct event_base *loop;

void output_open(struct event_base *base)
{
    loop = base;
}

static void record_add(struct request *r, int type, const char *bytes, size_t length)
{
    struct output *o = &r->output;
    unsigned id = (unsigned)o->id, size = (unsigned)length;
    unsigned char head[8] = {FCGI_VERSION_1, (unsigned char)type, id >> 8 & 255, id & 255, size >> 8 & 255, size & 255, 0, 0};

    if (!o->bytes)
        o->bytes = evbuffer_new();
    o->broken =
        o->broken || !o->bytes || evbuffer_add(o->bytes, head, sizeof head) != 0 || evbuffer_add(o->bytes, bytes, length) != 0;
}

void output_add(struct request *r, const char *bytes, size_t length)
{
    while (length) {
        size_t part = length < RECORD_MAX ? length : RECORD_MAX;
        record_add(r, FCGI_STDOUT, bytes, part);
        bytes += part;
        length -= part;
    }
}

void output_end(struct request *r)
{
    static const char complete[8] = {0};

    record_add(r, FCGI_STDOUT, "", 0);
    record_add(r, FCGI_END_REQUEST, complete, sizeof complete);
}

void output_break(struct request *r)
{
    static const char nonsense[8] = {0}; /* of a version that there is none */

    if (send(r->output.socket, nonsense, sizeof nonsense, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        r->output.broken = true;
    shutdown(r->output.socket, SHUT_RDWR);
}

bool output_closed(const struct output *output)
{
    struct pollfd connection = {.fd = output->socket, .events = POLLRDHUP};

    return poll(&connection, 1, 0) > 0;
}

/* What nginx takes without our waiting; false when it never will take more. */
static bool write_some(struct request *r)
{
    struct evbuffer *bytes = r->output.bytes;
    struct evbuffer_iovec pieces[PIECES];
    int count = evbuffer_peek(bytes, -1, NULL, pieces, PIECES);
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = (size_t)(count < PIECES ? count : PIECES)};
    ssize_t sent = sendmsg(r->output.socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (sent < 0)
        return errno == EAGAIN || errno == EINTR;
    evbuffer_drain(bytes, (size_t)sent);
    return true;
}

static bool over(const struct output *o)
{
    return o->broken || !o->bytes || evbuffer_get_length(o->bytes) == 0;
}

static void on_writable(evutil_socket_t fd, short what, void *arg);

static bool wait(struct request *r)
{
    static const struct timeval patience = {OUTPUT_PATIENCE_MS / 1000, OUTPUT_PATIENCE_MS % 1000 * 1000};

    return event_assign(&r->output.writable, loop, r->output.socket, EV_WRITE, on_writable, r) == 0 &&
           event_add(&r->output.writable, &patience) == 0;
}

/* True when it is over. */
static bool go_on(struct request *r)
{
    size_t before = 0;

    while (!over(&r->output) && evbuffer_get_length(r->output.bytes) != before) {
        before = evbuffer_get_length(r->output.bytes);
        r->output.broken = !write_some(r);
    }
    if (!over(&r->output))
        r->output.broken = !wait(r);
    return over(&r->output);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    struct request *r = arg;

    (void)fd;
    r->output.broken = r->output.broken || (what & EV_TIMEOUT);
    if (go_on(r))
        r->output.then(r);
}

bool output_send(struct request *r, void (*then)(struct request *r))
{
    r->output.then = then;
    return go_on(r);
}

void output_later(struct request *r, void (*then)(struct request *r))
{
    r->output.then = then;
    if (!go_on(r) || wait(r))
        return;
    r->output.broken = true;
    event_active(&r->output.writable, EV_WRITE, 1);
}

void output_free(struct output *output)
{
    if (output->bytes)
        evbuffer_free(output->bytes);
    *output = (struct output){0};
}
