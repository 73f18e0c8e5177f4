/*
 * backstage: administrators, moderation and the review of money orders.  Its own accounts, tokens and database
 * role.  See backstage(8); the rules are in sql/api/backstage*.sql.
 */
#include "base/code.h"
#include "base/password.h"
#include "base/totp.h"
#include "serve/burn.h"
#include "serve/download.h"
#include "serve/login.h"
#include "serve/program.h"
#include "serve/reply.h"
#include "serve/serve.h"
#include "captcha.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void verify(struct request *r, const PGresult *rows);
static void answer_token(struct request *r, const PGresult *rows);
static void password_change(struct request *r, const PGresult *rows);
static void totp_begin(struct request *r, const PGresult *rows);
static void totp_enable(struct request *r, const PGresult *rows);
static void totp_disable(struct request *r, const PGresult *rows);
static void admin_add(struct request *r, const PGresult *rows);
static void admin_update(struct request *r, const PGresult *rows);
static void user_password(struct request *r, const PGresult *rows);

/* clang-format off */
static const struct route routes[] = {
    /* method  path               who     shape    call, handler */
    {"POST", "/login", ANYONE, ONE, "admin_login_find(username, :address, :device, captchaId?, captchaCode?)", verify},
    {"GET", "/captcha", ANYONE, ONE, NULL, captcha_create},

    {"GET", "/im/self", ADMIN, ONE, "admin_self(:me, :session)", NULL},
    {"POST", "/im/self/renew", ADMIN, ONE, "admin_renew(:me, :session)", answer_token},
    {"PUT", "/im/self/password", ADMIN, NOTHING, "admin_password_find(:me)", password_change},
    {"POST", "/im/logout", ADMIN, NOTHING, "admin_logout(:me, :session)", NULL},
    {"POST", "/im/totp/begin", ADMIN, ONE, NULL, totp_begin},
    {"POST", "/im/totp/enable", ADMIN, NOTHING, "admin_totp_find(:me)", totp_enable},
    {"POST", "/im/totp/disable", ADMIN, NOTHING, "admin_totp_find(:me)", totp_disable},
    {"GET", "/im/session/list", ADMIN, SHEET,
     "admin_session_list(:me, :after, format?, page?, size?, sort?, order?, adminId?, live?)", NULL},
    {"POST", "/im/session/end", ADMIN, NOTHING, "admin_session_end(:me, id)", NULL},
    {"GET", "/im/login/list", ADMIN, SHEET,
     "admin_login_list(:me, :after, format?, page?, size?, sort?, order?, adminId?, address?, result?, startTime?, endTime?)",
     NULL},
    {"GET", "/im/admin/list", ADMIN, SHEET,
     "admin_list(:me, :after, format?, page?, size?, sort?, order?, name?, role?, disabled?)", NULL},
    {"POST", "/im/admin/add", ADMIN, ONE, NULL, admin_add},
    {"POST", "/im/admin/update", ADMIN, NOTHING, NULL, admin_update},
    {"POST", "/im/admin/disable", ADMIN, NOTHING, "admin_disable(:me, id)", NULL},
    {"POST", "/im/admin/enable", ADMIN, NOTHING, "admin_enable(:me, id)", NULL},
    {"GET", "/im/audit/list", ADMIN, SHEET,
     "audit_list(:me, :after, format?, page?, size?, sort?, order?, adminId?, action?, target?, startTime?, endTime?)", NULL},

    {"PUT", "/im/user/ban", ADMIN, NOTHING, "admin_user_ban(:me, userId, reason, duration?)", NULL},
    {"PUT", "/im/user/unban", ADMIN, NOTHING, "admin_user_unban(:me, userId)", NULL},
    {"GET", "/im/user/findByName", ADMIN, LIST, "admin_user_find_by_name(:me, name)", NULL},
    {"POST", "/im/user/findByIds", ADMIN, LIST, "admin_user_find_by_ids(:me, userIds)", NULL},
    {"GET", "/im/user/list", ADMIN, SHEET,
     "admin_user_list(:me, :after, format?, page?, size?, sort?, order?, userId?, name?, phone?, email?, status?, online?, "
     "startTime?, endTime?)",
     NULL},
    {"GET", "/im/user/detail", ADMIN, ONE, "admin_user_detail(:me, userId)", NULL},
    {"POST", "/im/user/kick", ADMIN, NOTHING, "admin_user_kick(:me, userId, reason?)", NULL},
    {"POST", "/im/user/resetPassword", ADMIN, NOTHING, NULL, user_password},
    {"POST", "/im/user/resetTradePassword", ADMIN, NOTHING, "admin_user_trade_password(:me, userId, reason?)", NULL},

    {"PUT", "/im/user/unmute", ADMIN, NOTHING, "admin_user_unmute(:me, userId)", NULL},
    {"POST", "/im/user/close", ADMIN, NOTHING, "admin_user_close(:me, userId, reason)", NULL},

    {"PUT", "/im/group/ban", ADMIN, NOTHING, "admin_group_ban(:me, groupId, reason)", NULL},
    {"PUT", "/im/group/unban", ADMIN, NOTHING, "admin_group_unban(:me, groupId)", NULL},
    {"GET", "/im/group/list", ADMIN, SHEET,
     "admin_group_list(:me, :after, format?, page?, size?, sort?, order?, groupId?, name?, ownerId?, status?, startTime?, "
     "endTime?)",
     NULL},
    {"GET", "/im/group/detail", ADMIN, ONE, "admin_group_detail(:me, groupId)", NULL},
    {"GET", "/im/group/member/list", ADMIN, SHEET,
     "admin_group_member_list(:me, :after, format?, page?, size?, sort?, order?, groupId, role?)", NULL},
    {"POST", "/im/group/dissolve", ADMIN, NOTHING, "admin_group_dissolve(:me, groupId, reason?)", NULL},
    {"POST", "/im/group/transfer", ADMIN, NOTHING, "admin_group_transfer(:me, groupId, userId, reason?)", NULL},

    {"GET", "/im/complaint/list", ADMIN, SHEET,
     "admin_complaint_list(:me, :after, format?, page?, size?, sort?, order?, status?, targetType?, targetId?, complainerId?, "
     "resolvedType?, adminId?, startTime?, endTime?)",
     NULL},
    {"GET", "/im/complaint/detail", ADMIN, ONE, "admin_complaint_detail(:me, id)", NULL},
    {"GET", "/im/complaint/file", ADMIN, NOTHING, "admin_complaint_file(:me, id, fileId)", download_file},
    {"POST", "/im/complaint/resolve", ADMIN, NOTHING,
     "admin_complaint_resolve(:me, id, resolvedType, summary, duration?, reason?)", NULL},

    {"POST", "/im/notice/send", ADMIN, ONE,
     "admin_notice_send(:me, title?, content?, templateId?, values?, userIds?, groupIds?, sendTime?)", NULL},
    {"POST", "/im/notice/cancel", ADMIN, NOTHING, "admin_notice_cancel(:me, id)", NULL},
    {"GET", "/im/notice/list", ADMIN, SHEET,
     "admin_notice_list(:me, :after, format?, page?, size?, sort?, order?, kind?, status?, startTime?, endTime?)", NULL},
    {"GET", "/im/notice/recipient/list", ADMIN, SHEET,
     "admin_notice_recipient_list(:me, :after, format?, page?, size?, sort?, order?, id, got?)", NULL},
    {"GET", "/im/notice/template/list", ADMIN, SHEET,
     "admin_notice_template_list(:me, :after, format?, page?, size?, sort?, order?, name?)", NULL},
    {"POST", "/im/notice/template/add", ADMIN, ONE, "admin_notice_template_add(:me, name, title, content)", NULL},
    {"POST", "/im/notice/template/update", ADMIN, NOTHING,
     "admin_notice_template_update(:me, id, name?, title?, content?)", NULL},
    {"POST", "/im/notice/template/delete", ADMIN, NOTHING, "admin_notice_template_delete(:me, id)", NULL},

    {"GET", "/im/recharge/list", ADMIN, SHEET,
     "admin_recharge_list(:me, :after, format?, page?, size?, sort?, order?, status?, userId?, startTime?, endTime?, id?)", NULL},
    {"POST", "/im/recharge/approve", ADMIN, NOTHING, "admin_recharge_approve(:me, id, reason?, txHash?)", NULL},
    {"POST", "/im/recharge/reject", ADMIN, NOTHING, "admin_recharge_reject(:me, id, reason?)", NULL},
    {"GET", "/im/withdraw/list", ADMIN, SHEET,
     "admin_withdraw_list(:me, :after, format?, page?, size?, sort?, order?, status?, userId?, startTime?, endTime?, id?)", NULL},
    {"POST", "/im/withdraw/approve", ADMIN, NOTHING, "admin_withdraw_approve(:me, id, reason?)", NULL},
    {"POST", "/im/withdraw/reject", ADMIN, NOTHING, "admin_withdraw_reject(:me, id, reason?)", NULL},
    {"POST", "/im/withdraw/paid", ADMIN, NOTHING, "admin_withdraw_paid(:me, id, txHash?, reason?)", NULL},
    {"POST", "/im/withdraw/failed", ADMIN, NOTHING, "admin_withdraw_failed(:me, id, reason?)", NULL},
    {"GET", "/im/fund/list", ADMIN, SHEET,
     "admin_fund_list(:me, :after, format?, page?, size?, sort?, order?, userId?, type?, startTime?, endTime?)", NULL},
    {"GET", "/im/fund/check", ADMIN, ONE, "admin_fund_check(:me)", NULL},
    {"GET", "/im/redPacket/list", ADMIN, SHEET,
     "admin_redpacket_list(:me, :after, format?, page?, size?, sort?, order?, userId?, status?, startTime?, endTime?)", NULL},
    {"GET", "/im/redPacket/detail", ADMIN, ONE, "admin_redpacket_detail(:me, redPacketId)", NULL},

    {"GET", "/im/message/private/list", ADMIN, SHEET,
     "admin_message_private_list(:me, :after, format?, page?, size?, sort?, order?, userId?, friendId?, text?, startTime?, "
     "endTime?)",
     NULL},
    {"GET", "/im/message/group/list", ADMIN, SHEET,
     "admin_message_group_list(:me, :after, format?, page?, size?, sort?, order?, groupId?, userId?, text?, startTime?, "
     "endTime?)",
     NULL},
    {"GET", "/im/message/around", ADMIN, LIST, "admin_message_around(:me, id, size?)", NULL},
    {"POST", "/im/message/recall", ADMIN, NOTHING, "admin_message_recall(:me, id, reason?)", NULL},

    {"GET", "/im/sensitiveWord/list", ADMIN, SHEET,
     "admin_word_list(:me, :after, format?, page?, size?, sort?, order?, word?, enabled?)", NULL},
    {"POST", "/im/sensitiveWord/add", ADMIN, ONE, "admin_word_add(:me, word, enabled?)", NULL},
    {"POST", "/im/sensitiveWord/update", ADMIN, NOTHING, "admin_word_update(:me, id, word?, enabled?)", NULL},
    {"POST", "/im/sensitiveWord/enable", ADMIN, NOTHING, "admin_word_enable(:me, id, enabled)", NULL},
    {"POST", "/im/sensitiveWord/delete", ADMIN, ONE, "admin_word_delete(:me, ids)", NULL},
    {"POST", "/im/sensitiveWord/import", ADMIN, LIST, "admin_word_import(:me, text, force?)", NULL},
    {"GET", "/im/sensitiveWord/hit/list", ADMIN, SHEET,
     "admin_word_hit_list(:me, :after, format?, page?, size?, sort?, order?, word, startTime?, endTime?)", NULL},

    {"GET", "/im/file/list", ADMIN, SHEET,
     "admin_file_list(:me, :after, format?, page?, size?, sort?, order?, userId?, kind?, minSize?, startTime?, endTime?)", NULL},
    {"POST", "/im/file/remove", ADMIN, NOTHING, "admin_file_remove(:me, id, reason?)", NULL},

    {"GET", "/im/stat/overview", ADMIN, ONE, "admin_stat_overview(:me)", NULL},
    {"GET", "/im/stat/day/list", ADMIN, SHEET,
     "admin_stat_day_list(:me, :after, format?, page?, size?, sort?, order?, startTime?, endTime?)", NULL},
    {0},
};
/* clang-format on */

