/*
 * socket: the WebSocket's other end.  nchan asks /socket/handshake before it upgrades a connection, and posts
 * every frame to /socket/frame.  A frame carries the user's own token and is checked like any other request;
 * what it is answered goes to the socket's channel, never into the HTTP answer.  See socket(8).
 */
#include "base/abandon.h"
#include "base/code.h"
#include "base/jsonread.h"
#include "base/log.h"
#include "base/push.h"
#include "serve/program.h"
#include "serve/reply.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void frame(struct request *r, const PGresult *rows);

/* clang-format off */
static const struct route routes[] = {
    /* method  path               who     shape    call                                                      handler */
    {"POST", "/socket/handshake", USER, VALUE, "socket_open(:me, :session, :expires, :node, :worker)", NULL},
    {"POST", "/socket/frame", ANYONE, NOTHING, NULL, frame},
    {"WS", "HEARTBEAT", USER, ONE, "socket_heartbeat(:me, received?, status?, since?)", NULL},
    {"WS", "PRIVATE_MESSAGE", USER, NOTHING,
     "message_private_send(:me, receiverId, content*, messageType, atUserIds?, clientMsgId?)", NULL},
    {"WS", "GROUP_MESSAGE", USER, NOTHING,
     "message_group_send(:me, groupId, content*, messageType, atUserIds?, clientMsgId?)", NULL},
    {0},
};
/* clang-format on */

static const char *const many[] = {"message_private_send", "socket_heartbeat", NULL};

/* As its document's, which owns it. */
static struct json_object *empty_data(struct request *r)
{
    struct json_object *data = json_empty();

    if (json_object_object_add(r->document, "data", data) == 0)
        return data;
    json_object_put(data);
    abandon_request("out of memory");
}

/* Takes the envelope {"type", "data"} apart and dispatches the data as a request of method WS. */
static void frame(struct request *r, const PGresult *rows)
{
    struct json_object *data = NULL;

    (void)rows;
    r->method = "WS";
    r->query = NULL; /* the handshake's, not the frame's */
    const char *type = request_text(r, "type");
    if (!request_identify(r, AUDIENCE_USER)) {
        reply_code(r, CODE_UNAUTHORIZED, NULL);
    } else if (!type) {
        reply_code(r, CODE_BAD_REQUEST, "type");
    } else if (json_object_object_get_ex(r->body, "data", &data) && !json_object_is_type(data, json_type_object)) {
        reply_code(r, CODE_BAD_REQUEST, "data");
    } else {
        r->path = type;
        r->body = data ? data : empty_data(r);
        serve_dispatch(r);
    }
}

/* The answer that makes nchan close the socket. */
static void answer_close(void *owner)
{
    struct request *r = owner;

    reply_write(r, 403, "", "");
    r->answered = true;
    r->finish(r);
}

/* The frame's own type and data to its socket, whose number nchan's nginx adds.  With close, the socket is closed when that is out:
 * false when it has to be closed at once, because there is too much to push already. */
static bool push_own(struct request *r, const char *type, const char *data, bool close)
{
    const char *socket = request_parameter(r, "HTTP_X_IM_SOCKET");
    char channel[24];

    snprintf(channel, sizeof channel, "c%s", socket ? socket : "0");
    json_grow(&r->answer, "{\"type\":");
    json_grow_string(&r->answer, type);
    json_grow(&r->answer, ",\"data\":");
    json_grow(&r->answer, data);
    obstack_grow0(&r->answer, "}", 1);
    return push_body(channel, obstack_finish(&r->answer), close ? answer_close : NULL, r);
}

/* How the client calls what it has sent, or NULL; also in an envelope out of form, and in what is not JSON. */
static const char *client_id(struct request *r)
{
    const char *known = r->body ? request_text(r, "clientMsgId") : NULL;

    if (known || !r->text)
        return known;
    struct json_object *found = json_find_text(r->text, strlen(r->text), "clientMsgId");
    if (found)
        known = request_copy(r, json_object_get_string(found));
    json_object_put(found);
    return known;
}

/* {"event":"ERROR","code":…,"message":…,"clientMsgId":…}; the last lets the client find what was refused. */
static bool push_error(struct request *r, int code, const char *detail, bool close)
{
    const char *id = client_id(r);

    json_grow(&r->answer, "{\"event\":\"ERROR\",");
    reply_grow_code(r, code, detail);
    if (id) {
        json_grow(&r->answer, ",\"clientMsgId\":");
        json_grow_string(&r->answer, id);
    }
    obstack_grow0(&r->answer, "}", 1);
    return push_own(r, "SYSTEM_MESSAGE", obstack_finish(&r->answer), close);
}

/* Bytes that no client writes: nchan has lost its place in what this one sends (socket(8)), and would go on like that. */
static bool misread(const struct request *r)
{
    return r->text && !r->document && !json_is_text(r->text, r->length);
}

static void answer_frame(struct request *r, int code, const char *detail, const char *data)
{
    bool close = code == CODE_UNAUTHORIZED || code == CODE_BANNED || misread(r);

    if (code == CODE_NOT_FOUND && !r->route->call) {
        code = CODE_BAD_REQUEST; /* no row of that type */
        detail = "type";
    }
    /* unknown: refused before frame() looked at it, for it is no JSON; or expired, which is told like all else */
    bool known = r->known || request_identify(r, AUDIENCE_USER) || r->claims.expired;
    if (code == CODE_OK && strcmp(data, "null") != 0 && !push_own(r, r->path, data, false))
        log_info("an answer to a frame is lost: there is too much to push");
    else if (code != CODE_OK && known && push_error(r, code, detail, close) && close)
        r->answered = false; /* answer_close() does it */
    if (r->answered)
        reply_write(r, close ? 403 : 204, "", "");
}

/* nchan's nginx takes 204, 401 and 403 from here, and looks up in push.conf what to say. */
static void answer_handshake(struct request *r, int code, const char *socket)
{
    char headers[96];

    if (code == CODE_OK)
        snprintf(headers, sizeof headers, "X-IM-Socket: %s\r\nX-IM-Account: %" PRId64 "\r\n", socket, r->claims.subject);
    else
        snprintf(headers, sizeof headers, "X-IM-Code: %d\r\n", code);
    reply_write(r, code == CODE_OK ? 204 : code == CODE_BANNED ? 403 : 401, headers, "");
}

static void answer(struct request *r, int code, const char *detail, const char *data)
{
    if (!r->route || r->route == &routes[0])
        answer_handshake(r, code, data);
    else
        answer_frame(r, code, detail, data);
}

int main(int argc, char **argv)
{
    return program_run(&(struct program){.name = "socket", .routes = routes, .many = many, .answer = answer}, argc, argv);
}
