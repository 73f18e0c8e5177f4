/*
 * friend: applications, friendships and the blacklist.  See friend(8); the rules are in sql/api/friend.sql.
 */
#include "serve/program.h"

/* clang-format off */
static const struct route routes[] = {
    /* method  path  who  shape  call, handler */
    {"POST", "/friend/request/apply", USER, ONE, "friend_request_apply(:me, friendId, applyInfo|remark*?)", NULL},
    {"POST", "/friend/request/approve", USER, NOTHING, "friend_request_approve(:me, requestId|id)", NULL},
    {"GET", "/friend/list", USER, LIST, "friend_list(:me, page?, size?)", NULL},
    {"POST", "/friend/request/reject", USER, NOTHING, "friend_request_reject(:me, requestId|id, reason*?)", NULL},
    {"POST", "/friend/request/recall", USER, NOTHING, "friend_request_recall(:me, requestId|id)", NULL},
    {"GET", "/friend/request/list", USER, PART, "friend_request_list(:me, page?, size?)", NULL},
    {"DELETE", "/friend/delete/{friendId}", USER, NOTHING, "friend_delete(:me, :friendId)", NULL},
    {"PUT", "/friend/remark", USER, NOTHING, "friend_remark(:me, friendId, remark[20])", NULL},
    {"POST", "/blacklist/add", USER, NOTHING, "blacklist_add(:me, targetId|userId)", NULL},
    {"DELETE", "/blacklist/remove/{targetId}", USER, NOTHING, "blacklist_remove(:me, :targetId)", NULL},
    {"GET", "/blacklist/list", USER, LIST, "blacklist_list(:me)", NULL},
    {0},
};
/* clang-format on */

int main(int argc, char **argv)
{
    return program_run(&(struct program){.name = "friend", .routes = routes}, argc, argv);
}
