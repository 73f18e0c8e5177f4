/*
 * A task: work that waits for disks or for other processes, done in a process of its own while the event loop goes on.
 *
 * At most TASKS_MAX run at once in a program, the others wait.  The child has none of the program's descriptors but those
 * that it is to keep, so it can neither reach PostgreSQL nor answer anybody; what it has found out it tells with one parcel
 * (parcel.h).
 */
#ifndef IM_TASK_H
#define IM_TASK_H

#include "parcel.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>
#include <sys/types.h>

enum { TASKS_MAX = 4, TASK_SECONDS = 60 };

/* The owner keeps it until done() is called. */
struct task {
    void (*work)(struct task *task); /* in the child: tells by parcel_send() on socket, and returns */
    void (*done)(struct task *task); /* in the program, once; from within task_run() if no process can be had */
    void *owner;                     /* the caller's */
    const int *keep;                 /* descriptors that the child does have; -1 is none */
    int keeps;                       /* how many */
    void *result;                    /* where the parcel's bytes go */
    size_t size;                     /* and how many they are */

    bool told;                           /* the parcel has come; else the child died or took more than TASK_SECONDS */
    int descriptors[PARCEL_DESCRIPTORS]; /* the parcel's; done() closes them */
    int socket;
    pid_t process;
    struct event *readable;
    STAILQ_ENTRY(task) waiting;
};

/* Runs the task, now or when its turn comes. */
void task_run(struct event_base *loop, struct task *task);

#endif
