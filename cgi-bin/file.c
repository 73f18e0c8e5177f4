/*
 * file: upload and download.  nginx has an upload's body on disk and sends a download's bytes; this program never holds
 * either.  See file(8); who may read what is in sql/lib/file.sql.
 *
 * An upload is examined in a process of its own, then noted in PostgreSQL, which nobody sees, then its bytes get their
 * names, in another such process, for that waits for the disk too; then it is there.  Whatever ends in between leaves at
 * most a row that imclerk takes away.
 */
#include "base/abandon.h"
#include "base/code.h"
#include "base/log.h"
#include "base/task.h"
#include "serve/download.h"
#include "serve/program.h"
#include "serve/reply.h"
#include "examine.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void upload(struct request *r, const PGresult *rows);

/* clang-format off */
static const struct route routes[] = {
    /* method  path            who   shape  call, handler */
    {"POST", "/file/upload", USER, ONE, "file_room(:me)", upload},
    {"POST", "/image/upload", USER, ONE, "file_room(:me)", upload},
    {"POST", "/video/upload", USER, ONE, "file_room(:me)", upload},
    {"GET", "/file/download", USER, NOTHING, "file_download(:me, url)", download_file},
    {0},
};
/* clang-format on */

static struct call add = {
    .text = "file_add(:me, :name, :kind, :mime, :hash, :size, :thumbHash?, :thumbSize?, :thumbMime?, :originalHash?, "
            ":originalSize?, :originalMime?, :width?, :height?, :milliseconds?)"};
static struct call done = {.text = "file_done(:me, :id)"};
static struct call *const calls[] = {&add, &done, NULL};

/* An upload on its way; outlives the request's pool. */
struct upload {
    struct request *r;
    struct task task;
    struct examine_order order;
    struct examined found;
    int sealed[DECODE_PARTS];
    const char *names[DECODE_PARTS]; /* in the store */
    bool kept;                       /* they are there */
};

static void upload_release(struct request *r)
{
    struct upload *u = r->owned;

    for (int part = 0; part < DECODE_PARTS; part++)
        if (u->sealed[part] >= 0)
            close(u->sealed[part]);
    free(u);
}

/* --- 3: the bytes have their names, on disk --- */

static void keep_work(struct task *task)
{
    struct upload *u = task->owner;
    bool kept = store_open();

    for (int part = 0; part < DECODE_PARTS; part++)
        kept = kept && (!u->names[part] || store_put(u->sealed[part], u->names[part]));
    if (!kept)
        log_error("could not store an upload: %s", strerror(errno));
    if (!parcel_send(task->socket, &kept, sizeof kept, NULL, 0))
        log_error("could not say what became of an upload: %s", strerror(errno));
}

static void kept(struct request *r)
{
    const struct upload *u = r->owned;

    if (u->task.told && u->kept)
        transaction_call(r, &done, NULL);
    else
        reply_code(r, CODE_INTERNAL, NULL);
}

static void keep_done(struct task *task)
{
    serve_resume(((struct upload *)task->owner)->r, kept);
}

/* --- 2: it is noted --- */

static void added(struct request *r, const PGresult *rows)
{
    struct upload *u = r->owned;

    request_set(r, "id", PQgetvalue(rows, 0, 0));
    for (int part = 0; part < DECODE_PARTS; part++)
        u->names[part] = PQgetisnull(rows, 0, 1 + part) ? NULL : request_copy(r, PQgetvalue(rows, 0, 1 + part));
    u->task = (struct task){.work = keep_work,
                            .done = keep_done,
                            .owner = u,
                            .keep = u->sealed,
                            .keeps = DECODE_PARTS,
                            .result = &u->kept,
                            .size = sizeof u->kept};
    task_run(program_loop(), &u->task);
}

static void set_number(struct request *r, const char *name, int64_t number)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRId64, number);
    request_set(r, name, text);
}

static void set_part(struct request *r, const struct examined *found, int part, const char *hash, const char *size,
                     const char *mime)
{
    if (!found->hash[part][0])
        return;
    request_set(r, hash, found->hash[part]);
    set_number(r, size, found->size[part]);
    if (mime)
        request_set(r, mime, format_mime(found->format[part]));
}

