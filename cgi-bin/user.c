/*
 * user: profiles.  See user(8); the rules are in sql/api/user.sql.
 */
#include "base/limit.h"
#include "serve/program.h"

static void search(struct request *r, const PGresult *rows);

/* clang-format off */
static const struct route routes[] = {
    /* method  path  who  shape  call, handler */
    {"GET", "/user/self", USER, ONE, "user_self(:me)", NULL},
    {"PUT", "/user/update", USER, NOTHING, "user_update(:me, nickName[20]!?, headImage?, sex?, signature!?)", NULL},
    {"GET", "/user/search", USER, LIST, NULL, search},
    {"GET", "/user/find/{userId}", USER, ONE, "user_find(:me, :userId)", NULL},
    {0},
};
/* clang-format on */

static struct call search_call = {.text = "user_search(:me, name)"};
static struct call *const calls[] = {&search_call, NULL};

/* Nobody reads the members out of the search, nor tries phone numbers one after the other. */
static struct limit searches = {.burst = 30, .per_minute = 30};

static void search(struct request *r, const PGresult *rows)
{
    (void)rows;
    if (serve_allows(r, &searches))
        transaction_call(r, &search_call, NULL);
}

int main(int argc, char **argv)
{
    return program_run(&(struct program){.name = "user", .routes = routes, .calls = calls}, argc, argv);
}
