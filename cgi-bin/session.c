/*
 * session: tokens renewed, sessions ended, and captchas: what nobody should wait for because others log in.  See
 * session(8); the rules are in sql/api/session.sql.
 */
#include "base/code.h"
#include "base/limit.h"
#include "serve/login.h"
#include "serve/program.h"
#include "serve/reply.h"
#include "captcha.h"

#include <inttypes.h>
#include <stdio.h>

static void refresh_verify(struct request *r, const PGresult *rows);

/* clang-format off */
static const struct route routes[] = {
    /* method  path             who     shape    call, handler */
    {"PUT", "/refreshToken", ANYONE, ONE, NULL, refresh_verify},
    {"POST", "/logout", USER, NOTHING, "session_logout(:me, :session, all?)", NULL},
    {"GET", "/captcha", ANYONE, ONE, NULL, captcha_create},
    {0},
};
/* clang-format on */

static struct call refresh_call = {.text = "session_refresh(:account, :session, :generation, :address)"};
static struct call *const calls[] = {&refresh_call, &captcha_create_call, NULL};

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
    transaction_call(r, &refresh_call, answer_tokens);
}

int main(int argc, char **argv)
{
    return program_run(&(struct program){.name = "session", .routes = routes, .calls = calls}, argc, argv);
}
