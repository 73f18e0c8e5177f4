#include "connection.h"
#include "base/code.h"
#include "base/count.h"
#include "base/log.h"
#include "base/loop.h"
#include "arrival.h"
#include "output.h"
#include "serve.h"

#include <event2/event_struct.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <sys/queue.h>
#include <sys/socket.h>

/* libfcgi uses select(), so descriptors stay below 1024; nginx keeps far fewer connections per program. */
enum { CONNECTIONS_MAX = 400 };

/* How long a request may be on its way. */
static const struct timeval arrival_time = {5, 0};

/* A connection of nginx, on which one request comes after the other. */
struct connection {
    struct request request; /* the first, so that the connection is found from it */
    FCGX_Request fcgi;
    struct event readable; /* armed only while it waits for its next request */
    int64_t began;         /* the request */
    SLIST_ENTRY(connection) free;
};

static struct event_base *loop;
static struct event *listening;
static struct connection connections[CONNECTIONS_MAX];
static SLIST_HEAD(connection_list, connection) unused = SLIST_HEAD_INITIALIZER(unused);
static int active; /* requests being worked on */
static bool stopping;

static const struct program *served;

static void on_readable(evutil_socket_t fd, short what, void *arg);
static void request_finish(struct request *r);

static void connection_release(struct connection *c)
{
    SLIST_INSERT_HEAD(&unused, c, free);
    if (!stopping)
        loop_add(listening, NULL);
}

static void request_start(struct connection *c)
{
    struct request *r = &c->request;

    active++;
    c->began = count_now();
    *r = (struct request){.program = served,
                          .finish = request_finish,
                          .parameters = c->fcgi.envp,
                          .input = c->fcgi.in,
                          .output = {.socket = c->fcgi.ipcFd, .id = c->fcgi.requestId}};
    r->method = request_parameter(r, "REQUEST_METHOD");
    r->path = request_parameter(r, "REQUEST_URI");
    r->id = request_parameter(r, "REQUEST_ID");
    r->language = request_parameter(r, "HTTP_ACCEPT_LANGUAGE");
    r->query = request_parameter(r, "QUERY_STRING");
    log_request(r->id);
    serve_request(r);
    log_request(NULL);
}

/* Waits for a request, the first of its connection at most for that time.  Edges, for what has arrived in part makes the
 * socket readable all the while; armed only while no request runs, for then a client that leaves must not wake us. */
static void connection_wait(struct connection *c, const struct timeval *patience)
{
    event_assign(&c->readable, loop, c->fcgi.ipcFd, EV_READ | EV_PERSIST | EV_ET, on_readable, c);
    loop_add(&c->readable, patience);
}

static void request_end(struct request *r)
{
    if (r->release)
        r->release(r);
    json_object_put(r->document);
    PQclear(r->rows);
    request_pool_free(r);
    output_free(&r->output);
}

/* A body that nobody has read would be taken for the next request of the connection. */
static void body_drain(struct connection *c)
{
    char rest[4096];

    while (FCGX_GetStr(rest, sizeof rest, c->fcgi.in) == sizeof rest)
        ;
}

/* nginx has its answer: waits for the next request.  libfcgi writes nothing and finds nothing to write. */
static void request_over(struct request *r)
{
    struct connection *c = (struct connection *)r;
    bool broken = r->output.broken || FCGX_GetError(c->fcgi.in) != 0;

    FCGX_Free(&c->fcgi, broken || stopping || !c->fcgi.keepConnection);
    request_end(r);
    active--;
    if (c->fcgi.ipcFd >= 0)
        connection_wait(c, NULL);
    else
        connection_release(c);
}

/* The request has been answered and nothing of it is running. */
static void request_finish(struct request *r)
{
    struct connection *c = (struct connection *)r;

    count_answer(r->route ? (int)(r->route - served->routes) : -1, r->code ? r->code : CODE_OK, c->began);
    body_drain(c);
    output_end(r);
    if (output_send(r, request_over))
        request_over(r);
}

/* A request that is there to its end is taken by libfcgi without waiting. */
static void request_take(struct connection *c)
{
    event_del(&c->readable);
    if (FCGX_Accept_r(&c->fcgi) < 0) {
        connection_release(c);
        return;
    }
    c->fcgi.detached = 1;
    request_start(c);
}

static void connection_close(struct connection *c)
{
    event_del(&c->readable);
    FCGX_Free(&c->fcgi, 1);
    connection_release(c);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct connection *c = arg;
    enum arrival arrival = what & EV_TIMEOUT ? ARRIVAL_OVER : arrival_look(fd);

    if (arrival == ARRIVAL_WHOLE)
        request_take(c);
    else if (arrival == ARRIVAL_OVER)
        connection_close(c);
    else
        loop_add(&c->readable, &arrival_time);
}

/* Accepted here and not by libfcgi, which would wait for its first byte, and when closing for its last ("detached" says
 * that it need not). */
static void connection_accept(struct connection *c)
{
    int fd = accept4(0, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0) {
        connection_release(c);
        return;
    }
    c->fcgi.ipcFd = fd;
    c->fcgi.keepConnection = c->fcgi.detached = 1;
    connection_wait(c, &arrival_time);
}

static void on_listening(evutil_socket_t fd, short what, void *arg)
{
    struct connection *c = SLIST_FIRST(&unused);

    (void)fd, (void)what, (void)arg;
    if (!c) {
        event_del(listening); /* until a connection is released */
        return;
    }
    SLIST_REMOVE_HEAD(&unused, free);
    connection_accept(c);
}

/* Kept connections on which nginx has already sent a request are served, the others closed. */
static void connections_close(void)
{
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        struct connection *c = &connections[i];
        if (!event_initialized(&c->readable) || !event_pending(&c->readable, EV_READ, NULL))
            continue;
        struct timeval now = {0, 0};
        fd_set set;
        FD_ZERO(&set);
        FD_SET(c->fcgi.ipcFd, &set);
        if (select(c->fcgi.ipcFd + 1, &set, NULL, NULL, &now) > 0)
            continue;
        connection_close(c);
    }
}

void connection_open(struct event_base *base, const struct program *program)
{
    loop = base;
    served = program;
    if (FCGX_Init() != 0 || FCGX_IsCGI())
        log_fatal("descriptor 0 must be a listening socket: start me with spawn-fcgi(1)");
    fcntl(0, F_SETFL, fcntl(0, F_GETFL) | O_NONBLOCK);
    for (int i = CONNECTIONS_MAX - 1; i >= 0; i--) {
        FCGX_InitRequest(&connections[i].fcgi, -1, FCGI_FAIL_ACCEPT_ON_INTR); /* accepts nothing itself */
        SLIST_INSERT_HEAD(&unused, &connections[i], free);
    }
    listening = loop_event(loop, 0, EV_READ | EV_PERSIST, on_listening, NULL);
    loop_add(listening, NULL);
}

void connection_stop(void)
{
    stopping = true;
    event_del(listening);
    FCGX_ShutdownPending(); /* a kept connection that ends is not replaced by a new one */
    connections_close();
}

int connection_requests(void)
{
    return active;
}