static void add_file(struct request *r, const struct examined *found)
{
    request_set(r, "name", found->name);
    request_set(r, "kind", examine_kind(found->kind));
    request_set(r, "mime", found->mime);
    set_part(r, found, DECODE_BYTES, "hash", "size", NULL);
    set_part(r, found, DECODE_THUMB, "thumbHash", "thumbSize", "thumbMime");
    set_part(r, found, DECODE_ORIGINAL, "originalHash", "originalSize", "originalMime");
    if (found->width && found->height) {
        set_number(r, "width", found->width);
        set_number(r, "height", found->height);
    }
    if (found->milliseconds >= 0)
        set_number(r, "milliseconds", found->milliseconds);
    transaction_call(r, &add, added);
}

/* --- 0: nginx asks whether a body may come, before it reads any of it --- */

static bool at_door(struct request *r)
{
    const char *body = request_parameter(r, "REQUEST_BODY_FILE");

    return body && strcmp(body, "-") == 0;
}

/* nginx takes 204, 401 and 403, and looks up in http.conf what to say. */
static void answer(struct request *r, int code, const char *detail, const char *data)
{
    char header[32];

    if (!at_door(r)) {
        reply_http(r, code, detail, data);
        return;
    }
    snprintf(header, sizeof header, "X-IM-Code: %d\r\n", code);
    reply_write(r, code == CODE_OK ? 204 : code == CODE_INTERNAL ? 500 : code == CODE_UNAUTHORIZED ? 401 : 403, header, "");
}

/* --- 1: it is examined --- */

static void examine_work(struct task *task)
{
    struct upload *u = task->owner;
    int parts[DECODE_PARTS], sent[DECODE_PARTS], count = 0;

    examine(&u->order, &u->found, parts);
    for (int part = 0; part < DECODE_PARTS; part++)
        if (parts[part] >= 0)
            sent[count++] = parts[part];
    if (!parcel_send(task->socket, &u->found, sizeof u->found, sent, u->found.code == CODE_OK ? count : 0))
        log_error("could not say what an upload is: %s", strerror(errno));
}

static void examined(struct request *r)
{
    const struct upload *u = r->owned;
    const struct examined *found = &u->found;

    if (!u->task.told)
        reply_code(r, CODE_INTERNAL, NULL);
    else if (found->code != CODE_OK)
        reply_code(r, found->code, found->detail[0] ? found->detail : NULL);
    else if (output_closed(&r->output)) { /* as if it had left before: nothing is kept */
        log_info("who has uploaded a file has left");
        reply_code(r, CODE_BAD_REQUEST, "body");
    } else
        add_file(r, found);
}

static void examine_done(struct task *task)
{
    struct upload *u = task->owner;
    int next = 0;

    for (int part = 0; task->told && part < DECODE_PARTS; part++)
        if (u->found.hash[part][0])
            u->sealed[part] = task->descriptors[next++];
    serve_resume(u->r, examined);
}

static int64_t cell(const PGresult *rows, const char *column)
{
    return strtoll(PQgetvalue(rows, 0, PQfnumber(rows, column)), NULL, 10);
}

static void upload(struct request *r, const PGresult *rows)
{
    const char *body = request_parameter(r, "REQUEST_BODY_FILE");

    if (!body || at_door(r)) {
        reply_code(r, body ? CODE_OK : CODE_BAD_REQUEST, body ? NULL : "body");
        return;
    }
    struct upload *u = malloc(sizeof *u);
    if (!u)
        abandon_request("out of memory");
    *u = (struct upload){.r = r, .order = {.path = body, .content_type = request_parameter(r, "CONTENT_TYPE")}};
    r->owned = u;
    r->release = upload_release;
    memset(u->sealed, -1, sizeof u->sealed);
    u->order.kind = r->path[1] == 'i' ? DECODE_IMAGE : r->path[1] == 'v' ? DECODE_VIDEO : DECODE_FILE;
    u->order.room = cell(rows, "room");
    u->order.pixels = cell(rows, "pixels");
    for (int kind = 0; kind < EXAMINE_KINDS; kind++)
        u->order.sizes[kind] = cell(rows, examine_kind(kind));
    u->task = (struct task){.work = examine_work, .done = examine_done, .owner = u, .result = &u->found, .size = sizeof u->found};
    task_run(program_loop(), &u->task);
}

int main(int argc, char **argv)
{
    return program_run(&(struct program){.name = "file", .routes = routes, .calls = calls, .answer = answer}, argc, argv);
}
