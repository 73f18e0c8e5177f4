#include "wordlist.h"
#include "config.h"
#include "first.h"
#include "log.h"
#include "loop.h"
#include "sensitive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* So many words at once: what they take of the loop nobody notices. */
#define WORDS "1000"

struct statement wordlist_statement = {.sql = "select * from api.word_list($1, $2, $3)"};

static const struct timeval period = {1, 0};
static struct event *tick;
static struct job job;
static char version[24] = "-1", coming[24], after[24] = "0"; /* what counts; what is being read, and up to which word */
static const char *const values[] = {version, after, WORDS};

/* The next question begins with the first word. */
static void begin(void)
{
    *coming = '\0';
    snprintf(after, sizeof after, "0");
    sensitive_begin();
}

static bool add(const PGresult *rows)
{
    for (int i = 0; i < PQntuples(rows); i++)
        if (!PQgetisnull(rows, i, 2) && !sensitive_add(PQgetvalue(rows, i, 2)))
            return false;
    return true;
}

/* Rows (version, id, word): none when nothing has changed, a null word when there are no more.  True when it is to be asked
 * for more at once. */
static bool take(const PGresult *rows)
{
    int count = PQntuples(rows);

    if (count && *coming && strcmp(coming, PQgetvalue(rows, 0, 0)) != 0) { /* changed meanwhile: all of it anew */
        begin();
        return true;
    }
    if (count == 0 || !add(rows)) {
        if (count)
            log_error("could not load the word list: out of memory");
        begin();
        return false;
    }
    snprintf(coming, sizeof coming, "%s", PQgetvalue(rows, 0, 0));
    snprintf(after, sizeof after, "%s", PQgetvalue(rows, count - 1, 1));
    if (count == (int)strtol(WORDS, NULL, 10))
        return true;
    sensitive_use();
    snprintf(version, sizeof version, "%s", coming);
    begin();
    return false;
}

static void ask(void);

/* A list that could not be read stays as it was; the next tick asks again. */
static void done(struct job *j)
{
    if (j->lost || j->failure)
        begin();
    else if (take(j->steps[0].result)) {
        ask();
        return;
    }
    loop_add(tick, &period);
}

static void ask(void)
{
    job = (struct job){.steps = {{.statement = &wordlist_statement, .values = values}}, .count = 1, .done = done};
    db_run(&job);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
    ask();
}

bool wordlist_refuses(void)
{
    return strcmp(config_text("IM_WORDS", "star"), "refuse") == 0;
}

void wordlist_open(struct event_base *base)
{
    char sql[100];
    bool more;

    do {
        snprintf(sql, sizeof sql, "select * from api.word_list(-1, %s, " WORDS ")", after);
        PGresult *rows = first_ask(sql);
        more = take(rows);
        PQclear(rows);
    } while (more);
    tick = loop_timer(base, on_tick, NULL);
    loop_add(tick, &period);
}
