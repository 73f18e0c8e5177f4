/*
 * A job for PostgreSQL: up to JOB_STEPS prepared statements that go out as one pipeline, and what came back.
 *
 * Whoever wants something done fills in the steps, done() and owner, and gives it to db_run() (db.h), which calls the
 * functions below.
 */
#ifndef IM_JOB_H
#define IM_JOB_H

#include "must.h"
#include "statement.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <sys/queue.h>

enum { JOB_STEPS = 3, JOB_TRIES = 5 };

struct bulk;

struct step {
    const struct statement *statement;
    const char *const *values; /* text, NULL for null; live until done() */
    PGresult *result;          /* NULL when not reached; cleared after done(), */
    PGresult **keep;           /* unless somebody wants it for longer: it is given to him before */
};

struct job {
    struct step steps[JOB_STEPS];
    int count;                     /* steps in use */
    void (*done)(struct job *job); /* called once, never from within db_run() */
    void *owner;                   /* the caller's */
    struct bulk *bulk;             /* the twin of its first step's call, by which it may be done with others; or NULL */

    PGresult *failure; /* the first step's error that rolled the job back, else NULL */
    bool lost;         /* there is no outcome: PostgreSQL was away, or went away, or had no time in DB_WAIT_MS */
    bool sent;         /* if lost, it may have been done all the same; otherwise nothing has happened */
    bool alone;        /* it was among others and has to be done by itself */
    bool counted;      /* in bulk->running */
    int tries, reached;
    long deadline; /* in milliseconds: what has not been sent by then is not sent */
    STAILQ_ENTRY(job) waiting;
};

STAILQ_HEAD(job_queue, job);

/* Makes a filled-in job as good as new. */
void job_begin(struct job *job, long deadline);

/* Sends the steps; false when the connection is of no more use. */
MUST_USE bool job_send(struct job *job, PGconn *pg);

/* Takes one result.  Results come in step order. */
void job_take(struct job *job, PGresult *result);

/* True, and the job is ready to be sent again, after a rollback that says "try again": nothing has happened, and the
 * next try will most likely pass.  Up to JOB_TRIES tries. */
MUST_USE bool job_again(struct job *job);

/* How many are in the queue. */
int job_count(const struct job_queue *queue);

/* Calls done(), which may free or reuse the job, and clears the results that nobody keeps. */
void job_end(struct job *job);

#endif
