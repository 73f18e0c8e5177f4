#include "first.h"
#include "config.h"
#include "log.h"

#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

static PGconn *first;

static PGconn *connect_patiently(const char *conninfo)
{
    bool told = false;

    for (;;) {
        PGconn *pg = PQconnectdb(conninfo);
        if (PQstatus(pg) == CONNECTION_OK)
            return pg;
        if (!told)
            log_info("waiting for PostgreSQL: %s", PQerrorMessage(pg));
        told = true;
        PQfinish(pg);
        usleep(100000);
    }
}

const char *first_open(const char *program, struct statement **statements, int count)
{
    static char conninfo[1024];

    snprintf(conninfo, sizeof conninfo, "%s user=im_%s application_name=%s connect_timeout=5 client_encoding=UTF8",
             config_required("IM_DB"), program, program);
    first = connect_patiently(conninfo);
    statement_prepare(first, statements, count);
    return conninfo;
}

PGresult *first_ask(const char *sql)
{
    PGresult *result = PQexec(first, sql);

    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        log_fatal("could not run \"%s\": %s", sql, PQresultErrorMessage(result));
    return result;
}

void first_close(void)
{
    PQfinish(first);
    first = NULL;
}
