/*
 * webrtc: calls of two and of a group.  See webrtc(8); the rules are in sql/api/webrtc.sql.
 *
 * What is here in C is the list of ICE servers: the secret that signs a credential of the TURN server is this
 * program's alone.
 */
#include "base/abandon.h"
#include "base/base64.h"
#include "base/config.h"
#include "base/json.h"
#include "base/log.h"
#include "serve/program.h"
#include "serve/reply.h"

#include <gcrypt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void ring(struct request *r, const PGresult *rows);
static void servers(struct request *r, const PGresult *rows);

/* clang-format off */
static const struct route routes[] = {
    /* method  path  who  shape  call, handler */
    {"POST", "/webrtc/private/setup", USER, ONE, "webrtc_private_setup(:me, friendId, mode)", ring},
    {"POST", "/webrtc/private/accept", USER, ONE, "webrtc_private_accept(:me, callId)", ring},
    {"POST", "/webrtc/private/reject", USER, NOTHING, "webrtc_private_reject(:me, callId, reason*?)", NULL},
    {"POST", "/webrtc/private/cancel", USER, NOTHING, "webrtc_private_cancel(:me, callId)", NULL},
    {"POST", "/webrtc/private/handup", USER, NOTHING, "webrtc_private_handup(:me, callId)", NULL},
    {"POST", "/webrtc/private/offer", USER, NOTHING, "webrtc_private_offer(:me, callId, offer)", NULL},
    {"POST", "/webrtc/private/answer", USER, NOTHING, "webrtc_private_answer(:me, callId, answer)", NULL},
    {"POST", "/webrtc/private/heartbeat", USER, NOTHING, "webrtc_private_heartbeat(:me, callId, candidate?)",
     NULL},
    {"POST", "/webrtc/group/setup", USER, ONE, "webrtc_group_setup(:me, groupId, mode)", ring},
    {"POST", "/webrtc/group/accept", USER, ONE, "webrtc_group_accept(:me, callId)", ring},
    {"POST", "/webrtc/group/reject", USER, NOTHING, "webrtc_group_reject(:me, callId)", NULL},
    {"POST", "/webrtc/group/join", USER, ONE, "webrtc_group_join(:me, callId)", ring},
    {"POST", "/webrtc/group/handup", USER, NOTHING, "webrtc_group_handup(:me, callId)", NULL},
    {"POST", "/webrtc/group/offer", USER, NOTHING, "webrtc_group_offer(:me, callId, toUserId, offer)", NULL},
    {"POST", "/webrtc/group/answer", USER, NOTHING, "webrtc_group_answer(:me, callId, toUserId, answer)",
     NULL},
    {"POST", "/webrtc/group/candidate", USER, NOTHING,
     "webrtc_group_candidate(:me, callId, toUserId, candidate)", NULL},
    {"POST", "/webrtc/group/heartbeat", USER, NOTHING, "webrtc_group_heartbeat(:me, callId)", NULL},
    {"GET", "/webrtc/call/{callId}", USER, ONE, "webrtc_call(:me, :callId)", NULL},
    {"GET", "/webrtc/current", USER, ONE, "webrtc_current(:me)", NULL},
    {"GET", "/webrtc/config", USER, ONE, NULL, servers},
    {0},
};
/* clang-format on */

static const char *const many[] = {"webrtc_private_heartbeat", NULL};

/* The servers' urls, "" for none; the secret that TURN servers share; the life of a credential in seconds. */
static const char *stun_urls, *turn_urls, *turn_secret;
static long turn_seconds;

static void servers_open(void)
{
    stun_urls = config_text("IM_STUN", "");
    stun_urls += strspn(stun_urls, " ");
    turn_urls = config_text("IM_TURN", "");
    turn_urls += strspn(turn_urls, " ");
    turn_secret = *turn_urls ? config_required("IM_TURN_SECRET") : NULL;
    turn_seconds = config_number("IM_TURN_TTL", 600, 1, 86400);
}

/* Base64 of HMAC-SHA1 under the key: what a TURN server with a shared secret expects as password. */
static char *turn_credential(const char *key, const char *name)
{
    gcry_md_hd_t mac;

    if (gcry_md_open(&mac, GCRY_MD_SHA1, GCRY_MD_FLAG_HMAC) != 0)
        abandon_request("could not start HMAC-SHA1");
    if (gcry_md_setkey(mac, key, strlen(key)) != 0) {
        gcry_md_close(mac);
        abandon_request("could not start HMAC-SHA1");
    }
    gcry_md_write(mac, name, strlen(name));
    char *text = base64_text(gcry_md_read(mac, GCRY_MD_SHA1), 20);
    gcry_md_close(mac);
    if (!text)
        abandon_request("out of memory");
    return text;
}

/* {"urls":["a","b"] of a list with blanks between, which it cuts up; the object stays open. */
static void grow_urls(struct obstack *out, char *list)
{
    const char *before = "{\"urls\":[";
    char *url;

    while ((url = strsep(&list, " "))) {
        if (!*url)
            continue;
        json_grow(out, before);
        json_grow_string(out, url);
        before = ",";
    }
    obstack_1grow(out, ']');
}

/* The credential is good for connections that are made within IM_TURN_TTL; those last. */
static void grow_turn(struct obstack *out, char *list, const char *name, const char *credential)
{
    grow_urls(out, list);
    json_grow(out, ",\"username\":");
    json_grow_string(out, name);
    json_grow(out, ",\"credential\":");
    json_grow_string(out, credential);
    obstack_1grow(out, '}');
}

static char *turn_name(struct request *r)
{
    char name[64];

    snprintf(name, sizeof name, "%lld:%" PRId64, (long long)time(NULL) + turn_seconds, r->claims.subject);
    return request_copy(r, name);
}

/* {callId, iceServers}, or without a call {iceServers}.  Copies come first: the pool grows one text at a
 * time. */
static void answer_servers(struct request *r, const char *call)
{
    char *stun = request_copy(r, stun_urls), *turn = request_copy(r, turn_urls), *name = turn_name(r), *credential = NULL;

    if (turn_secret) {
        char *own = turn_credential(turn_secret, name);
        credential = request_copy(r, own);
        free(own);
    }
    json_grow(&r->answer, "{");
    if (call) {
        json_grow(&r->answer, "\"callId\":");
        json_grow_string(&r->answer, call);
        obstack_1grow(&r->answer, ',');
    }
    json_grow(&r->answer, "\"iceServers\":[");
    if (*stun) {
        grow_urls(&r->answer, stun);
        json_grow(&r->answer, credential ? "}," : "}");
    }
    if (credential)
        grow_turn(&r->answer, turn, name, credential);
    obstack_grow0(&r->answer, "]}", 2);
    reply_data(r, obstack_finish(&r->answer));
}

static void ring(struct request *r, const PGresult *rows)
{
    answer_servers(r, PQgetvalue(rows, 0, 0));
}

static void servers(struct request *r, const PGresult *rows)
{
    (void)rows;
    answer_servers(r, NULL);
}

int main(int argc, char **argv)
{
    log_open("webrtc");
    if (argc == 1) {
        config_load();
        servers_open();
    }
    return program_run(&(struct program){.name = "webrtc", .routes = routes, .many = many}, argc, argv);
}
