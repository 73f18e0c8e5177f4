/*
 * auth: accounts, sessions and passwords.  Argon2id takes tens of milliseconds of CPU, so the program runs in
 * several processes and serves nothing else.  See auth(8); the rules are in sql/api/auth.sql.
 */
#include "code.h"
#include "limit.h"
#include "login.h"
#include "password.h"
#include "program.h"
#include "reply.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void register_hash(struct request *r, const PGresult *rows);
static void verify(struct request *r, const PGresult *rows);
static void refresh_verify(struct request *r, const PGresult *rows);
static void password_change(struct request *r, const PGresult *rows);
static void trade_change(struct request *r, const PGresult *rows);

static const struct route routes[] = {
    /* method  path             who     shape    call                                     handler */
    {"POST", "/register", ANYONE, ONE, NULL, register_hash},
    {"POST", "/login", ANYONE, ONE, "auth_login_find(username, :address, captchaId?, captchaCode?)", verify},
    {"PUT", "/refreshToken", ANYONE, ONE, NULL, refresh_verify},
    {"POST", "/logout", USER, NOTHING, "auth_logout(:me, :session, all?)", NULL},
    {"PUT", "/modifyPwd", USER, NOTHING, "auth_password_hash(:me, :session)", password_change},
    {"PUT", "/setTradePwd", USER, NOTHING, "auth_password_hash(:me, :session)", trade_change},
    {"GET", "/captcha", ANYONE, ONE, NULL, login_captcha},
    {0},
};

static struct call register_call = {
    .text = "auth_register(username!, :hash, nickName!?, email?, phone?, :address, captchaId?, captchaCode?)"};
static struct call login_done = {.text = "auth_login_done(:account, :matched, :address, :device, :hash, :solved)"};
static struct call refresh_call = {.text = "auth_refresh(:account, :session, :generation)"};
static struct call trade_set = {.text = "auth_trade_set(:me, :session, tradePassword#, oldTradePassword#?, :matched, :same)"};

static struct call password_set = {.text = "auth_password_change(:me, :session, :matched, :hash, :old, :trade)"};

static struct call *const calls[] = {&register_call, &login_done,     &refresh_call, &trade_set,
                                     &password_set,  &login_captcha_create, NULL};

static void register_hash(struct request *r, const PGresult *rows)
{
    char hash[PASSWORD_HASH_SIZE];
    const char *password = login_password(r, "password");

    (void)rows;
    if (!password)
        return;
    password_hash(password, hash);
    request_set(r, "hash", hash);
    serve_call(r, &register_call, NULL);
}

static void set_number(struct request *r, const char *name, int64_t number)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRId64, number);
    request_set(r, name, text);
}

static void answer_tokens(struct request *r, const PGresult *rows)
{
    login_answer(r, AUDIENCE_USER, rows);
}

static void verify(struct request *r, const PGresult *rows)
{
    login_verify(r, rows, &login_done, answer_tokens);
}

static struct limit refreshes = {.burst = 30, .per_minute = 30};

static void refresh_verify(struct request *r, const PGresult *rows)
{
    const char *token = request_text(r, "refreshToken");

    (void)rows;
    if (!token)
        token = request_parameter(r, "HTTP_REFRESHTOKEN");
    if (!token) {
        reply_code(r, CODE_BAD_REQUEST, "refreshToken");
        return;
    }
    if (!token_verify(token, AUDIENCE_USER, TOKEN_REFRESH, &r->claims)) {
        reply_code(r, CODE_UNAUTHORIZED, NULL);
        return;
    }
    if (!serve_allows(r, &refreshes))
        return;
    set_number(r, "account", r->claims.subject);
    set_number(r, "session", r->claims.session);
    set_number(r, "generation", r->claims.generation);
    serve_call(r, &refresh_call, answer_tokens);
}

static void password_change(struct request *r, const PGresult *rows)
{
    const char *old = login_password(r, "oldPassword"), *new = old ? login_password(r, "newPassword") : NULL;
    char hash[PASSWORD_HASH_SIZE];

    if (!new)
        return;
    bool matched = password_matches(old, PQgetvalue(rows, 0, 0));
    if (matched) {
        password_hash(new, hash);
        request_set(r, "hash", hash);
        request_set(r, "trade", request_trade_digest(r, new));
    }
    request_set(r, "old", PQgetvalue(rows, 0, 0));
    request_set(r, "matched", matched ? "true" : "false");
    serve_call(r, &password_set, NULL);
}

static void set_matches(struct request *r, const char *name, const char *password, const PGresult *rows)
{
    request_set(r, name, password_matches(password, PQgetvalue(rows, 0, 0)) ? "true" : "false");
}

/* The first trade password is free; a change shows the old one or the login password, which it is not itself. */
static void trade_change(struct request *r, const PGresult *rows)
{
    const char *trade = login_password(r, "tradePassword"), *password = request_text(r, "password"), *text;
    struct json_object *given;

    if (!trade)
        return;
    if (!password && request_field(r, "password", &given, &text)) {
        reply_code(r, CODE_BAD_REQUEST, "password");
        return;
    }
    if (password)
        set_matches(r, "matched", password, rows);
    set_matches(r, "same", trade, rows);
    serve_call(r, &trade_set, NULL);
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
