#include "download.h"

#include "base/code.h"
#include "base/json.h"
#include "reply.h"
#include "request.h"

#include <string.h>

/* The name twice: for old clients in ASCII without what any of them trips over, and as it is by RFC 8187. */
static void grow_name(struct obstack *out, const char *name)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    static const char digits[] = "0123456789ABCDEF";

    json_grow(out, "; filename=\"");
    for (const char *c = name; *c; c++)
        if ((*c & 0xc0) != 0x80) /* one for each character */
            obstack_1grow(out, *c == ' ' || strchr(plain, *c) ? *c : '_');
    json_grow(out, "\"; filename*=UTF-8''");
    for (const char *c = name; *c; c++) {
        if (strchr(plain, *c)) {
            obstack_1grow(out, *c);
            continue;
        }
        obstack_1grow(out, '%');
        obstack_1grow(out, digits[(unsigned char)*c >> 4]);
        obstack_1grow(out, digits[*c & 15]);
    }
}

/* nginx sends the bytes: ranges, conditions and HEAD are its affair. */
void download_file(struct request *r, const PGresult *rows)
{
    struct obstack *out = &r->answer;
    const char *bytes = PQgetvalue(rows, 0, 0), *mime = PQgetvalue(rows, 0, 2);

    if (PQgetisnull(rows, 0, 0)) { /* it has no such part */
        reply_code(r, CODE_NOT_FOUND, NULL);
        return;
    }
    json_grow(out, "X-Accel-Redirect: /files/");
    obstack_grow(out, bytes, 2);
    obstack_1grow(out, '/');
    json_grow(out, bytes);
    json_grow(out, "\r\nContent-Type: ");
    json_grow(out, mime);
    json_grow(out, "\r\nCache-Control: private, no-cache\r\nContent-Disposition: ");
    json_grow(out, *PQgetvalue(rows, 0, 3) == 't' ? "inline" : "attachment");
    grow_name(out, PQgetvalue(rows, 0, 1));
    obstack_grow0(out, "\r\n", 2);
    reply_write(r, 200, obstack_finish(out), "");
    r->answered = true;
}
