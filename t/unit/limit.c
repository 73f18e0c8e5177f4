/*
 * limit_take(): so many at once, as many again as time gives back, each account for itself, however many there are.
 */
#include "base/limit.h"
#include "base/password.h"

#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include "tap.h"

static struct limit slow = {.burst = 30, .per_minute = 30}, quick = {.burst = 20, .per_minute = 60000},
                    crowded = {.burst = 3, .per_minute = 1};

static int taken(struct limit *limit, int64_t who, int tries)
{
    int count = 0;

    while (tries--)
        count += limit_take(limit, who);
    return count;
}

static void wait_milliseconds(long milliseconds)
{
    struct timespec pause = {milliseconds / 1000, milliseconds % 1000 * 1000000};

    nanosleep(&pause, NULL);
}

/* As many as there are places ask at once: whoever finds none beside theirs takes the place of one of them. */
static void check_crowd(void)
{
    int64_t first = 10001, most = 0, total = 0;

    for (int64_t who = first; who < first + LIMIT_PLACES / 2; who++) {
        int count = taken(&crowded, who, 5);
        most = count > most ? count : most;
        total += count;
    }
    ok(most == 3, "none of %d accounts gets more than its own", LIMIT_PLACES / 2);
    ok(total == 3 * LIMIT_PLACES / 2, "nor less");
    ok(taken(&crowded, first + LIMIT_PLACES / 2 - 1, 5) == 0, "the last is remembered");
    for (int64_t who = 1000000; who < 1000000 + 10 * LIMIT_PLACES; who++)
        taken(&crowded, who, 1);
    ok(taken(&crowded, 5, 5) == 3, "ten times as many are no harm to the next");
}

int main(void)
{
    password_open(); /* libgcrypt */
    unsetenv("IM_RATE_LIMIT");
    limit_open();
    ok(taken(&slow, 10001, 100) == 30, "thirty at once, not more");
    ok(taken(&slow, 10001, 1) == 0, "what was refused does not count");
    ok(taken(&slow, 10002, 100) == 30, "another account has its own");
    ok(taken(&quick, 10001, 20) == 20, "another limit too");
    wait_milliseconds(50);
    ok(taken(&quick, 10001, 20) == 20, "time gives back");
    wait_milliseconds(200);
    int after = taken(&quick, 10001, 10000);
    ok(after >= 20 && after < 1000, "but not more than there was");
    check_crowd();
    setenv("IM_RATE_LIMIT", "off", 1);
    limit_open();
    ok(taken(&slow, 10001, 100) == 100, "off is off");
    return done_testing();
}