static struct call login_done = {.text = "admin_login_done(:account, :matched, :address, :device, :solved, :step, :fresh)"};
static struct call password_set = {.text = "admin_password_change(:me, :session, :matched, :hash, :old)"};
static struct call totp_shown = {.text = "admin_totp_begin(:me, :secret)"};
static struct call totp_set = {.text = "admin_totp_set(:me, :step, :secret, :on)"};
static struct call admin_made = {.text = "admin_add(:me, name, role, :hash, userId?)"};
static struct call admin_changed = {.text = "admin_update(:me, id, role?, :hash, totp?)"};
static struct call user_password_set = {.text = "admin_user_password(:me, userId, :hash, reason?)"};
static struct call *const calls[] = {&login_done,    &password_set,      &totp_shown,          &totp_set, &admin_made,
                                     &admin_changed, &user_password_set, &captcha_create_call, NULL};

static void answer_token(struct request *r, const PGresult *rows)
{
    login_answer(r, AUDIENCE_ADMIN, rows);
}

/* Sets :step to that of the body's code, 0 when it is none of the secret; leaves it when no code was given. */
static void step_set(struct request *r, const char *field, const char *secret, const char *now)
{
    const char *code = request_text(r, field);
    char step[24];

    if (!code)
        return;
    snprintf(step, sizeof step, "%" PRId64, totp_step(secret, code, strtoll(now, NULL, 10)));
    request_set(r, "step", step);
}

