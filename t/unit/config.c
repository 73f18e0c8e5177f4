/*
 * The configuration file: lines of any length.
 */
#include "base/config.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tap.h"

int main(void)
{
    static char value[20001];
    char path[] = "/tmp/im.config.XXXXXX";
    int fd = mkstemp(path);
    FILE *file = fdopen(fd, "w");

    memset(value, 'x', sizeof value - 1);
    fprintf(file, "# what counts\nIM_TEST_LONG=%s\n\nIM_TEST_LAST=1", value);
    fclose(file);
    setenv("IM_CONF", path, 1);
    config_load();
    unlink(path);
    ok(strcmp(config_text("IM_TEST_LONG", ""), value) == 0, "a line of twenty thousand bytes is one");
    ok(config_number("IM_TEST_LAST", 0, 0, 9) == 1, "the last needs no end");
    ok(strcmp(config_text("IM_TEST_NONE", "-"), "-") == 0, "what is not there is what is usual");
    return done_testing();
}
