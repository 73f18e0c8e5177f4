/*
 * message: sending over HTTP, offline pull, reading, history.  See message(8); the rules are in
 * sql/api/message.sql.
 */
#include "program.h"

static const struct route routes[] = {
    /* method  path                                who   shape    call                                       handler */
    {"POST", "/message/private/send", USER, ONE,
     "message_private_send(:me, receiverId, content*, messageType, atUserIds?, clientMsgId?)", NULL},
    {"POST", "/message/group/send", USER, ONE,
     "message_group_send(:me, groupId, content*, messageType, atUserIds?, clientMsgId?)", NULL},
    {"GET", "/message/private/pullOfflineMessage", USER, LIST, "message_private_pull(:me, minId?)", NULL},
    {"PUT", "/message/private/readed", USER, NOTHING, "message_private_readed(:me, friendId, maxMessageId?)", NULL},
    {0},
};

int main(void)
{
    return program_run(&(struct program){.name = "message", .routes = routes});
}