static void verify_now(struct request *r)
{
    login_match(r);
    transaction_call(r, &login_done, answer_token);
}

static void verify(struct request *r, const PGresult *rows)
{
    if (PQntuples(rows) && !PQgetisnull(rows, 0, 3))
        step_set(r, "totpCode", PQgetvalue(rows, 0, 3), PQgetvalue(rows, 0, 4));
    if (login_keep(r, rows))
        burn_later(r, verify_now);
}

static void hash_set(struct request *r, const char *field)
{
    char hash[PASSWORD_HASH_SIZE];

    password_hash(request_text(r, field), hash);
    request_set(r, "hash", hash);
}

static void change_now(struct request *r)
{
    hash_set(r, "newPassword");
    request_set(r, "matched", password_matches(request_text(r, "oldPassword"), request_value(r, "old")) ? "true" : "false");
    transaction_call(r, &password_set, NULL);
}

static void password_change(struct request *r, const PGresult *rows)
{
    if (!login_password(r, "oldPassword") || !login_password(r, "newPassword"))
        return;
    request_set(r, "old", PQgetvalue(rows, 0, 0));
    burn_later(r, change_now);
}

static void totp_begin(struct request *r, const PGresult *rows)
{
    char secret[TOTP_SECRET_SIZE];

    (void)rows;
    totp_secret(secret);
    request_set(r, "secret", secret);
    transaction_call(r, &totp_shown, NULL);
}

