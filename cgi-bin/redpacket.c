/*
 * redpacket: red packets of chats (8080) and of the service API (8082).  See redpacket(8); the rules are in
 * sql/api/redpacket.sql.
 */
#include "program.h"

static const struct route routes[] = {
    /* method  path                who   shape  call                                                        handler */
    {"POST", "/redPackage/send", USER, ONE,
     "redpacket_send(:me, receiverType, receiverId, totalAmount, totalCount, redPacketType, remark*?, :trade,"
     " :key, :digest)", NULL},
    {"POST", "/redPackage/rob", USER, ONE, "redpacket_rob(:me, redPacketId|redPackageId, :key, :digest)", NULL},
    {0},
};

int main(void)
{
    return program_run(&(struct program){.name = "redpacket", .routes = routes});
}
