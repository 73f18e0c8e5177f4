#include "bulk.h"
#include "db.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BULK_AT_ONCE = 2, BULK_MAX = 64, EVENT_COLUMNS = 5, NTH = 4, COLUMNS_MAX = 40 };

/* Jobs that are done as one, whose job is the twin's. */
struct batch {
    struct job job;
    struct bulk *bulk;
    struct job *members[BULK_MAX];
    int count;
    char *text; /* all values, one behind the other */
    const char *values[DB_PARAMETERS];
};

static bool joins(const struct job *job)
{
    return job->bulk && !job->alone;
}

bool bulk_may_run(const struct job *job)
{
    return !joins(job) || job->bulk->running < BULK_AT_ONCE;
}

void bulk_begin(struct job *job)
{
    if (!joins(job) || job->counted)
        return;
    job->counted = true;
    job->bulk->running++;
}

void bulk_end(struct job *job)
{
    if (job->counted)
        job->bulk->running--;
    job->counted = false;
}

static void write_element(FILE *out, const char *value)
{
    if (!value) {
        fputs("NULL", out);
        return;
    }
    fputc('"', out);
    for (; *value; value++) {
        if (*value == '"' || *value == '\\')
            fputc('\\', out);
        fputc(*value, out);
    }
    fputc('"', out);
}

/* {"…","…"}, with its end. */
static void write_array(FILE *out, const struct batch *batch, int parameter)
{
    for (int i = 0; i < batch->count; i++) {
        fputc(i ? ',' : '{', out);
        write_element(out, batch->members[i]->steps[0].values[parameter]);
    }
    fputc('}', out);
    fputc('\0', out);
}

/* False without memory. */
static bool batch_bind(struct batch *batch)
{
    int parameters = batch->bulk->statement.parameters;
    size_t size;
    FILE *out = open_memstream(&batch->text, &size);

    if (!out)
        return false;
    for (int i = 0; i < parameters; i++)
        write_array(out, batch, i);
    bool whole = !ferror(out);
    if (fclose(out) != 0 || !whole)
        return false;
    const char *at = batch->text;
    for (int i = 0; i < parameters; i++, at += strlen(at) + 1)
        batch->values[i] = at;
    return true;
}

/* The call's own columns of a row, as the call would have answered them; NULL without memory. */
static PGresult *row_alone(const PGresult *rows, int row)
{
    PGresAttDesc columns[COLUMNS_MAX];
    int n = PQnfields(rows) - EVENT_COLUMNS;
    PGresult *alone = n <= COLUMNS_MAX ? PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK) : NULL;

    for (int i = 0, from = EVENT_COLUMNS; alone && i < n; i++, from++)
        columns[i] = (PGresAttDesc){PQfname(rows, from), PQftable(rows, from), PQftablecol(rows, from), 0,
                                    PQftype(rows, from), PQfsize(rows, from),  PQfmod(rows, from)};
    bool whole = alone && (n == 0 || PQsetResultAttrs(alone, n, columns));
    for (int i = 0, from = EVENT_COLUMNS; whole && i < n; i++, from++)
        whole = PQsetvalue(alone, 0, i, PQgetisnull(rows, row, from) ? NULL : PQgetvalue(rows, row, from),
                           PQgetisnull(rows, row, from) ? -1 : PQgetlength(rows, row, from));
    if (whole)
        return alone;
    PQclear(alone);
    return NULL;
}

/* What has its row is done. */
static void batch_answer(struct batch *batch, const PGresult *rows)
{
    for (int row = 0; row < PQntuples(rows); row++) {
        unsigned long nth = strtoul(PQgetvalue(rows, row, NTH), NULL, 10) - 1;
        struct job *member = nth < (unsigned long)batch->count ? batch->members[nth] : NULL;
        if (!member)
            continue;
        batch->members[nth] = NULL;
        member->steps[0].result = row_alone(rows, row);
        member->sent = true;
        member->lost = !member->steps[0].result;
        db_end(member);
    }
    if (PQntuples(rows) && !PQgetisnull(rows, 0, 1))
        batch->bulk->events(rows);
}

static void batch_done(struct job *job)
{
    struct batch *batch = job->owner;

    if (!job->lost && !job->failure)
        batch_answer(batch, job->steps[0].result);
    for (int i = 0; i < batch->count; i++) {
        struct job *member = batch->members[i];
        if (member && job->lost) {
            member->lost = true;
            member->sent = job->sent;
            db_end(member);
        } else if (member) {
            member->alone = true;
            db_again(member);
        }
    }
    free(batch->text);
    free(batch);
}

/* Takes those along that are for the same call. */
static void batch_fill(struct batch *batch, struct job_queue *queue)
{
    struct job *job = STAILQ_FIRST(queue), *next;

    for (; job && batch->count < BULK_MAX; job = next) {
        next = STAILQ_NEXT(job, waiting);
        if (!joins(job) || job->bulk != batch->bulk)
            continue;
        STAILQ_REMOVE(queue, job, job, waiting);
        batch->members[batch->count++] = job;
    }
}

struct job *bulk_gather(struct job *job, struct job_queue *queue)
{
    struct batch *batch = joins(job) ? calloc(1, sizeof *batch) : NULL;

    if (!batch)
        return job;
    batch->bulk = job->bulk;
    batch->members[batch->count++] = job;
    batch_fill(batch, queue);
    if (batch->count > 1 && batch_bind(batch)) {
        batch->job = (struct job){.steps = {{.statement = &batch->bulk->statement, .values = batch->values}},
                                  .count = 1,
                                  .done = batch_done,
                                  .owner = batch,
                                  .bulk = batch->bulk};
        return &batch->job;
    }
    for (int i = batch->count - 1; i > 0; i--) /* back to where they were */
        STAILQ_INSERT_HEAD(queue, batch->members[i], waiting);
    free(batch->text);
    free(batch);
    return job;
}
