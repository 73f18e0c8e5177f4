/*
 * metrics: what a monitor asks of this machine.  See metrics(8); what is asked of the database is in sql/api/metrics.sql.
 *
 * Counters come from the files that the programs count in (base/count.h), which this one only reads.
 */
#include "base/code.h"
#include "base/config.h"
#include "base/count.h"
#include "base/json.h"
#include "serve/program.h"
#include "serve/reply.h"
#include "serve/request.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void live(struct request *r, const PGresult *rows);
static void scrape(struct request *r, const PGresult *rows);

static const struct route routes[] = {
    /* method  path  who  shape  call, handler */
    {"GET", "/live", ANYONE, NOTHING, NULL, live},
    {"GET", "/ready", ANYONE, NOTHING, "metrics_ready()", NULL},
    {"GET", "/metrics", ANYONE, LIST, "metrics_database()", scrape},
    {0},
};

/* What the files say, by program. */
static struct part {
    char name[32];
    struct count_file file;
} parts[32];
static int part_count;

static int is_counted(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');

    return dot && strcmp(dot, ".count") == 0 && dot - entry->d_name < (long)sizeof parts->name;
}

static void parts_read(void)
{
    const char *folder = config_text("IM_COUNTERS", "");
    struct dirent **entries = NULL;
    int n = *folder ? scandir(folder, &entries, is_counted, alphasort) : 0;

    part_count = 0;
    for (int i = 0; i < n; i++) {
        struct part *p = &parts[part_count];
        snprintf(p->name, sizeof p->name, "%.*s", (int)strcspn(entries[i]->d_name, "."), entries[i]->d_name);
        if (part_count + 1 < (int)(sizeof parts / sizeof *parts) && count_read(folder, p->name, &p->file))
            part_count++;
        free(entries[i]);
    }
    free(entries);
}

