#include "log.h"

#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *program_name = "im-chat";
static const char *request_id;
static bool as_json;

void log_open(const char *program)
{
    program_name = program;
}

void log_request(const char *id)
{
    request_id = id;
}

void log_format(const char *word)
{
    as_json = strcmp(word, "json") == 0;
}

static int line_plain(char *line, size_t size, const char *level, const char *text)
{
    return snprintf(line, size, "%s[%d] %s%s%s: %s\n", program_name, (int)getpid(), level, request_id ? " " : "",
                    request_id ? request_id : "", text);
}

/* The text is one line already. */
static int line_json(char *line, size_t size, const char *level, const char *text)
{
    struct timespec now;
    struct tm utc;
    char moment[32], quoted[2048], *to = quoted;

    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            *to++ = '\\';
        *to++ = *text;
    }
    *to = '\0';
    clock_gettime(CLOCK_REALTIME, &now);
    strftime(moment, sizeof moment, "%Y-%m-%dT%H:%M:%S+00:00", gmtime_r(&now.tv_sec, &utc));
    return snprintf(line, size, "{\"time\":\"%s\",\"msec\":%lld.%03ld,\"request\":\"%s\",\"program\":\"%s\",\"pid\":%d,\"level\":\"%s\",\"text\":\"%s\"}\n",
                    moment, (long long)now.tv_sec, now.tv_nsec / 1000000, request_id ? request_id : "", program_name, (int)getpid(), level,
                    quoted);
}

/* One write per line, so that lines of several processes on one pipe never mix. */
__attribute__((format(printf, 2, 0))) static void log_line(const char *level, const char *format, va_list ap)
{
    char text[1024], line[2560];

    vsnprintf(text, sizeof text, format, ap);
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < ' ')
            *c = ' ';
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
    int n = (as_json ? line_json : line_plain)(line, sizeof line, level, text);
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
