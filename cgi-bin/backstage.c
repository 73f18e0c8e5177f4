/*
 * backstage: administrators, moderation and the review of money orders.  Its own accounts, tokens and database
 * role.  See backstage(8); the rules are in sql/api/backstage.sql.
 */
#include "login.h"
#include "program.h"

static void verify(struct request *r, const PGresult *rows);

static const struct route routes[] = {
    /* method  path               who     shape    call, handler */
    {"POST", "/login", ANYONE, ONE, "admin_login_find(username, :address, captchaId?, captchaCode?)", verify},
    {"GET", "/captcha", ANYONE, ONE, NULL, login_captcha},
    {"GET", "/im/recharge/list", ADMIN, PAGE, "admin_recharge_list(:me, status?, page?, size?, userId?)", NULL},
    {"POST", "/im/recharge/approve", ADMIN, NOTHING, "admin_recharge_approve(:me, id, reason?, txHash?)", NULL},
    {"POST", "/im/recharge/reject", ADMIN, NOTHING, "admin_recharge_reject(:me, id, reason?)", NULL},
    {"GET", "/im/withdraw/list", ADMIN, PAGE, "admin_withdraw_list(:me, status?, page?, size?, userId?)", NULL},
    {"POST", "/im/withdraw/approve", ADMIN, NOTHING, "admin_withdraw_approve(:me, id, reason?)", NULL},
    {"POST", "/im/withdraw/reject", ADMIN, NOTHING, "admin_withdraw_reject(:me, id, reason?)", NULL},
    {"POST", "/im/withdraw/paid", ADMIN, NOTHING, "admin_withdraw_paid(:me, id, txHash?, reason?)", NULL},
    {"POST", "/im/withdraw/failed", ADMIN, NOTHING, "admin_withdraw_failed(:me, id, reason?)", NULL},
    {"GET", "/im/fund/list", ADMIN, PAGE, "admin_fund_list(:me, userId?, type?, page?, size?)", NULL},
    {"GET", "/im/fund/check", ADMIN, ONE, "admin_fund_check(:me)", NULL},
    {"GET", "/im/redPacket/list", ADMIN, PAGE, "admin_redpacket_list(:me, userId?, status?, page?, size?)", NULL},
    {0},
};

static struct call login_done = {.text = "admin_login_done(:account, :matched, :address, :solved)"};
static struct call *const calls[] = {&login_done, &login_captcha_create, NULL};

static void answer_token(struct request *r, const PGresult *rows)
{
    login_answer(r, AUDIENCE_ADMIN, rows);
}

static void verify(struct request *r, const PGresult *rows)
{
    login_verify(r, rows, &login_done, answer_token);
}

int main(int argc, char **argv)
{
    return program_run(&(struct program){.name = "backstage", .routes = routes, .calls = calls}, argc, argv);
}
