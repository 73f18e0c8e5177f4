#include "job.h"

#include <string.h>

void job_begin(struct job *job, long deadline)
{
    job->lost = job->sent = job->alone = job->counted = false;
    job->tries = job->reached = 0;
    job->deadline = deadline;
    job->failure = NULL;
    for (int i = 0; i < job->count; i++)
        job->steps[i].result = NULL;
}

bool job_send(struct job *job, PGconn *pg)
{
    job->sent = true;
    for (int i = 0; i < job->count; i++) {
        const struct step *s = &job->steps[i];
        if (!PQsendQueryPrepared(pg, s->statement->name, s->statement->parameters, s->values, NULL, NULL, 0))
            return false;
    }
    return PQpipelineSync(pg) == 1;
}

void job_take(struct job *job, PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);

    if (status == PGRES_TUPLES_OK && job->reached < job->count) {
        job->steps[job->reached++].result = result;
        return;
    }
    if (status == PGRES_FATAL_ERROR && !job->failure) {
        job->failure = result;
        return;
    }
    PQclear(result); /* PGRES_PIPELINE_ABORTED: a step after the failed one */
}

bool job_again(struct job *job)
{
    const char *state = job->failure ? PQresultErrorField(job->failure, PG_DIAG_SQLSTATE) : NULL;

    if (!state || (strcmp(state, "40P01") != 0 && strcmp(state, "40001") != 0) || ++job->tries >= JOB_TRIES)
        return false;
    for (int i = 0; i < job->count; i++) {
        PQclear(job->steps[i].result);
        job->steps[i].result = NULL;
    }
    PQclear(job->failure);
    job->failure = NULL;
    job->reached = 0;
    return true;
}

int job_count(const struct job_queue *queue)
{
    const struct job *job;
    int count = 0;

    STAILQ_FOREACH(job, queue, waiting)
        count++;
    return count;
}

void job_end(struct job *job)
{
    PGresult *failure = job->failure, *results[JOB_STEPS];
    int count = job->count;

    for (int i = 0; i < count; i++) {
        results[i] = job->steps[i].result;
        if (!job->steps[i].keep)
            continue;
        *job->steps[i].keep = results[i];
        results[i] = NULL;
    }
    job->done(job);
    for (int i = 0; i < count; i++)
        PQclear(results[i]);
    PQclear(failure);
}
