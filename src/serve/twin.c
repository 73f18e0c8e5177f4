#include "twin.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TWINS = 4 }; /* of a program at most; one has two today */

static void write_sql(FILE *out, const struct call *call)
{
    fprintf(out, "select %s from api.%.*s_many(", call->leaves ? "refusal, txid, channels, body, nth" : "*",
            (int)strcspn(call->text, "("), call->text);
    for (int i = 1; i <= call->count; i++)
        fprintf(out, "%s$%d", i > 1 ? ", " : "", i);
    fputc(')', out);
}

static const char *twin_sql(const struct call *call)
{
    char *sql = NULL;
    size_t size;
    FILE *out = open_memstream(&sql, &size);

    if (out)
        write_sql(out, call);
    if (!out || fclose(out) != 0)
        log_fatal("could not make a statement: out of memory");
    return sql;
}

static struct call *call_of(const char *function, struct call *const *calls, int count)
{
    size_t length = strlen(function);

    for (int i = 0; i < count; i++)
        if (calls[i]->door && strncmp(calls[i]->text, function, length) == 0 && calls[i]->text[length] == '(')
            return calls[i];
    log_fatal("no route calls \"%s\"", function);
}

int twin_open(const char *const *functions, struct call *const *calls, int count, void (*events)(const PGresult *rows),
              struct statement **statements)
{
    static struct bulk bulks[TWINS];
    int n = 0;

    for (; functions && functions[n]; n++) {
        if (n == TWINS)
            log_fatal("more than %d functions have twins", TWINS);
        struct call *call = call_of(functions[n], calls, count);
        bulks[n].statement.sql = twin_sql(call);
        bulks[n].events = events;
        call->bulk = &bulks[n];
        statements[n] = &bulks[n].statement;
    }
    return n;
}
