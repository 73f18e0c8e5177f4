/*
 * A statement that a program prepares: the call of one api function.
 *
 * What PostgreSQL would refuse at every run is found before the first: a function that is not there, other parameters,
 * no right to call it.
 */
#ifndef IM_STATEMENT_H
#define IM_STATEMENT_H

#include <libpq-fe.h>

enum { DB_PARAMETERS = 24 };

/* The owner keeps it for the life of the program. */
struct statement {
    const char *sql;
    int parameters;           /* filled by statement_prepare, as all below */
    Oid types[DB_PARAMETERS]; /* inferred by PostgreSQL */
    PGresult *columns;        /* of its rows, without any */
    char name[16];
};

/* Prepares them on the connection and learns their parameters.  Ends the process when one cannot be prepared, or when
 * the connection's role may not call its function. */
void statement_prepare(PGconn *pg, struct statement **statements, int count);

/* Prints their SQL, a line each; an exit status. */
int statement_print(struct statement *const *statements, int count);

#endif
