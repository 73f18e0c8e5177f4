/*
 * group: groups and their members.  See group(8); the rules are in sql/api/group.sql.
 */
#include "serve/program.h"

/* clang-format off */
static const struct route routes[] = {
    /* method  path  who  shape  call, handler */
    {"POST", "/group/create", USER, ONE,
     "group_create(:me, groupName|name[30]!, groupAvatar|headImage?, groupNotice|notice!?, memberIds|friendIds|userIds?)", NULL},
    {"GET", "/group/members/{groupId}", USER, LIST, "group_members(:me, :groupId)", NULL},
    {"PUT", "/group/modify", USER, NOTHING,
     "group_modify(:me, groupId, groupName|name[30]!?, groupAvatar|headImage?, groupNotice|notice!?)", NULL},
    {"DELETE", "/group/delete/{groupId}", USER, NOTHING, "group_delete(:me, :groupId)", NULL},
    {"GET", "/group/find/{groupId}", USER, ONE, "group_find(:me, :groupId)", NULL},
    {"GET", "/group/list", USER, LIST, "group_list(:me, page?, size?)", NULL},
    {"POST", "/group/invite", USER, NOTHING, "group_invite(:me, groupId, memberIds|friendIds|userIds)", NULL},
    {"POST", "/group/join/{groupId}", USER, NOTHING, "group_join(:me, :groupId)", NULL},
    {"DELETE", "/group/members/remove", USER, NOTHING, "group_members_remove(:me, groupId, memberIds|friendIds|userIds)", NULL},
    {"DELETE", "/group/quit/{groupId}", USER, NOTHING, "group_quit(:me, :groupId)", NULL},
    {"PUT", "/group/muted", USER, NOTHING, "group_muted(:me, groupId, isMuted)", NULL},
    {"PUT", "/group/members/muted", USER, NOTHING,
     "group_members_muted(:me, groupId, userId, isMuted, duration?)", NULL},
    {"POST", "/group/setTopMessage/{groupId}", USER, NOTHING,
     "group_top_message_set(:me, :groupId, content!)", NULL},
    {"DELETE", "/group/removeTopMessage/{groupId}", USER, NOTHING,
     "group_top_message_remove(:me, :groupId)", NULL},
    {"POST", "/group/manager/add", USER, NOTHING, "group_manager_add(:me, groupId, userId)", NULL},
    {"DELETE", "/group/manager/remove", USER, NOTHING, "group_manager_remove(:me, groupId, userId)", NULL},
    {"POST", "/group/transfer", USER, NOTHING, "group_transfer(:me, groupId, userId|targetId)", NULL},
    {"PUT", "/group/dnd", USER, NOTHING, "group_dnd(:me, groupId, isDnd)", NULL},
    {0},
};
/* clang-format on */

int main(int argc, char **argv)
{
    return program_run(&(struct program){.name = "group", .routes = routes}, argc, argv);
}
