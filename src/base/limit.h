/*
 * How often an account may ask: so many times at once, and as they are used up so many again a minute.
 *
 * nginx limits addresses, which may be an office; who calls is known only here, once the token is verified, however
 * it was spelt and wherever it stood.  A limit counts by itself in each process.  It keeps only those who have asked
 * of late: who has everything left needs no place.
 */
#ifndef IM_LIMIT_H
#define IM_LIMIT_H

#include "must.h"

#include <stdbool.h>
#include <stdint.h>

enum { LIMIT_PLACES = 4096 };

struct limit {
    int burst;      /* at once */
    int per_minute; /* come back */
    struct {
        int64_t who;
        int64_t used_until; /* microseconds of the monotonic clock: when everything has come back */
    } places[LIMIT_PLACES];
};

/* Reads IM_RATE_LIMIT: when it is off, limit_take() is always true. */
void limit_open(void);

/* Takes one of what the account has left; false, and nothing taken, when that is nothing. */
MUST_USE bool limit_take(struct limit *limit, int64_t who);

#endif
