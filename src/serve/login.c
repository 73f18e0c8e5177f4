#include "login.h"
#include "base/abandon.h"
#include "base/code.h"
#include "base/json.h"
#include "base/password.h"
#include "reply.h"
#include "rows.h"
#include "serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *login_password(struct request *r, const char *name)
{
    const char *password = request_text(r, name);

    if (password && password_acceptable(password))
        return password;
    reply_code(r, CODE_BAD_REQUEST, name);
    return NULL;
}

bool login_keep(struct request *r, const PGresult *rows)
{
    if (!request_text(r, "password")) {
        reply_code(r, CODE_BAD_REQUEST, "password");
        return false;
    }
    if (PQntuples(rows) > 0) {
        request_set(r, "account", PQgetvalue(rows, 0, 0));
        request_set(r, "hash", PQgetvalue(rows, 0, 1));
        request_set(r, "solved", *PQgetvalue(rows, 0, 2) == 't' ? "true" : "false");
    }
    return true;
}

void login_match(struct request *r)
{
    const char *password = request_text(r, "password"), *hash = request_value(r, "hash");
    bool matched = password_matches(password, hash);
    char fresh[PASSWORD_HASH_SIZE];

    request_set(r, "matched", matched ? "true" : "false");
    if (!matched || password_current(hash))
        return;
    password_hash(password, fresh);
    request_set(r, "fresh", fresh);
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

    obstack_1grow(&r->answer, '{');
    grow_token(&r->answer, "accessToken", audience, TOKEN_ACCESS, &claims);
    if (audience == AUDIENCE_USER) {
        obstack_1grow(&r->answer, ',');
        grow_token(&r->answer, "refreshToken", audience, TOKEN_REFRESH, &claims);
    }
    for (int column = 0; column < PQnfields(rows); column++) {
        if (column == ver || column == session || column == generation || column == issued)
            continue;
        obstack_1grow(&r->answer, ',');
        json_grow_string(&r->answer, PQfname(rows, column));
        obstack_1grow(&r->answer, ':');
        rows_grow_cell(&r->answer, rows, 0, column);
    }
    obstack_grow0(&r->answer, "}", 1);
    reply_data(r, obstack_finish(&r->answer));
}
