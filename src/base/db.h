/*
 * PostgreSQL from an event loop: a few asynchronous connections run jobs.
 *
 * A job (job.h) is up to JOB_STEPS prepared statements sent as one pipeline, hence one round trip and one implicit
 * transaction: all of it commits or none does.  A job is done when PostgreSQL has confirmed the commit, so
 * whoever answers from done() answers for durable data.
 *
 * Statements are registered and prepared once at start (one that is misspelt, or not granted, ends the program there)
 * and prepared again on every new connection.  Jobs wait in one queue for a free connection, no longer than DB_WAIT_MS:
 * whoever asked has given up before PostgreSQL would come to what is older, so that is never sent.  A job that a
 * deadlock or a serialization failure has rolled back is run again, up to JOB_TRIES times.  When PostgreSQL is away jobs
 * fail at once and connections are retried with back-off.
 */
#ifndef IM_DB_H
#define IM_DB_H

#include "job.h"

#include <event2/event.h>

enum { DB_WAIT_MS = 5000 };

/* Prepares the statements on the first connection (first.h), waiting for PostgreSQL if it is not there yet, then opens
 * IM_DB_CONNECTIONS asynchronous ones as role im_<program>.  Ends the process when a statement cannot be prepared
 * or its function may not be called. */
void db_open(struct event_base *base, const char *program, struct statement **statements, int count, long connections);

/* Closes the first connection and lets jobs run. */
void db_start(void);

/* Runs the job; done() is called when it is over. */
void db_run(struct job *job);

/* For bulk.c, of a job that was done, or could not be done, with others: it is over; or it is run after all. */
void db_end(struct job *job);
void db_again(struct job *job);

/* Jobs not yet done. */
int db_busy(void);

/* Connections that are open, and jobs that wait for one. */
int db_connections(void);
int db_waiting(void);

/* Closes every connection. */
void db_close(void);

#endif
