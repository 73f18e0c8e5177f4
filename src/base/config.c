#include "config.h"
#include "log.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool config_line(char *line)
{
    char *value = strchr(line, '=');

    if (line[strspn(line, " \t")] == '\0' || line[0] == '#')
        return true;
    if (!value || value == line)
        return false;
    *value++ = '\0';
    return setenv(line, value, 0) == 0;
}

void config_load(void)
{
    const char *path = getenv("IM_CONF");
    char *line = NULL;
    size_t size = 0;
    int number = 0;

    log_format(config_text("IM_LOG", "plain"));
    if (!path || !*path)
        return;
    FILE *file = fopen(path, "r");
    if (!file)
        log_fatal("could not read configuration %s: %s", path, strerror(errno));
    while (getline(&line, &size, file) >= 0) {
        number++;
        line[strcspn(line, "\r\n")] = '\0';
        if (!config_line(line))
            log_fatal("%s line %d is not KEY=value", path, number);
    }
    free(line);
    fclose(file);
    log_format(config_text("IM_LOG", "plain"));
}

const char *config_text(const char *key, const char *fallback)
{
    const char *value = getenv(key);

    return value && *value ? value : fallback;
}

long config_number(const char *key, long fallback, long min, long max)
{
    const char *text = config_text(key, NULL);
    char *end;

    if (!text)
        return fallback;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno || end == text || *end || value < min || value > max)
        log_fatal("%s must be a number from %ld to %ld", key, min, max);
    return value;
}

const char *config_required(const char *key)
{
    const char *value = config_text(key, NULL);

    if (!value)
        log_fatal("%s is not set (see im-chat.conf(5))", key);
    return value;
}

void config_fault(const char *point)
{
    static const char *fault = NULL;

    if (!fault)
        fault = config_text("IM_FAULT", "");
    if (*fault && strcmp(fault, point) == 0)
        raise(SIGKILL);
}
