#include "program.h"
#include "base/abandon.h"
#include "base/config.h"
#include "base/count.h"
#include "base/db.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/password.h"
#include "base/push.h"
#include "burn.h"
#include "connection.h"
#include "output.h"
#include "serve.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

enum { STOP_SECONDS = 10 };

static struct event_base *loop;
static struct event *stop_term, *stop_usr1, *stop_deadline;
static bool stopping;

static const struct program *served;

static void stop_if_done(void)
{
    if (stopping && connection_requests() == 0 && db_busy() == 0 && push_busy() == 0)
        event_base_loopbreak(loop);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
    log_error("stopping with %d requests unanswered", connection_requests());
    event_base_loopbreak(loop);
}

static void on_stop(evutil_socket_t fd, short what, void *arg)
{
    struct timeval wait = {STOP_SECONDS, 0};

    (void)fd, (void)what, (void)arg;
    if (stopping)
        return;
    stopping = true;
    connection_stop();
    loop_add(stop_deadline, &wait);
}

/* Secrets are in the environment and in memory: no core file, no reading through /proc by others of our user. */
static void keep_secrets(void)
{
    struct rlimit none = {0, 0};

    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0);
}

static void counters_open(void)
{
    count_open(served->name);
    for (const struct route *route = served->routes; route->method; route++)
        count_add(route->method, route->path);
    count_start();
}

static void counters_set(void)
{
    count_set(COUNT_REQUESTS, connection_requests());
    count_set(COUNT_CONNECTIONS, db_connections());
    count_set(COUNT_WAITING, db_waiting());
    count_set(COUNT_EVENTS, push_busy());
    count_set(COUNT_BYTES, (int64_t)push_bytes());
}

struct event_base *program_loop(void)
{
    return loop;
}

int program_run(const struct program *program, int argc, char **argv)
{
    served = program;
    log_open(program->name);
    if (argc == 2 && strcmp(argv[1], "--calls") == 0)
        return serve_print(program);
    config_load();
    keep_secrets();
    signal(SIGPIPE, SIG_IGN);
    abandon_open();
    password_open();
    token_open();
    loop = loop_new();
    stop_term = loop_signal(loop, SIGTERM, on_stop, NULL);
    stop_usr1 = loop_signal(loop, SIGUSR1, on_stop, NULL);
    stop_deadline = loop_timer(loop, on_deadline, NULL);
    push_open(loop, PUSH_WAIT_MS);
    burn_open(loop);
    output_open(loop);
    serve_open(loop, served);
    counters_open();
    connection_open(loop, served);
    /* until here a signal simply ends the process: there is nothing to finish */
    if (event_add(stop_term, NULL) != 0 || event_add(stop_usr1, NULL) != 0)
        log_fatal("could not wait for signals");
    log_info("ready");
    do {
        event_base_loop(loop, EVLOOP_ONCE);
        counters_set();
        stop_if_done();
    } while (!event_base_got_break(loop));
    log_info("stopped");
    push_close();
    db_close();
    return EXIT_SUCCESS;
}
