/*
 * group: groups and their members.  See group(8); the rules are in sql/api/group.sql.
 */
#include "program.h"

static const struct route routes[] = {
    /* method  path                       who   shape  call                                                  handler */
    {"POST", "/group/create", USER, ONE, "group_create(:me, groupName!, groupAvatar?, groupNotice!?, memberIds?)", NULL},
    {"GET", "/group/members/{groupId}", USER, LIST, "group_members(:me, :groupId)", NULL},
    {0},
};

int main(void)
{
    return program_run(&(struct program){.name = "group", .routes = routes});
}
