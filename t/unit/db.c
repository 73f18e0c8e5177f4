/*
 * Jobs and connections, with a PostgreSQL that does what it is told: these functions stand in the place of libpq's.
 */
#include "base/db.h"
#include "base/log.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

enum { CONNECTIONS = 2, RESULTS = 64 };

static struct event_base *loop;

/* --- time, of which some can be left out --- */

static long skipped;

int clock_gettime(clockid_t clock, struct timespec *now)
{
    long failed = syscall(SYS_clock_gettime, clock, now);

    now->tv_sec += skipped;
    return (int)failed;
}

/* --- PostgreSQL --- */

struct pg_conn {
    int ours, theirs;       /* a socket is readable when there is something to read */
    int results[RESULTS];   /* status of each, -1: the null between */
    int first, count, sent; /* statements that wait for their results */
    bool broken;
};

static bool away, unprepared, unsent;
static PGconn *open_ones[8];
static int open_count;

static PGconn *connect_one(void)
{
    PGconn *pg = calloc(1, sizeof *pg);
    int ends[2];

    if (!pg || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        exit(1);
    pg->ours = ends[0];
    pg->theirs = ends[1];
    pg->broken = away;
    for (open_count = 0; open_count < 7 && open_ones[open_count]; open_count++)
        ;
    open_ones[open_count] = pg;
    return pg;
}

static void result_add(PGconn *pg, int status)
{
    pg->results[(pg->first + pg->count++) % RESULTS] = status;
    if (write(pg->theirs, "x", 1) != 1)
        exit(1);
}

PGconn *PQconnectdb(const char *conninfo)
{
    (void)conninfo;
    return connect_one();
}
PGconn *PQconnectStart(const char *conninfo)
{
    (void)conninfo;
    return connect_one();
}
PostgresPollingStatusType PQconnectPoll(PGconn *pg)
{
    return pg->broken ? PGRES_POLLING_FAILED : PGRES_POLLING_OK;
}
ConnStatusType PQstatus(const PGconn *pg)
{
    return pg->broken ? CONNECTION_BAD : CONNECTION_OK;
}
int PQsocket(const PGconn *pg)
{
    return pg->ours;
}
char *PQerrorMessage(const PGconn *pg)
{
    (void)pg;
    static char text[] = "it is gone";
    return text;
}
int PQsetnonblocking(PGconn *pg, int on)
{
    (void)pg;
    return on - 1;
}
int PQenterPipelineMode(PGconn *pg)
{
    (void)pg;
    return 1;
}
int PQflush(PGconn *pg)
{
    (void)pg;
    return 0;
}
PQnoticeReceiver PQsetNoticeReceiver(PGconn *pg, PQnoticeReceiver receiver, void *arg)
{
    (void)pg, (void)arg;
    return receiver;
}

void PQfinish(PGconn *pg)
{
    if (!pg)
        return;
    for (int i = 0; i < 8; i++)
        if (open_ones[i] == pg)
            open_ones[i] = NULL;
    close(pg->ours);
    close(pg->theirs);
    free(pg);
}

void statement_prepare(PGconn *pg, struct statement **statements, int count)
{
    (void)pg, (void)statements, (void)count;
}

int PQsendPrepare(PGconn *pg, const char *name, const char *sql, int n, const Oid *types)
{
    (void)name, (void)sql, (void)n, (void)types;
    result_add(pg, unprepared ? PGRES_FATAL_ERROR : PGRES_COMMAND_OK);
    result_add(pg, -1);
    return 1;
}

int PQsendQueryPrepared(PGconn *pg, const char *name, int n, const char *const *values, const int *lengths, const int *formats,
                        int format)
{
    (void)name, (void)n, (void)values, (void)lengths, (void)formats, (void)format;
    pg->sent++;
    return !unsent;
}

int PQpipelineSync(PGconn *pg)
{
    if (pg->sent == 0)
        result_add(pg, PGRES_PIPELINE_SYNC);
    return 1;
}

int PQconsumeInput(PGconn *pg)
{
    char bytes[RESULTS];

    return read(pg->ours, bytes, sizeof bytes) > 0 && !pg->broken;
}

int PQisBusy(PGconn *pg)
{
    return pg->count == 0;
}

PGresult *PQgetResult(PGconn *pg)
{
    int status = pg->results[pg->first];

    pg->first = (pg->first + 1) % RESULTS;
    pg->count--;
    return status < 0 ? NULL : PQmakeEmptyPGresult(NULL, (ExecStatusType)status);
}

/* Whoever has been sent something answers; how many there were. */
static int answer_all(int status)
{
    int answered = 0;

    for (int i = 0; i < 8; i++) {
        PGconn *pg = open_ones[i];
        if (!pg || !pg->sent)
            continue;
        for (answered++; pg->sent; pg->sent--) {
            result_add(pg, status);
            result_add(pg, -1);
        }
        result_add(pg, PGRES_PIPELINE_SYNC);
    }
    return answered;
}

/* Every connection breaks. */
static void break_all(void)
{
    for (int i = 0; i < 8; i++)
        if (open_ones[i]) {
            open_ones[i]->broken = true;
            if (write(open_ones[i]->theirs, "x", 1) != 1)
                exit(1);
        }
}

/* --- jobs --- */

static struct statement statement = {.sql = "select"};
static struct job jobs[8];
static int done[8], done_count;
static bool within; /* db_run() */

static void on_done(struct job *job)
{
    ok(!within, "done() comes from the loop");
    done[done_count++] = (int)(job - jobs);
}

static void run(int i)
{
    jobs[i] = (struct job){.steps = {{.statement = &statement}}, .count = 1, .done = on_done};
    within = true;
    db_run(&jobs[i]);
    within = false;
}

static void spin(void)
{
    for (int i = 0; i < 20; i++)
        event_base_loop(loop, EVLOOP_NONBLOCK);
}

/* Runs until so many are done, for 5 s of the clock's at most. */
static void until_done(int count)
{
    for (int i = 0; i < 500 && done_count < count; i++) {
        event_base_loopexit(loop, &(struct timeval){0, 10000});
        event_base_dispatch(loop);
    }
}

/* As long as it takes to connect again. */
static void pause_a_bit(void)
{
    event_base_loopexit(loop, &(struct timeval){0, 600000});
    event_base_dispatch(loop);
}

static void check_running(void)
{
    done_count = 0;
    run(0), run(1), run(2);
    spin();
    ok(done_count == 0 && db_busy() == 3, "two run and one waits");
    ok(answer_all(PGRES_TUPLES_OK) == 2, "each connection has one");
    spin();
    ok(done_count == 2 && !jobs[0].lost && jobs[0].sent && jobs[0].steps[0].result, "they are done when PostgreSQL has answered");
    ok(answer_all(PGRES_TUPLES_OK) == 1, "then the third is sent");
    spin();
    ok(done_count == 3 && done[2] == 2 && db_busy() == 0, "and done");
    run(3);
    answer_all(PGRES_FATAL_ERROR);
    spin();
    ok(done_count == 4 && jobs[3].failure && !jobs[3].lost, "an error is no loss");
}

static void check_waiting(void)
{
    done_count = 0;
    run(0), run(1), run(2);
    skipped += DB_WAIT_MS / 1000 + 1;
    until_done(1);
    ok(done_count == 1 && done[0] == 2 && jobs[2].lost && !jobs[2].sent, "what has waited too long is refused, and was never sent");
    answer_all(PGRES_TUPLES_OK);
    spin();
    ok(done_count == 3 && !jobs[0].lost, "what was sent is waited for");
}

static void check_losing(void)
{
    done_count = 0;
    run(0), run(1), run(2);
    break_all();
    until_done(3);
    ok(done_count == 3 && jobs[0].lost && jobs[0].sent && jobs[2].lost && !jobs[2].sent,
       "with the connections all is lost: of what was sent the outcome is unknown, the rest was not sent");
    pause_a_bit();
    unsent = true;
    run(3);
    ok(done_count == 3, "what cannot even be sent is not told at once");
    until_done(4);
    ok(done_count == 4 && jobs[3].lost, "but from the loop");
    unsent = false;
}

static void check_away(void)
{
    done_count = 0;
    away = true;
    break_all();
    spin();
    run(0);
    ok(done_count == 0, "PostgreSQL is away, which is not told at once");
    until_done(1);
    ok(done_count == 1 && jobs[0].lost && !jobs[0].sent, "but from the loop, and soon");
    away = false;
    unprepared = true;
    pause_a_bit();
    run(1);
    until_done(2);
    ok(done_count == 2 && jobs[1].lost && !jobs[1].sent, "a connection without its statements is given nothing");
    unprepared = false;
    for (int i = 0; i < 3; i++)
        pause_a_bit();
    run(2);
    spin();
    answer_all(PGRES_TUPLES_OK);
    until_done(3);
    ok(done_count == 3 && !jobs[2].lost, "and then it is back");
}

int main(void)
{
    static struct statement *statements[] = {&statement};

    setenv("IM_DB", "host=/nowhere", 1);
    loop = event_base_new();
    db_open(loop, "test", statements, 1, CONNECTIONS);
    db_start();
    spin();
    check_running();
    check_waiting();
    check_losing();
    check_away();
    db_close();
    event_base_free(loop);
    return done_testing();
}
