/*
 * What a program counts: how often it has answered each route with which code, how long that took, and what its processes have
 * in hand.
 *
 * The counters are in a file of fixed size that all processes of a program map, and that cgi-bin/metrics reads: they outlive a
 * process, and whoever asks for them disturbs nobody.  Counting is an atomic addition: no lock, no allocation, no system call
 * but for the time.  What can be counted is the program's routes, the codes of code.txt and the steps below, nothing that comes
 * from a client, so a file never grows.  Where no file can be had nothing is counted, and that is all.
 */
#ifndef IM_COUNT_H
#define IM_COUNT_H

#include "must.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { COUNT_ROUTES = 128, COUNT_CODES = 64, COUNT_STEPS = 12, COUNT_PROCESSES = 64 };

/* How an answer was: 200, 500, or any other code. */
enum count_outcome { COUNT_DONE, COUNT_REFUSED, COUNT_FAILED, COUNT_OUTCOMES };

/* What a process has in hand: requests not answered; open connections to PostgreSQL, jobs that wait for one; events to publish,
 * and their bytes. */
enum count_gauge { COUNT_REQUESTS, COUNT_CONNECTIONS, COUNT_WAITING, COUNT_EVENTS, COUNT_BYTES, COUNT_GAUGES };

/* The last step of microseconds is for what took longer than all count_steps. */
struct count_route {
    char method[8], path[56];
    _Atomic uint64_t codes[COUNT_CODES]; /* by their place in code.txt */
    _Atomic uint64_t steps[COUNT_OUTCOMES][COUNT_STEPS + 1];
    _Atomic uint64_t microseconds[COUNT_OUTCOMES];
};

struct count_process {
    _Atomic int pid; /* 0: nobody's */
    _Atomic int64_t gauges[COUNT_GAUGES];
};

/* The file.  Behind the routes comes one more for what has none, whose method and path are empty. */
struct count_file {
    char version[32]; /* of the program: another one has other routes and codes */
    uint32_t routes;
    struct count_process processes[COUNT_PROCESSES];
    struct count_route route[COUNT_ROUTES + 1];
};

/* Upper bounds in microseconds. */
extern const long count_steps[COUNT_STEPS];

/* The time that count_answer() takes: microseconds of a clock that nobody sets. */
int64_t count_now(void);

/* Before the routes are named.  The string is kept. */
void count_open(const char *program);

/* Names the next route; their order is count_answer()'s. */
void count_add(const char *method, const char *path);

/* Maps the file <program>.count of the folder IM_COUNTERS, if that is set, and takes a place for this process.  A file of other
 * routes, or of another version, is made anew. */
void count_start(void);

/* Route -1 is none. */
void count_answer(int route, int code, int64_t since);

void count_set(enum count_gauge gauge, int64_t value);

/* Reads a program's file.  False when there is none, or it is no such file. */
MUST_USE bool count_read(const char *folder, const char *program, struct count_file *file);

/* The sum of a gauge over the processes that live. */
int64_t count_sum(const struct count_file *file, enum count_gauge gauge);

#endif
