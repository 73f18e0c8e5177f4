#include "wordlist.h"
#include "config.h"
#include "log.h"
#include "words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct statement wordlist_statement = {.sql = "select * from api.word_list($1)"};

static const struct timeval period = {1, 0};
static struct event *tick;
static struct job job;
static char version[24] = "-1";
static const char *const values[] = {version};

/* Rows (version, word): none when nothing has changed, a null word when the list is empty.  False: out of memory. */
static bool take(const PGresult *rows)
{
    int count = PQntuples(rows), used = 0;
    const char **words;

    if (count == 0)
        return true;
    words = (const char **)calloc((size_t)count, sizeof *words);
    for (int i = 0; words && i < count; i++)
        if (!PQgetisnull(rows, i, 1))
            words[used++] = PQgetvalue(rows, i, 1);
    bool taken = words && words_replace(words, (size_t)used);
    if (taken)
        snprintf(version, sizeof version, "%s", PQgetvalue(rows, 0, 0));
    free((void *)words);
    return taken;
}

/* A list that could not be read stays as it was; the next tick asks again. */
static void done(struct job *j)
{
    if (!j->lost && !j->failure && !take(j->steps[0].result))
        log_error("could not load the word list: out of memory");
    event_add(tick, &period);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
    job = (struct job){.steps = {{.statement = &wordlist_statement, .values = values}}, .count = 1, .done = done};
    db_run(&job);
}

bool wordlist_refuses(void)
{
    return strcmp(config_text("IM_WORDS", "star"), "refuse") == 0;
}

void wordlist_open(struct event_base *base)
{
    PGresult *rows = db_ask("select * from api.word_list(-1)");

    if (!take(rows))
        log_fatal("could not load the word list: out of memory");
    PQclear(rows);
    tick = event_new(base, -1, 0, on_tick, NULL);
    event_add(tick, &period);
}
