#include "task.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static STAILQ_HEAD(task_list, task) waiting = STAILQ_HEAD_INITIALIZER(waiting);
static int running;

static void task_start(struct event_base *loop, struct task *task);

static void task_end(struct event_base *loop, struct task *task)
{
    struct task *next = STAILQ_FIRST(&waiting);

    running--;
    if (next) {
        STAILQ_REMOVE_HEAD(&waiting, waiting);
        task_start(loop, next);
    }
    task->done(task);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct task *task = arg;
    struct event_base *loop = event_get_base(task->readable);

    task->told = !(what & EV_TIMEOUT) && parcel_receive(fd, task->result, task->size, task->descriptors);
    if (!task->told) {
        log_error("an upload's process %s", what & EV_TIMEOUT ? "took too long" : "ended too early");
        kill(task->process, SIGKILL);
    }
    while (waitpid(task->process, NULL, 0) < 0 && errno == EINTR)
        ;
    event_free(task->readable);
    close(fd);
    task_end(loop, task);
}

/* The least descriptor from that one on which the child keeps, or -1. */
static int next_kept(const struct task *task, int from)
{
    int next = task->socket >= from ? task->socket : -1;

    for (int i = 0; i < task->keeps; i++)
        if (task->keep[i] >= from && (next < 0 || task->keep[i] < next))
            next = task->keep[i];
    return next;
}

static void close_others(const struct task *task)
{
    int from = STDERR_FILENO + 1, kept;

    for (; (kept = next_kept(task, from)) >= 0; from = kept + 1)
        if (kept > from)
            close_range((unsigned)from, (unsigned)kept - 1, 0);
    close_range((unsigned)from, ~0U, 0);
}

/* What the child must not have: descriptor 0 is where the program is asked, others are connections to PostgreSQL. */
static void leave_program(struct task *task)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGUSR1, SIG_DFL);
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    close_others(task);
}

__attribute__((noreturn)) static void task_child(struct task *task, int socket)
{
    task->socket = socket;
    leave_program(task);
    task->work(task);
    _exit(0);
}

/* The child, and the event that says that it has told something or has ended; false, with nothing of it left. */
static bool task_fork(struct event_base *loop, struct task *task)
{
    struct timeval patience = {TASK_SECONDS, 0};
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return false;
    task->readable = event_new(loop, pair[0], EV_READ, on_readable, task);
    task->process = task->readable && event_add(task->readable, &patience) == 0 ? fork() : -1;
    if (task->process == 0)
        task_child(task, pair[1]);
    close(pair[1]);
    if (task->process > 0)
        return true;
    if (task->readable)
        event_free(task->readable);
    close(pair[0]);
    return false;
}

static void task_start(struct event_base *loop, struct task *task)
{
    task->told = false;
    memset(task->descriptors, -1, sizeof task->descriptors);
    running++;
    if (!task_fork(loop, task)) {
        log_error("could not begin a task: %s", strerror(errno));
        task_end(loop, task);
    }
}

void task_run(struct event_base *loop, struct task *task)
{
    if (running < TASKS_MAX)
        task_start(loop, task);
    else
        STAILQ_INSERT_TAIL(&waiting, task, waiting);
}
