/*
 * imdecoder: reads what strangers have uploaded with large libraries, as a process that has nothing to lose.  It knows
 * no secret and no database, makes no sockets, and is a user of its own where imctl is root.  See imdecoder(8).
 *
 * One job at a time, each in a child that is ended when it takes too long; how many run at once is how many processes
 * imctl starts.  Descriptor 0 is the listening socket, the first argument the folder in which it may write.
 */
#include "base/decode.h"
#include "base/log.h"
#include "base/parcel.h"
#include "confine.h"
#include "picture.h"
#include "recording.h"
#include "tool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { JOB_SECONDS = 40, INPUT_WAIT_SECONDS = 5 };

static volatile sig_atomic_t stopping;
static magic_t magic;

static void on_stop(int signal)
{
    (void)signal;
    stopping = 1;
}

/* libmagic's word, for bytes of which nothing else is asked. */
static void file_type(struct decoded *answer)
{
    confine_size();
    const char *type = magic_file(magic, TOOL_INPUT);
    snprintf(answer->mime, sizeof answer->mime, "%s", type ? type : "");
}

/* Its list is read once, before anything foreign is.  Of a file it looks at the beginning: four times as much, as it would by
 * itself, costs 20 ms. */
static void magic_begin(void)
{
    size_t bytes = 262144;

    magic = magic_open(MAGIC_MIME_TYPE | MAGIC_SYMLINK);
    if (!magic || magic_load(magic, NULL) != 0 || magic_setparam(magic, MAGIC_PARAM_BYTES_MAX, &bytes) != 0)
        log_fatal("could not load the list of libmagic: %s", magic ? magic_error(magic) : strerror(errno));
}

static void decode(const struct decode_request *request, struct decoded *answer, int descriptors[DECODE_PARTS])
{
    *answer = (struct decoded){.milliseconds = -1};
    memset(descriptors, -1, DECODE_PARTS * sizeof *descriptors);
    if (request->kind == DECODE_FILE)
        file_type(answer);
    else if (request->kind == DECODE_IMAGE)
        picture_decode(request, answer, descriptors);
    else
        recording_decode(request, answer, descriptors);
    for (int part = 0; answer->refusal && part < DECODE_PARTS; part++)
        answer->has[part] = false;
}

static int send_answer(int socket, const struct decoded *answer, const int descriptors[DECODE_PARTS])
{
    int sent[DECODE_PARTS], count = 0;

    for (int part = 0; part < DECODE_PARTS; part++)
        if (answer->has[part])
            sent[count++] = descriptors[part];
    return parcel_send(socket, answer, sizeof *answer, sent, count) ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* The child: the uploaded bytes become TOOL_INPUT_DESCRIPTOR, the socket moves out of the way; where others' files come in
 * is none of its business. */
static int job(int socket)
{
    struct decode_request request = {0};
    struct decoded answer;
    int came[PARCEL_DESCRIPTORS], made[DECODE_PARTS], away = fcntl(socket, F_DUPFD_CLOEXEC, 16);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0);
    close(socket);
    dup2(null, STDIN_FILENO);
    close(null);
    if (!parcel_receive(away, &request, sizeof request, came) || came[0] < 0)
        return EXIT_FAILURE;
    if (came[0] != TOOL_INPUT_DESCRIPTOR) {
        dup2(came[0], TOOL_INPUT_DESCRIPTOR);
        close(came[0]);
    }
    fcntl(TOOL_INPUT_DESCRIPTOR, F_SETFD, 0);
    confine();
    decode(&request, &answer, made);
    return send_answer(away, &answer, made);
}

/* Waits for the child, and ends it and whatever it has started when it takes too long. */
static void job_wait(pid_t child, const sigset_t *ended)
{
    struct timespec patience = {JOB_SECONDS, 0};
    int status = 0;

    while (waitpid(child, &status, WNOHANG) == 0) {
        if (sigtimedwait(ended, NULL, &patience) < 0 && errno == EAGAIN) {
            log_error("a file took too long");
            kill(child, SIGKILL);
        }
    }
    kill(-child, SIGKILL);
    if (WIFSIGNALED(status))
        log_error("a file's process ended by signal %d", WTERMSIG(status));
}

/* Whatever the job before has left in the folder. */
static void folder_clear(void)
{
    DIR *folder = opendir(".");

    for (struct dirent *entry; folder && (entry = readdir(folder));)
        unlink(entry->d_name);
    if (folder)
        closedir(folder);
}

static void serve(int socket, const sigset_t *ended)
{
    struct timeval wait = {INPUT_WAIT_SECONDS, 0};

    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    folder_clear();
    pid_t child = fork();
    if (child == 0)
        _exit(job(socket));
    close(socket);
    if (child > 0) {
        setpgid(child, child);
        job_wait(child, ended);
    }
    folder_clear();
}

/* What processes that are no more have left in the working folder. */
static void folders_forget(void)
{
    DIR *folder = opendir(".");

    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        pid_t process = (pid_t)strtol(entry->d_name, NULL, 10);
        if (process <= 0 || kill(process, 0) == 0 || errno != ESRCH || chdir(entry->d_name) != 0)
            continue;
        folder_clear();
        if (chdir("..") != 0)
            log_fatal("could not return from a folder: %s", strerror(errno));
        rmdir(entry->d_name);
    }
    if (folder)
        closedir(folder);
}

/* A folder of this process alone, in the one that is given. */
static void folder_open(const char *parent)
{
    char name[24];

    if (chdir(parent) != 0)
        log_fatal("could not enter %s: %s", parent, strerror(errno));
    folders_forget();
    snprintf(name, sizeof name, "%d", getpid());
    if ((mkdir(name, 0700) != 0 && errno != EEXIST) || chdir(name) != 0)
        log_fatal("could not make a folder in %s: %s", parent, strerror(errno));
}

/* Nothing of who starts us; imrecording is beside us; and that libraries do not read what only few have tried them with. */
static void environment_set(void)
{
    char self[4096], path[4200];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);

    self[length > 0 ? length : 0] = '\0';
    snprintf(path, sizeof path, "/usr/bin:/bin:%s", dirname(self));
    clearenv();
    setenv("PATH", path, 1);
    setenv("LC_ALL", "C.UTF-8", 1);
    setenv("HOME", "/nonexistent", 1);
    setenv("TMPDIR", ".", 1);
    setenv("VIPS_BLOCK_UNTRUSTED", "1", 1);
    setenv("VIPS_CONCURRENCY", "1", 1);
}

int main(int count, char **arguments)
{
    struct sigaction stop = {.sa_handler = on_stop};
    sigset_t ended;

    log_open("imdecoder");
    environment_set();
    magic_begin();
    folder_open(count > 1 ? arguments[1] : ".");
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGUSR1, &stop, NULL);
    sigemptyset(&ended);
    sigaddset(&ended, SIGCHLD);
    sigprocmask(SIG_BLOCK, &ended, NULL);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    log_info("ready");
    while (!stopping) {
        int socket = accept4(STDIN_FILENO, NULL, NULL, SOCK_CLOEXEC);
        if (socket >= 0)
            serve(socket, &ended);
    }
    log_info("stopped");
    return EXIT_SUCCESS;
}