__attribute__((format(printf, 2, 3))) static void grow(struct request *r, const char *format, ...)
{
    char line[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    json_grow(&r->answer, line);
}

static void grow_head(struct request *r, const char *name, const char *kind, const char *help)
{
    grow(r, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

/* The labels of a route, in a static buffer.  What is none says "none": it is one row, whatever was asked for. */
static const char *labels_of(const struct part *p, const struct count_route *route)
{
    static char labels[200];

    snprintf(labels, sizeof labels, "program=\"%s\",method=\"%.*s\",route=\"%.*s\"", p->name, (int)sizeof route->method,
             *route->method ? route->method : "none", (int)sizeof route->path, *route->path ? route->path : "none");
    return labels;
}

static void grow_codes(struct request *r, const struct part *p, const struct count_route *route)
{
    const char *labels = labels_of(p, route);

    for (int i = 0; i < COUNT_CODES && code_at(i); i++)
        if (route->codes[i])
            grow(r, "im_requests_total{%s,code=\"%d\"} %llu\n", labels, code_at(i), (unsigned long long)route->codes[i]);
}

/* A route that has never been answered so has no lines. */
static void grow_steps(struct request *r, const struct part *p, const struct count_route *route)
{
    static const char *const outcomes[] = {[COUNT_DONE] = "done", [COUNT_REFUSED] = "refused", [COUNT_FAILED] = "failed"};
    const char *labels = labels_of(p, route);

    for (int o = 0; o < COUNT_OUTCOMES; o++) {
        unsigned long long all = 0, sum = 0;
        for (int s = 0; s <= COUNT_STEPS; s++)
            all += route->steps[o][s];
        for (int s = 0; all && s < COUNT_STEPS; s++)
            grow(r, "im_request_seconds_bucket{%s,outcome=\"%s\",le=\"%g\"} %llu\n", labels, outcomes[o],
                 (double)count_steps[s] / 1e6, sum += route->steps[o][s]);
        if (all)
            grow(
                r,
                "im_request_seconds_bucket{%1$s,outcome=\"%2$s\",le=\"+Inf\"} %3$llu\nim_request_seconds_count{%1$s,outcome=\"%2$s\"} %3$llu\n"
                "im_request_seconds_sum{%1$s,outcome=\"%2$s\"} %4$.6f\n",
                labels, outcomes[o], all, (double)route->microseconds[o] / 1e6);
    }
}

static void grow_routes(struct request *r, void (*each)(struct request *r, const struct part *p, const struct count_route *route))
{
    for (int i = 0; i < part_count; i++)
        for (uint32_t n = 0; n <= parts[i].file.routes; n++)
            each(r, &parts[i], &parts[i].file.route[n]);
}

static void grow_gauges(struct request *r)
{
    static const struct {
        const char *name, *help;
    } gauges[COUNT_GAUGES] = {
        [COUNT_REQUESTS] = {"im_requests_in_work", "requests that have come and are not answered"},
        [COUNT_CONNECTIONS] = {"im_database_connections", "open connections to PostgreSQL"},
        [COUNT_WAITING] = {"im_database_waiting", "jobs that wait for a connection"},
        [COUNT_EVENTS] = {"im_push_events", "events that wait to be published, or to be told of"},
        [COUNT_BYTES] = {"im_push_bytes", "bytes of events that wait to be published"},
    };

    for (int g = 0; g < COUNT_GAUGES; g++) {
        grow_head(r, gauges[g].name, "gauge", gauges[g].help);
        for (int i = 0; i < part_count; i++)
            grow(r, "%s{program=\"%s\"} %lld\n", gauges[g].name, parts[i].name,
                 (long long)count_sum(&parts[i].file, (enum count_gauge)g));
    }
}

/* Rows of name, kind, help, labels, value; those of one name follow each other. */
static void grow_rows(struct request *r, const PGresult *rows)
{
    const char *before = "";

    for (int i = 0; i < PQntuples(rows); i++) {
        const char *name = PQgetvalue(rows, i, 0), *labels = PQgetvalue(rows, i, 3);
        if (strcmp(name, before) != 0)
            grow_head(r, name, PQgetvalue(rows, i, 1), PQgetvalue(rows, i, 2));
        grow(r, *labels ? "%s{%s} %s\n" : "%s%s %s\n", name, labels, PQgetvalue(rows, i, 4));
        before = name;
    }
}

/* rows NULL: the database has not answered. */
static void write_metrics(struct request *r, const PGresult *rows)
{
    parts_read();
    grow_head(r, "im_build_info", "gauge", "the version that runs");
    grow(r, "im_build_info{version=\"%s\"} 1\n", PACKAGE_VERSION);
    grow_head(r, "im_database_up", "gauge", "whether PostgreSQL has answered this question");
    grow(r, "im_database_up %d\n", rows != NULL);
    grow_rows(r, rows);
    grow_gauges(r);
    grow_head(r, "im_requests_total", "counter", "answers by route and code");
    grow_routes(r, grow_codes);
    grow_head(r, "im_request_seconds", "histogram", "how long an answer took, from the whole request on");
    grow_routes(r, grow_steps);
    obstack_1grow(&r->answer, '\0');
    reply_write(r, 200, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\nCache-Control: no-store\r\n",
                obstack_finish(&r->answer));
}

static void live(struct request *r, const PGresult *rows)
{
    (void)rows;
    reply_data(r, "null");
}

static void scrape(struct request *r, const PGresult *rows)
{
    write_metrics(r, rows);
    r->answered = true;
}

/* Who watches goes by the status alone.  What the programs have counted can be had without the database. */
static void answer(struct request *r, int code, const char *detail, const char *data)
{
    (void)detail, (void)data;
    if (r->route && r->route->handler == scrape && code == CODE_INTERNAL)
        write_metrics(r, NULL);
    else
        reply_write(r,
                    code == CODE_OK          ? 200
                    : code == CODE_NOT_FOUND ? 404
                                             : 503,
                    "Content-Type: text/plain\r\nCache-Control: no-store\r\n", code == CODE_OK ? "yes\n" : "no\n");
}

int main(int argc, char **argv)
{
    return program_run(&(struct program){.name = "metrics", .routes = routes, .answer = answer}, argc, argv);
}
