#include "statement.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>

static void prepare(PGconn *pg, struct statement *s)
{
    PGresult *result = PQprepare(pg, s->name, s->sql, 0, NULL);

    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        log_fatal("could not prepare \"%s\": %s", s->sql, PQresultErrorMessage(result));
    PQclear(result);
    result = PQdescribePrepared(pg, s->name);
    if (PQresultStatus(result) != PGRES_COMMAND_OK || PQnparams(result) > DB_PARAMETERS)
        log_fatal("could not describe \"%s\"", s->sql);
    s->parameters = PQnparams(result);
    for (int i = 0; i < s->parameters; i++)
        s->types[i] = PQparamtype(result, i);
    PQclear(s->columns); /* of another connection */
    s->columns = result;
}

/* PREPARE does not look at rights, a run does: explaining begins one and ends it before the function is called. */
static void check_right(PGconn *pg, const struct statement *s)
{
    char sql[64 + 6 * DB_PARAMETERS];
    int n = snprintf(sql, sizeof sql, "explain execute %s", s->name);

    for (int i = 0; i < s->parameters; i++)
        n += snprintf(sql + n, sizeof sql - (size_t)n, "%snull", i ? "," : "(");
    snprintf(sql + n, sizeof sql - (size_t)n, "%s", s->parameters ? ")" : "");
    PGresult *result = PQexec(pg, sql);
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        log_fatal("may not run \"%s\": %s(sql/grant.sql says who may call what)", s->sql, PQresultErrorMessage(result));
    PQclear(result);
}

void statement_prepare(PGconn *pg, struct statement **statements, int count)
{
    for (int i = 0; i < count; i++) {
        snprintf(statements[i]->name, sizeof statements[i]->name, "s%d", i);
        prepare(pg, statements[i]);
        check_right(pg, statements[i]);
    }
}

int statement_print(struct statement *const *statements, int count)
{
    for (int i = 0; i < count; i++)
        puts(statements[i]->sql);
    return EXIT_SUCCESS;
}
