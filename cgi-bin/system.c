/*
 * system: what clients are told of this server, and complaints.  See system(8); the rules are in sql/api/system.sql.
 */
#include "base/config.h"
#include "base/password.h"
#include "serve/program.h"

#include <stdio.h>
#include <string.h>

static void config(struct request *r, const PGresult *rows);

/* clang-format off */
static const struct route routes[] = {
    /* method  path  who  shape  call, handler */
    {"GET", "/system/config", ANYONE, ONE, NULL, config},
    {"POST", "/complaint/submit", USER, ONE,
     "complaint_submit(:me, targetType, targetId, reason, description?, images?, messageId?)", NULL},
    {0},
};
/* clang-format on */

static struct call config_call = {.text = "system_config(:version, :passwordMin, :passwordMax, :turn)"};
static struct call *const calls[] = {&config_call, NULL};

static void set_number(struct request *r, const char *name, int number)
{
    char text[12];

    snprintf(text, sizeof text, "%d", number);
    request_set(r, name, text);
}

/* What is known here and not to the database. */
static void config(struct request *r, const PGresult *rows)
{
    (void)rows;
    request_set(r, "version", PACKAGE_VERSION);
    set_number(r, "passwordMin", PASSWORD_MIN);
    set_number(r, "passwordMax", PASSWORD_MAX);
    const char *urls = config_text("IM_TURN", "");
    request_set(r, "turn", urls[strspn(urls, " ")] ? "true" : "false");
    transaction_call(r, &config_call, NULL);
}

int main(int argc, char **argv)
{
    return program_run(&(struct program){.name = "system", .routes = routes, .calls = calls}, argc, argv);
}
