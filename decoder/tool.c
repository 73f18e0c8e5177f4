#include "tool.h"
#include "confine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void tool_become(const char *const argv[], int out)
{
    int null = open("/dev/null", O_RDWR);

    dup2(null, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(null, STDERR_FILENO); /* what it complains about is a stranger's text */
    close_range(TOOL_INPUT_DESCRIPTOR + 1, ~0U, 0);
    confine_size();
    execvp(argv[0], (char *const *)argv);
    _exit(127);
}

/* All that it prints; what does not fit is read and dropped, so that it can go on. */
static void read_out(int from, char *out, size_t size)
{
    char rest[4096];
    size_t length = 0;
    ssize_t n;

    for (;;) {
        bool room = length + 1 < size;
        n = room ? read(from, out + length, size - length - 1) : read(from, rest, sizeof rest);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        length += room ? (size_t)n : 0;
    }
    if (size)
        out[length] = '\0';
}

bool tool_run(const char *const argv[], char *out, size_t size)
{
    int pair[2], status = -1;

    if (pipe2(pair, O_CLOEXEC) != 0)
        return false;
    pid_t process = fork();
    if (process == 0)
        tool_become(argv, pair[1]);
    close(pair[1]);
    read_out(pair[0], out, size);
    close(pair[0]);
    while (process > 0 && waitpid(process, &status, 0) < 0 && errno == EINTR)
        ;
    return status == 0;
}

bool tool_value(const char *out, const char *name, char *value, size_t size)
{
    size_t n = strlen(name);

    for (const char *line = out; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        if (strncmp(line, name, n) != 0 || (line[n] != '=' && line[n] != ':'))
            continue;
        const char *from = line + n + 1 + strspn(line + n + 1, " \"");
        snprintf(value, size, "%.*s", (int)strcspn(from, "\"\n"), from);
        return true;
    }
    return false;
}
