/*
 * How rows become JSON, whatever their number and types, and how much of them an answer has.
 */
#include "base/code.h"
#include "serve/reply.h"
#include "serve/request.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

enum { COLUMNS = 6 };

static struct {
    int code;
    char data[2 << 20];
} said;

static void answer(struct request *r, int code, const char *detail, const char *data)
{
    (void)r, (void)detail;
    said.code = code;
    snprintf(said.data, sizeof said.data, "%s", data);
}

static const struct program program = {.name = "test", .answer = answer};

/* Rows of (id, amount, ok, at, name, more); a NULL value is SQL's. */
static PGresult *rows(int count, const char *const values[COLUMNS])
{
    PGresult *made = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    static char names[COLUMNS][8] = {"id", "amount", "ok", "at", "name", "more"};
    static const Oid types[COLUMNS] = {20, 1700, 16, 1184, 25, 114};
    PGresAttDesc columns[COLUMNS] = {0};

    for (int i = 0; i < COLUMNS; i++) {
        columns[i].name = names[i];
        columns[i].typid = types[i];
    }

    PQsetResultAttrs(made, COLUMNS, columns);
    for (int row = 0; row < count; row++)
        for (int i = 0; i < COLUMNS; i++)
            PQsetvalue(made, row, i, (char *)(uintptr_t)values[i], values[i] ? (int)strlen(values[i]) : -1);
    return made;
}

/* What comes of so many such rows in that shape. */
static const char *reply(enum shape shape, int count, const char *const values[COLUMNS])
{
    struct route route = {"GET", "/", USER, shape, NULL, NULL};
    struct request r = {.program = &program, .route = &route, .method = "GET", .path = "/", .parameters = (char *[]){NULL}};
    PGresult *all = rows(count, values);

    request_pool(&r);
    reply_rows(&r, all);
    request_pool_free(&r);
    PQclear(all);
    return said.data;
}

#define ROW "{\"id\":7,\"amount\":1234567.80,\"ok\":true,\"at\":\"2026-11-27 12:00:00\",\"name\":\"a\\\"b\\u000a\",\"more\":[1]}"

static void check_shapes(void)
{
    static const char *const some[COLUMNS] = {"7", "1234567.80", "t", "2026-11-27 12:00:00.123+08", "a\"b\n", "[1]"};
    static const char *const nulls[COLUMNS] = {"7", NULL, "f", NULL, NULL, NULL};
    static const char *const nothing[COLUMNS] = {"0"};

    ok(strcmp(reply(ONE, 1, some), ROW) == 0, "one: money is exact, times lose what clients do not read: %s", said.data);
    ok(strcmp(reply(LIST, 2, some), "[" ROW "," ROW "]") == 0, "a list");
    ok(strcmp(reply(LIST, 0, some), "[]") == 0 && strcmp(reply(PART, 0, some), "[]") == 0, "an empty one is no null");
    ok(strcmp(reply(ONE, 0, some), "null") == 0 && strcmp(reply(VALUE, 0, some), "null") == 0, "one of nothing is");
    ok(strcmp(reply(VALUE, 1, some), "7") == 0, "a value");
    ok(strcmp(reply(NOTHING, 1, some), "null") == 0 && said.code == CODE_OK, "nothing");
    ok(strcmp(reply(ONE, 1, nulls), "{\"id\":7,\"amount\":null,\"ok\":false,\"at\":null,\"name\":null,\"more\":null}") == 0,
       "SQL's null");
    ok(strncmp(reply(PAGE, 1, some), "{\"total\":7,\"records\":[{\"amount\":", 30) == 0, "a page has its total apart");
    ok(strcmp(reply(PAGE, 1, nothing), "{\"total\":0,\"records\":[]}") == 0, "an empty page is a row of the total alone");
}

static int rows_in(const char *json)
{
    int count = 0;

    for (; (json = strstr(json, "{\"id\"")); json++)
        count++;
    return count;
}

/* Of rows of some 12 kB a MiB has so many. */
static void check_size(void)
{
    static char text[12001];
    const char *const large[COLUMNS] = {"7", "1.00", "t", NULL, text, NULL};

    memset(text, 'x', sizeof text - 1);
    reply(PART, 200, large);
    ok(strlen(said.data) < (1 << 20) - 512 && strlen(said.data) > 1000000, "a part ends before a MiB: %zu", strlen(said.data));
    ok(rows_in(said.data) == (int)(strlen(said.data) / 12060) && said.data[strlen(said.data) - 1] == ']', "behind a whole row");
    reply(LIST, 100, large);
    ok(rows_in(said.data) == 100, "a list without pages is whole");
    reply(PAGE, 100, large);
    ok(strlen(said.data) < (1 << 20) - 512 && strcmp(said.data + strlen(said.data) - 3, "}]}") == 0, "a page ends as a part does");
}

int main(void)
{
    check_shapes();
    check_size();
    return done_testing();
}
