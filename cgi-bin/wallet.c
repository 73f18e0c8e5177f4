/*
 * wallet: recharge, withdrawal, VIP and the fund detail.  See wallet(8); the rules are in sql/api/wallet.sql.
 */
#include "program.h"

static const struct route routes[] = {
    /* method  path               who   shape  call                                                         handler */
    {"POST", "/user/recharge", USER, ONE,
     "wallet_recharge(:me, amount, payType, chainType?, fromAddress?, :key, :digest)", NULL},
    {0},
};

int main(void)
{
    return program_run(&(struct program){.name = "wallet", .routes = routes});
}