static void totp_change(struct request *r, const PGresult *rows, const char *on)
{
    step_set(r, "totpCode", PQgetvalue(rows, 0, 0), PQgetvalue(rows, 0, 1));
    if (!request_value(r, "step")) {
        reply_code(r, CODE_BAD_REQUEST, "totpCode");
        return;
    }
    request_set(r, "secret", PQgetvalue(rows, 0, 0));
    request_set(r, "on", on);
    transaction_call(r, &totp_set, NULL);
}

static void totp_enable(struct request *r, const PGresult *rows)
{
    totp_change(r, rows, "true");
}

static void totp_disable(struct request *r, const PGresult *rows)
{
    totp_change(r, rows, "false");
}

static void add_now(struct request *r)
{
    hash_set(r, "password");
    transaction_call(r, &admin_made, NULL);
}

static void admin_add(struct request *r, const PGresult *rows)
{
    (void)rows;
    if (login_password(r, "password"))
        burn_later(r, add_now);
}

static void update_now(struct request *r)
{
    hash_set(r, "password");
    transaction_call(r, &admin_changed, NULL);
}

/* The password may stay as it is. */
static void admin_update(struct request *r, const PGresult *rows)
{
    struct json_object *json;
    const char *text;

    (void)rows;
    if (!request_field(r, "password", &json, &text))
        transaction_call(r, &admin_changed, NULL);
    else if (login_password(r, "password"))
        burn_later(r, update_now);
}

static void user_password_now(struct request *r)
{
    hash_set(r, "newPassword");
    transaction_call(r, &user_password_set, NULL);
}

static void user_password(struct request *r, const PGresult *rows)
{
    (void)rows;
    if (login_password(r, "newPassword"))
        burn_later(r, user_password_now);
}

int main(int argc, char **argv)
{
    return program_run(&(struct program){.name = "backstage", .routes = routes, .calls = calls}, argc, argv);
}
