#include "limit.h"
#include "config.h"

#include <gcrypt.h>
#include <string.h>
#include <time.h>

enum { NEIGHBOURS = 8, MINUTE = 60000000 };

static bool off;
static uint64_t seed; /* nobody can choose an account whose place is another's */

void limit_open(void)
{
    off = strcmp(config_text("IM_RATE_LIMIT", "on"), "off") == 0;
    gcry_create_nonce(&seed, sizeof seed);
}

static int64_t now_microseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

/* The account's own place, else that of whoever has been quiet longest: with everything left, if there is one. */
static int place_of(const struct limit *limit, int64_t who)
{
    uint64_t mixed = ((uint64_t)who ^ seed) * UINT64_C(0x9e3779b97f4a7c15);
    int first = (int)(mixed >> 40) % LIMIT_PLACES, best = first;

    for (int i = 0; i < NEIGHBOURS; i++) {
        int place = (first + i) % LIMIT_PLACES;
        if (limit->places[place].who == who)
            return place;
        if (limit->places[place].used_until < limit->places[best].used_until)
            best = place;
    }
    return best;
}

bool limit_take(struct limit *limit, int64_t who)
{
    int place = place_of(limit, who);
    int64_t now = now_microseconds(), one = MINUTE / limit->per_minute;
    int64_t used_until = limit->places[place].who == who ? limit->places[place].used_until : 0;

    used_until = (used_until > now ? used_until : now) + one;
    if (off)
        return true;
    if (used_until > now + limit->burst * one)
        return false;
    limit->places[place].who = who;
    limit->places[place].used_until = used_until;
    return true;
}
