/*
 * message: sending over HTTP, offline pull, reading, recall, history, the conversation list.  See message(8); the
 * rules are in sql/api/message.sql.
 */
#include "serve/program.h"

/* clang-format off */
static const struct route routes[] = {
    /* method  path  who  shape  call, handler */
    {"POST", "/message/private/send", USER, ONE,
     "message_private_send(:me, receiverId, content*, messageType, atUserIds?, clientMsgId?)", NULL},
    {"GET", "/message/private/pullOfflineMessage", USER, PART, "message_private_pull(:me, minId?)", NULL},
    {"PUT", "/message/private/readed", USER, NOTHING, "message_private_readed(:me, friendId, maxMessageId?)", NULL},
    {"GET", "/message/private/maxReadedId", USER, VALUE, "message_private_max_readed(:me, friendId)", NULL},
    {"GET", "/message/private/history", USER, PAGE, "message_private_history(:me, friendId, page?, size?, beforeSeq?, afterSeq?)", NULL},
    {"DELETE", "/message/private/recall/{id}", USER, NOTHING, "message_private_recall(:me, :id)", NULL},
    {"POST", "/message/group/send", USER, ONE,
     "message_group_send(:me, groupId, content*, messageType, atUserIds?, clientMsgId?)", NULL},
    {"GET", "/message/group/pullOfflineMessage", USER, PART, "message_group_pull(:me, minId?)", NULL},
    {"PUT", "/message/group/readed", USER, NOTHING, "message_group_readed(:me, groupId, maxMessageId?)", NULL},
    {"GET", "/message/group/findReadedUsers", USER, LIST, "message_group_readed_users(:me, messageId)", NULL},
    {"GET", "/message/group/history", USER, PAGE, "message_group_history(:me, groupId, page?, size?, beforeSeq?, afterSeq?)", NULL},
    {"DELETE", "/message/group/recall/{id}", USER, NOTHING, "message_group_recall(:me, :id)", NULL},
    {"GET", "/message/system/pullOfflineMessage", USER, LIST, "message_system_pull(:me)", NULL},
    {"PUT", "/message/system/readed", USER, NOTHING, "message_system_readed(:me, maxSeq?)", NULL},

    {"GET", "/message/search", USER, LIST, "message_search(:me, text, conversationId?, beforeId?, size?)", NULL},
    {"POST", "/message/sync", USER, ONE, "message_sync(:me, since?, have?)", NULL},
    {"GET", "/conversation/list", USER, LIST, "conversation_list(:me, page?, size?, changedSince?)", NULL},
    {"PUT", "/conversation/set", USER, NOTHING, "conversation_set(:me, conversationId, isTop?, isDnd?, isHidden?)", NULL},
    {0},
};
/* clang-format on */

static const char *const many[] = {"message_private_send", NULL};

int main(int argc, char **argv)
{
    return program_run(&(struct program){.name = "message", .routes = routes, .many = many}, argc, argv);
}
