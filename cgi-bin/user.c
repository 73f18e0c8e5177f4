/*
 * user: profiles.  See user(8); the rules are in sql/api/user.sql.
 */
#include "program.h"

static const struct route routes[] = {
    /* method  path  who  shape  call, handler */
    {"GET", "/user/self", USER, ONE, "user_self(:me)", NULL},
    {"PUT", "/user/update", USER, NOTHING, "user_update(:me, nickName!?, headImage?, sex?, signature!?)", NULL},
    {"GET", "/user/search", USER, LIST, "user_search(:me, name)", NULL},
    {"GET", "/user/find/{userId}", USER, ONE, "user_find(:me, :userId)", NULL},
    {0},
};

int main(int argc, char **argv)
{
    return program_run(&(struct program){.name = "user", .routes = routes}, argc, argv);
}
