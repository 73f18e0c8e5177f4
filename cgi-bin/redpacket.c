/*
 * redpacket: red packets of chats (8080) and of the service API (8082).  See redpacket(8); the rules are in
 * sql/api/redpacket.sql.
 */
#include "serve/program.h"

/* clang-format off */
static const struct route routes[] = {
    /* method  path                who     shape  call, handler */
    {"POST", "/redPackage/send", USER, ONE,
     "redpacket_send(:me, receiverType, receiverId, totalAmount, totalCount, redPacketType, remark*?, tradePassword#,"
     " :key, :digest)", NULL},
    {"POST", "/redPackage/rob", USER, ONE,
     "redpacket_rob(:me, redPacketId|redPackageId|redId, :key, :digest)", NULL},
    {"GET", "/redPackage/detail/{redPacketId}", USER, ONE, "redpacket_detail(:me, :redPacketId)", NULL},
    {"POST", "/red/packet/hand/out", CALLER, VALUE,
     "redpacket_hand_out(:me, :service, userId, total, count, type, tradePassword#?, :key, :digest)", NULL},
    {"POST", "/red/packet/rob", CALLER, VALUE,
     "redpacket_service_rob(:me, :service, userId, redId|redPacketId|redPackageId, :key, :digest)", NULL},
    {"POST", "/red/packet/isRob", CALLER, VALUE,
     "redpacket_is_rob(:me, :service, userId, redId|redPacketId|redPackageId)", NULL},
    {0},
};
/* clang-format on */

int main(int argc, char **argv)
{
    return program_run(&(struct program){.name = "redpacket", .routes = routes}, argc, argv);
}
