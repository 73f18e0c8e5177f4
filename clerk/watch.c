#include "watch.h"
#include "base/config.h"
#include "base/http.h"
#include "base/log.h"
#include "base/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A look holds so many connections and asks on one more.  Looks in a row that fail end the instance: soon when it closes
 * them, which is for want of connections, late when it only does not answer in time, for a busy machine makes it slow, and
 * whoever had to connect again would make it slower.  When it does not end, it is killed. */
enum { HELD = 32, REFUSED = 5, SLOW = 1, FAILED_MAX = 15, TIMEOUT_MS = 2000 };

static const struct timeval period = {1, 0};
static struct event *tick;
static void probe_done(CURLcode result, long status);

static struct http probe = {.done = probe_done};
static char path[sizeof((struct sockaddr_un *)NULL)->sun_path], url[300];
static long memory_max;
static int failed, held[HELD];

/* One more connection of those held, or -1. */
static int hold(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    memcpy(address.sun_path, path, sizeof address.sun_path);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* The master: who listens.  0 when nobody does, which is the supervisor's to mend. */
static pid_t master(void)
{
    struct ucred peer = {0};
    socklen_t size = sizeof peer;

    if (held[0] < 0 || getsockopt(held[0], SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return 0;
    return peer.pid;
}

/* Lets go of what is held; true when nginx had closed none of it, as it does when connections run short. */
static bool release(void)
{
    bool whole = true;
    char byte;

    for (int i = 0; i < HELD; i++) {
        if (held[i] < 0 || recv(held[i], &byte, 1, MSG_DONTWAIT) >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
            whole = false;
        if (held[i] >= 0)
            close(held[i]);
    }
    return whole;
}

/* The greatest resident memory of its workers, in MiB; 0 when it cannot be seen. */
static long memory(pid_t pid)
{
    char name[64];
    long worker, pages, most = 0;
    FILE *children, *statm;

    snprintf(name, sizeof name, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    children = fopen(name, "re");
    while (children && fscanf(children, "%ld", &worker) == 1) {
        snprintf(name, sizeof name, "/proc/%ld/statm", worker);
        statm = fopen(name, "re");
        if (statm && fscanf(statm, "%*d %ld", &pages) == 1 && pages > most)
            most = pages;
        if (statm)
            fclose(statm);
    }
    if (children)
        fclose(children);
    return most * (sysconf(_SC_PAGESIZE) / 1024) / 1024;
}

static void end(pid_t pid, int how, const char *why)
{
    log_error("ending the push instance %d: %s", (int)pid, why);
    if (kill(pid, how) != 0)
        log_error("could not end the push instance %d", (int)pid);
}

/* Another look that failed, so heavily. */
static void fail(pid_t pid, int weight)
{
    static pid_t told;

    failed += weight;
    if (failed < FAILED_MAX)
        return;
    end(pid, pid == told ? SIGKILL : SIGTERM, weight == SLOW ? "it does not answer" : "it has no connections left");
    told = pid;
    failed = 0;
}

static void probe_done(CURLcode result, long status)
{
    pid_t pid = master();
    bool whole = release();

    if (!pid || (whole && result == CURLE_OK && status == 200))
        failed = 0;
    else
        fail(pid, whole && result == CURLE_OPERATION_TIMEDOUT ? SLOW : REFUSED);
    if (pid && memory(pid) > memory_max)
        end(pid, SIGTERM, "it holds too much memory");
    loop_add(tick, &period);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
    for (int i = 0; i < HELD; i++)
        held[i] = hold();
    http_start(&probe);
}

static size_t ignore(char *data, size_t size, size_t n, void *arg)
{
    (void)data, (void)arg;
    return size * n;
}

void watch_open(struct event_base *base)
{
    const char *address = config_text("IM_PUSH_EVENTS", config_required("IM_PUBLISHER"));
    char prefix[256];

    memory_max = config_number("IM_PUSH_MEMORY", 1024, 64, 1048576);
    if (strncmp(address, "unix:", 5) != 0 || strlen(address + 5) >= sizeof path)
        return;
    snprintf(path, sizeof path, "%s", address + 5);
    http_prepare(&probe, address, prefix, sizeof prefix);
    snprintf(url, sizeof url, "%s/status", prefix);
    curl_easy_setopt(probe.easy, CURLOPT_URL, url);
    curl_easy_setopt(probe.easy, CURLOPT_WRITEFUNCTION, ignore);
    curl_easy_setopt(probe.easy, CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS);
    curl_easy_setopt(probe.easy, CURLOPT_FRESH_CONNECT, 1L); /* what is open already says nothing */
    curl_easy_setopt(probe.easy, CURLOPT_FORBID_REUSE, 1L);
    tick = loop_timer(base, on_tick, NULL);
    loop_add(tick, &period);
}

void watch_close(void)
{
    if (probe.easy)
        http_close(&probe);
}
