/*
 * The life of a program: what is opened in which order, the loop, and how it ends.
 *
 * SIGTERM and SIGUSR1 (multiwatch's) stop it: it accepts nothing more, answers what runs, publishes its events and leaves.
 */
#ifndef IM_PROGRAM_H
#define IM_PROGRAM_H

#include "route.h"
#include "serve.h"
#include "transaction.h"

#include <event2/event.h>

/* Serves the program's routes on descriptor 0 until it is told to stop; the exit status of main().  With the one
 * argument --calls it prints every statement that it will prepare, a line each, and does nothing else. */
int program_run(const struct program *program, int argc, char **argv);

/* The event loop, for a handler that waits for something of its own. */
struct event_base *program_loop(void);

#endif
