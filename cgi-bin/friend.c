/*
 * friend: applications, friendships and the blacklist.  See friend(8); the rules are in sql/api/friend.sql.
 */
#include "program.h"

static const struct route routes[] = {
    /* method  path                     who   shape    call                                                    handler */
    {"POST", "/friend/request/apply", USER, ONE, "friend_request_apply(:me, friendId, applyInfo*?)", NULL},
    {"POST", "/friend/request/approve", USER, NOTHING, "friend_request_approve(:me, requestId)", NULL},
    {"GET", "/friend/list", USER, LIST, "friend_list(:me)", NULL},
    {0},
};

int main(void)
{
    return program_run(&(struct program){.name = "friend", .routes = routes});
}
