/*
 * auth: accounts and their passwords.  Argon2id takes tens of milliseconds of CPU, so the program runs in several
 * processes and serves nothing else.  See auth(8); the rules are in sql/api/auth.sql.
 */
#include "base/code.h"
#include "base/limit.h"
#include "base/password.h"
#include "serve/burn.h"
#include "serve/login.h"
#include "serve/program.h"
#include "serve/reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void register_hash(struct request *r, const PGresult *rows);
static void verify(struct request *r, const PGresult *rows);
static void password_change(struct request *r, const PGresult *rows);
static void trade_change(struct request *r, const PGresult *rows);
static void close_account(struct request *r, const PGresult *rows);

/* clang-format off */
static const struct route routes[] = {
    /* method  path             who     shape    call                                     handler */
    {"POST", "/register", ANYONE, ONE, NULL, register_hash},
    {"POST", "/login", ANYONE, ONE, "auth_login_find(username|userName, :address, captchaId?, captchaCode?)", verify},
    {"PUT", "/modifyPwd", USER, NOTHING, "auth_password_hash(:me, :session)", password_change},
    {"PUT", "/setTradePwd", USER, NOTHING, "auth_password_hash(:me, :session)", trade_change},
    {"POST", "/user/close", USER, NOTHING, "auth_password_hash(:me, :session)", close_account},
    {0},
};
/* clang-format on */

static struct call register_call = {
    .text = "auth_register(username|userName!, :hash, nickName[20]!?, email?, phone?, :address, captchaId?, captchaCode?)"};
static struct call login_done = {.text = "auth_login_done(:account, :matched, :address, :device, :hash, :solved, :fresh)"};
static struct call trade_set = {.text = "auth_trade_set(:me, :session, tradePassword#, oldTradePassword#?, :matched, :same)"};

static struct call password_set = {.text = "auth_password_change(:me, :session, :matched, :hash, :old, :trade)"};

static struct call account_close = {.text = "auth_close(:me, :session, :matched, :old)"};

static struct call *const calls[] = {&register_call, &login_done, &trade_set, &password_set, &account_close, NULL};

/* What an account may have computed with its token: of log-ins the addresses are limited, and the failures. */
static struct limit changes = {.burst = 10, .per_minute = 10};

static void register_now(struct request *r)
{
    char hash[PASSWORD_HASH_SIZE];

    password_hash(request_text(r, "password"), hash);
    request_set(r, "hash", hash);
    transaction_call(r, &register_call, NULL);
}

static void register_hash(struct request *r, const PGresult *rows)
{
    (void)rows;
    if (login_password(r, "password"))
        burn_later(r, register_now);
}

static void answer_tokens(struct request *r, const PGresult *rows)
{
    login_answer(r, AUDIENCE_USER, rows);
}

static void verify_now(struct request *r)
{
    login_match(r);
    transaction_call(r, &login_done, answer_tokens);
}

static void verify(struct request *r, const PGresult *rows)
{
    if (login_keep(r, rows))
        burn_later(r, verify_now);
}

static void set_matches(struct request *r, const char *name, const char *password)
{
    request_set(r, name, password_matches(password, request_value(r, "old")) ? "true" : "false");
}

static void change_now(struct request *r)
{
    const char *new = request_text(r, "newPassword");
    char hash[PASSWORD_HASH_SIZE];

    set_matches(r, "matched", request_text(r, "oldPassword"));
    if (strcmp(request_value(r, "matched"), "true") == 0) {
        password_hash(new, hash);
        request_set(r, "hash", hash);
        request_set(r, "trade", request_trade_digest(r, new));
    }
    transaction_call(r, &password_set, NULL);
}

static void password_change(struct request *r, const PGresult *rows)
{
    if (!login_password(r, "oldPassword") || !login_password(r, "newPassword") || !serve_allows(r, &changes))
        return;
    request_set(r, "old", PQgetvalue(rows, 0, 0));
    burn_later(r, change_now);
}

static void close_now(struct request *r)
{
    set_matches(r, "matched", request_text(r, "password"));
    transaction_call(r, &account_close, NULL);
}

static void close_account(struct request *r, const PGresult *rows)
{
    if (!login_password(r, "password") || !serve_allows(r, &changes))
        return;
    request_set(r, "old", PQgetvalue(rows, 0, 0));
    burn_later(r, close_now);
}

static void trade_now(struct request *r)
{
    const char *password = request_text(r, "password");

    if (password)
        set_matches(r, "matched", password);
    set_matches(r, "same", request_text(r, "tradePassword"));
    transaction_call(r, &trade_set, NULL);
}

/* The first trade password is free; a change shows the old one or the login password, which it is not itself. */
static void trade_change(struct request *r, const PGresult *rows)
{
    struct json_object *given;
    const char *text;

    if (!login_password(r, "tradePassword"))
        return;
    if (!request_text(r, "password") && request_field(r, "password", &given, &text)) {
        reply_code(r, CODE_BAD_REQUEST, "password");
        return;
    }
    if (!serve_allows(r, &changes))
        return;
    request_set(r, "old", PQgetvalue(rows, 0, 0));
    burn_later(r, trade_now);
}

/* `auth --hash` prints the Argon2id string of the password on standard input: imctl makes administrators so. */
static int print_hash(void)
{
    char password[512], hash[PASSWORD_HASH_SIZE];

    password_open();
    if (!fgets(password, sizeof password, stdin))
        return EXIT_FAILURE;
    password[strcspn(password, "\n")] = '\0';
    if (!password_acceptable(password)) {
        fprintf(stderr, "auth: a password has %d to %d characters\n", PASSWORD_MIN, PASSWORD_MAX);
        return EXIT_FAILURE;
    }
    password_hash(password, hash);
    puts(hash);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--hash") == 0)
        return print_hash();
    return program_run(&(struct program){.name = "auth", .routes = routes, .calls = calls}, argc, argv);
}
