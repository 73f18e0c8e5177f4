/*
 * wallet: recharge, withdrawal, VIP and the fund detail.  See wallet(8); the rules are in sql/api/wallet.sql.
 */
#include "base/code.h"
#include "base/config.h"
#include "base/password.h"
#include "serve/program.h"
#include "serve/reply.h"

#include <stdlib.h>
#include <time.h>

static void payment(struct request *r, const PGresult *rows);

/* clang-format off */
static const struct route routes[] = {
    /* method  path                         who     shape  call, handler */
    {"POST", "/user/recharge", USER, ONE,
     "wallet_recharge(:me, amount, payType, chainType?, fromAddress?, :key, :digest)", NULL},
    {"POST", "/user/withdraw", USER, ONE,
     "wallet_withdraw(:me, amount, toAddress, chainType?, tradePassword#, :key, :digest)", NULL},
    {"GET", "/user/queryUserFundDetail", USER, PAGE,
     "wallet_fund_list(:me, page?, size?, type?, startTime?, endTime?)", NULL},
    {"POST", "/user/buyVip", USER, ONE, "wallet_vip_buy(:me, duration, tradePassword#, :key, :digest)", NULL},
    {"POST", "/payment/callback", ANYONE, ONE, NULL, payment},
    {0},
};
/* clang-format on */

static struct call payment_call = {.text = "wallet_payment(orderId, amount, chainType, txHash)"};
static struct call *const calls[] = {&payment_call, NULL};

/* A signature is good for so many seconds around its timestamp; replays within them are caught by txHash. */
enum { SIGNATURE_SECONDS = 300 };

/* The payment gateway signs HMAC-SHA256(IM_PAYMENT_KEY, timestamp "\n" body) in hexadecimal. */
static bool signature_valid(struct request *r)
{
    const char *key = config_text("IM_PAYMENT_KEY", NULL);
    const char *timestamp = request_parameter(r, "HTTP_X_IM_TIMESTAMP");
    const char *signature = request_parameter(r, "HTTP_X_IM_SIGNATURE");
    char digest[PASSWORD_DIGEST_SIZE];

    if (!key || !timestamp || !signature)
        return false;
    long long now = time(NULL), then = strtoll(timestamp, NULL, 10);
    if (then < now - SIGNATURE_SECONDS || then > now + SIGNATURE_SECONDS)
        return false;
    password_digest(digest, key, (const char *const[]){timestamp, "\n", r->text, NULL});
    return password_equal(digest, signature);
}

static void payment(struct request *r, const PGresult *rows)
{
    (void)rows;
    r->query = NULL; /* which nobody has signed */
    if (signature_valid(r))
        transaction_call(r, &payment_call, NULL);
    else
        reply_code(r, CODE_UNAUTHORIZED, NULL);
}

int main(int argc, char **argv)
{
    return program_run(&(struct program){.name = "wallet", .routes = routes, .calls = calls}, argc, argv);
}
