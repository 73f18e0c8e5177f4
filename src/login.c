#include "login.h"
#include "abandon.h"
#include "code.h"
#include "password.h"
#include "reply.h"
#include "serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void login_verify(struct request *r, const PGresult *rows, const struct call *open, request_handler *then)
{
    const char *password = request_text(r, "password");
    bool found = PQntuples(rows) > 0;

    if (!password) {
        reply_code(r, CODE_BAD_REQUEST, "password");
        return;
    }
    bool matched = password_matches(password, found ? PQgetvalue(rows, 0, 1) : NULL);
    if (found) {
        request_set(r, "account", PQgetvalue(rows, 0, 0));
        request_set(r, "hash", PQgetvalue(rows, 0, 1));
    }
    request_set(r, "matched", matched ? "true" : "false");
    serve_call(r, open, then);
}

static int64_t number(const PGresult *rows, int column)
{
    return column < 0 ? 0 : strtoll(PQgetvalue(rows, 0, column), NULL, 10);
}

static void grow_token(struct obstack *out, const char *name, enum audience audience, enum token_kind kind,
                       const struct claims *claims)
{
    char *token = token_sign(audience, kind, claims), rest[64];

    if (!token)
        abandon_request("could not sign a token");
    json_grow_string(out, name);
    obstack_1grow(out, ':');
    json_grow_string(out, token);
    snprintf(rest, sizeof rest, ",\"%sExpiresIn\":%ld", name, token_lifetime(kind));
    json_grow(out, rest);
    free(token);
}

void login_answer(struct request *r, enum audience audience, const PGresult *rows)
{
    int ver = PQfnumber(rows, "ver"), session = PQfnumber(rows, "session");
    int generation = PQfnumber(rows, "generation"), issued = PQfnumber(rows, "\"issuedAt\"");
    struct claims claims = {
        .subject = number(rows, 0),
        .version = (int)number(rows, ver),
        .session = number(rows, session),
        .generation = (int)number(rows, generation),
        .issued_at = number(rows, issued),
    };

    obstack_1grow(&r->pool, '{');
    grow_token(&r->pool, "accessToken", audience, TOKEN_ACCESS, &claims);
    if (audience == AUDIENCE_USER) {
        obstack_1grow(&r->pool, ',');
        grow_token(&r->pool, "refreshToken", audience, TOKEN_REFRESH, &claims);
    }
    for (int column = 0; column < PQnfields(rows); column++) {
        if (column == ver || column == session || column == generation || column == issued)
            continue;
        obstack_1grow(&r->pool, ',');
        json_grow_string(&r->pool, PQfname(rows, column));
        obstack_1grow(&r->pool, ':');
        reply_grow_cell(&r->pool, rows, 0, column);
    }
    obstack_grow0(&r->pool, "}", 1);
    reply_data(r, obstack_finish(&r->pool));
}
