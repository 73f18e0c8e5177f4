/*
 * count.h: what is counted can be read, outlives the process, and is counted anew for other routes; what it costs.
 */
#include "base/count.h"
#include "base/code.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

static char folder[] = "/tmp/im.count.XXXXXX";
static struct count_file file;

static void start(const char *second)
{
    count_open("story");
    count_add("GET", "/first");
    count_add("POST", second);
    count_start();
}

/* In a process of its own, as a program does it. */
static void in_child(const char *second, int answers)
{
    int status = 1;
    pid_t child = fork();

    if (child > 0) {
        waitpid(child, &status, 0);
        ok(status == 0, "a process shows what it has in hand, and no other");
        return;
    }
    alarm(5);
    start(second);
    for (int i = 0; i < answers; i++)
        count_answer(1, CODE_OK, count_now() - 3000);
    count_answer(-1, CODE_NOT_FOUND, count_now());
    count_set(COUNT_WAITING, 5);
    _exit(!count_read(folder, "story", &file) || count_sum(&file, COUNT_WAITING) != 5);
}

/* A program has several processes. */
static void beside_another(void)
{
    int told[2];
    char begun;
    pid_t first = pipe(told) == 0 ? fork() : -1;

    if (first == 0) {
        start("/other");
        if (write(told[1], "x", 1) == 1)
            pause();
        _exit(1);
    }
    ok(first > 0 && read(told[0], &begun, 1) == 1, "a process counts");
    in_child("/other", 3);
    kill(first, SIGKILL);
    waitpid(first, NULL, 0);
}

static unsigned long long read_code(int route, int code)
{
    return count_read(folder, "story", &file) ? file.route[route].codes[code_place(code)] : 0;
}

static double cpu(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Two looks at the clock and what comes between, as for each request. */
static void measure(void)
{
    enum { TIMES = 1000000 };

    count_open("cost");
    count_add("GET", "/");
    count_start();
    double before = cpu();
    for (int i = 0; i < TIMES; i++) {
        int64_t since = count_now();
        count_answer(0, CODE_OK, since);
        for (int g = 0; g < COUNT_GAUGES; g++)
            count_set((enum count_gauge)g, i);
    }
    double each = (cpu() - before) * 1e9 / TIMES;
    ok(each < 3000, "counting a request costs %.0f ns", each);
}

int main(void)
{
    struct stat before, after;
    char path[64];

    if (!mkdtemp(folder))
        return 1;
    setenv("IM_COUNTERS", folder, 1);
    snprintf(path, sizeof path, "%s/story.count", folder);
    ok(!count_read(folder, "story", &file), "a program that has never run has counted nothing");
    in_child("/second", 3);
    ok(read_code(1, CODE_OK) == 3 && read_code(0, CODE_OK) == 0, "answers are counted by route and code");
    ok(read_code(2, CODE_NOT_FOUND) == 1, "those of no route behind all routes");
    ok(file.route[1].steps[COUNT_DONE][2] == 3 && file.route[1].microseconds[COUNT_DONE] >= 9000, "and by how long they took");
    stat(path, &before);
    in_child("/second", 4);
    ok(read_code(1, CODE_OK) == 7, "the next process counts on");
    ok(file.processes[1].pid == 0, "in the place of the one that is no more");
    stat(path, &after);
    ok(before.st_size == after.st_size && before.st_ino == after.st_ino, "in the same file, which has not grown");
    in_child("/other", 1);
    ok(read_code(1, CODE_OK) == 1 && strcmp(file.route[1].path, "/other") == 0, "of other routes it begins anew");
    ok(truncate(path, 100) == 0 && !count_read(folder, "story", &file), "half a file is none");
    in_child("/other", 2);
    ok(read_code(1, CODE_OK) == 2, "and is made anew");
    beside_another();
    ok(read_code(1, CODE_OK) == 5, "and another beside it in the same file");
    measure();
    unlink(path);
    snprintf(path, sizeof path, "%s/cost.count", folder);
    unlink(path);
    rmdir(folder);
    return done_testing();
}
