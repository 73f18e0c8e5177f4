#include "log.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *program_name = "im-chat";
static const char *request_id;

void log_open(const char *program)
{
    program_name = program;
}

void log_request(const char *id)
{
    request_id = id;
}

/* One write per line, so that lines of several processes on one pipe never mix. */
__attribute__((format(printf, 2, 0))) static void log_line(const char *level, const char *format, va_list ap)
{
    char text[1024], line[1280];

    vsnprintf(text, sizeof text, format, ap);
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < ' ')
            *c = ' ';
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
    int n = snprintf(line, sizeof line, "%s[%d] %s%s%s: %s\n", program_name, (int)getpid(), level, request_id ? " " : "",
                     request_id ? request_id : "", text);
    if (n >= (int)sizeof line)
        n = sizeof line - 1;
    if (poll(&out, 1, 0) != 1 || write(STDERR_FILENO, line, (size_t)n) < 0)
        return;
}

void log_info(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    log_line("info", format, ap);
    va_end(ap);
}

void log_error(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    log_line("error", format, ap);
    va_end(ap);
}

void log_fatal(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    log_line("fatal", format, ap);
    va_end(ap);
    exit(EXIT_FAILURE);
}
