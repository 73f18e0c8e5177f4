/*
 * Many requests for the same thing, done at once.
 *
 * A call may have a twin, api.<function>_many, that takes an array of each of its arguments and does in one statement, and
 * one transaction, as many of them as it can.  What is seldom it leaves out, and that, or all if the statement fails, is
 * then done by the call itself, one after the other: so a refusal is the call's and spoils no neighbour, and whatever
 * the twin does the call does as well.
 *
 * Nobody waits for others to come: a job that finds a free connection runs alone.  At most BULK_AT_ONCE statements of a
 * call and its twin run at a time, and what comes meanwhile waits and goes together.
 *
 * The twin answers refusal (null), txid, channels, body as api.leave() does, then nth, whose row it is, then the columns of
 * the call.  A row without a txid has told nobody; then none has.
 */
#ifndef IM_BULK_H
#define IM_BULK_H

#include "must.h"
#include "job.h"

struct bulk {
    struct statement statement;           /* the twin */
    void (*events)(const PGresult *rows); /* is given the twin's rows once all have their answers */
    int running;                          /* statements under way, of the call and of the twin */
};

/* Whether the job may run now. */
MUST_USE bool bulk_may_run(const struct job *job);

/* The job begins and ends to run. */
void bulk_begin(struct job *job);
void bulk_end(struct job *job);

/* The job, which has been taken from the queue, or one that stands for it and for others, taken too. */
struct job *bulk_gather(struct job *job, struct job_queue *queue);

#endif
