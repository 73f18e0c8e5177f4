#include "count.h"
#include "code.h"
#include "config.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

const long count_steps[COUNT_STEPS] = {1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000};

static struct count_file *counted; /* NULL: nothing is counted */
static struct count_process *own;
static struct count_file *wanted; /* until count_start(): its head and names */
static const char *program;

int64_t count_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

void count_open(const char *name)
{
    program = name;
    wanted = calloc(1, sizeof *wanted);
    if (!wanted)
        log_fatal("out of memory");
    snprintf(wanted->version, sizeof wanted->version, "%s", PACKAGE_VERSION);
}

void count_add(const char *method, const char *path)
{
    struct count_route *route = &wanted->route[wanted->routes];

    if (wanted->routes == COUNT_ROUTES)
        log_fatal("more than %d routes: raise COUNT_ROUTES", COUNT_ROUTES);
    wanted->routes++;
    snprintf(route->method, sizeof route->method, "%s", method);
    snprintf(route->path, sizeof route->path, "%s", path);
}

/* Of these routes, this version and this size. */
static bool file_fits(int fd)
{
    static struct count_file file;
    bool fits = pread(fd, &file, sizeof file, 0) == (ssize_t)sizeof file && file.routes == wanted->routes &&
                memcmp(file.version, wanted->version, sizeof file.version) == 0;

    for (uint32_t i = 0; fits && i < wanted->routes; i++)
        fits = strncmp(file.route[i].method, wanted->route[i].method, sizeof file.route[i].method) == 0 &&
               strncmp(file.route[i].path, wanted->route[i].path, sizeof file.route[i].path) == 0;
    return fits;
}

/* The file, locked.  One that does not fit goes: who still counts in it has other routes.  -1 when it cannot be had. */
static int file_take(const char *path)
{
    struct stat here, there;

    for (;;) {
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0 || flock(fd, LOCK_EX) != 0 || fstat(fd, &here) != 0)
            return fd < 0 ? -1 : (close(fd), -1);
        bool current = stat(path, &there) == 0 && here.st_ino == there.st_ino;
        if (current && here.st_size == 0 && write(fd, wanted, sizeof *wanted) != (ssize_t)sizeof *wanted)
            return close(fd), -1;
        if (current && file_fits(fd))
            return fd;
        if (current)
            unlink(path);
        close(fd);
    }
}

/* A place whose process is no more is free. */
static struct count_process *place_take(void)
{
    for (int i = 0; i < COUNT_PROCESSES; i++) {
        struct count_process *p = &counted->processes[i];
        int pid = p->pid;
        if (pid > 0 && (kill(pid, 0) == 0 || errno != ESRCH) && pid != getpid())
            continue;
        if (!atomic_compare_exchange_strong(&p->pid, &pid, getpid()))
            continue;
        for (int g = 0; g < COUNT_GAUGES; g++)
            p->gauges[g] = 0;
        return p;
    }
    return NULL;
}

void count_start(void)
{
    const char *folder = config_text("IM_COUNTERS", "");
    char path[512];
    int fd = -1;

    if (*folder && snprintf(path, sizeof path, "%s/%s.count", folder, program) < (int)sizeof path && (fd = file_take(path)) >= 0) {
        void *mapped = mmap(NULL, sizeof *counted, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        counted = mapped == MAP_FAILED ? NULL : mapped;
        flock(fd, LOCK_UN); /* what is mapped would keep it, closed or not */
        close(fd);
    }
    if (*folder && !counted)
        log_error("could not map %s/%s.count, nothing is counted: %s", folder, program, strerror(errno));
    own = counted ? place_take() : NULL;
    free(wanted);
    wanted = NULL;
}

void count_answer(int route, int code, int64_t since)
{
    if (!counted)
        return;
    struct count_route *r = &counted->route[route < 0 ? (int)counted->routes : route];
    enum count_outcome outcome = code == CODE_OK ? COUNT_DONE : code == CODE_INTERNAL ? COUNT_FAILED : COUNT_REFUSED;
    int64_t took = count_now() - since;
    int step = 0;

    while (step < COUNT_STEPS && took > count_steps[step])
        step++;
    atomic_fetch_add_explicit(&r->codes[code_place(code)], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&r->steps[outcome][step], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&r->microseconds[outcome], (uint64_t)took, memory_order_relaxed);
}

void count_set(enum count_gauge gauge, int64_t value)
{
    if (own)
        atomic_store_explicit(&own->gauges[gauge], value, memory_order_relaxed);
}

bool count_read(const char *folder, const char *name, struct count_file *file)
{
    char path[512];
    int fd = -1;

    if (snprintf(path, sizeof path, "%s/%s.count", folder, name) < (int)sizeof path)
        fd = open(path, O_RDONLY | O_CLOEXEC);
    bool whole = fd >= 0 && read(fd, file, sizeof *file) == (ssize_t)sizeof *file && file->routes <= COUNT_ROUTES;
    if (fd >= 0)
        close(fd);
    return whole;
}

int64_t count_sum(const struct count_file *file, enum count_gauge gauge)
{
    int64_t sum = 0;

    for (int i = 0; i < COUNT_PROCESSES; i++) {
        int pid = file->processes[i].pid;
        if (pid > 0 && (kill(pid, 0) == 0 || errno != ESRCH))
            sum += file->processes[i].gauges[gauge];
    }
    return sum;
}
