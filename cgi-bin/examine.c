#include "examine.h"
#include "base/code.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

_Static_assert((int)FORM_BLOCK % (int)STORE_BLOCK == 0, "what the form hands on is what the store likes best");

/* The form as it comes in. */
struct upload {
    const struct examine_order *order;
    struct examined *found;
    struct store_file bytes;
    bool in_file, in_type; /* which field it is at */
    char type[16];
    size_t type_length;
};

static const char *const kinds[EXAMINE_KINDS] = {"file", "image", "voice", "video"};

const char *examine_kind(enum decode_kind kind)
{
    return kinds[kind];
}

/* Always false, for whoever ends with it. */
static bool refuse(struct examined *found, int code, const char *detail)
{
    found->code = code;
    snprintf(found->detail, sizeof found->detail, "%s", detail);
    return false;
}

static bool fail(struct examined *found)
{
    log_error("could not store an upload: %s", strerror(errno));
    return refuse(found, CODE_INTERNAL, "");
}

/* What it is to be, as far as the form has said; EXAMINE_KINDS when there is no such kind. */
static int kind_of(const struct upload *u)
{
    int kind = 0;

    if (!u->type_length)
        return (int)u->order->kind;
    while (kind < EXAMINE_KINDS && strcmp(u->type, kinds[kind]) != 0)
        kind++;
    return kind;
}

static bool part_begins(void *owner, const struct form_part *part)
{
    struct upload *u = owner;
    bool again = u->bytes.descriptor >= 0;

    u->in_file = strcmp(part->name, "file") == 0;
    u->in_type = !part->is_file && strcmp(part->name, "type") == 0;
    if (!u->in_file)
        return true;
    if (again || !part->is_file || part->filename[strspn(part->filename, " \t\r\n")] == '\0')
        return refuse(u->found, CODE_BAD_REQUEST, "file");
    memcpy(u->found->name, part->filename, sizeof u->found->name);
    return store_begin(&u->bytes, kind_of(u) == DECODE_FILE) || fail(u->found);
}

static bool part_bytes(void *owner, const char *bytes, size_t size)
{
    struct upload *u = owner;

    if (u->in_file)
        return store_write(&u->bytes, bytes, size) || fail(u->found);
    if (!u->in_type)
        return true;
    if (size >= sizeof u->type - u->type_length)
        return refuse(u->found, CODE_BAD_REQUEST, "type");
    memcpy(u->type + u->type_length, bytes, size);
    u->type_length += size;
    return true;
}

static bool read_body(struct upload *u)
{
    struct form_taker taker = {part_begins, part_bytes, u};
    int body = open(u->order->path, O_RDONLY | O_CLOEXEC);

    if (body < 0 && errno == ENOENT) /* nginx has taken it away: whoever sent it has left */
        return refuse(u->found, CODE_BAD_REQUEST, "body");
    if (body < 0)
        return fail(u->found);
    bool whole = form_read(body, u->order->content_type, &taker);
    close(body);
    if (whole && u->bytes.descriptor >= 0)
        return true;
    return u->found->code ? false : refuse(u->found, CODE_BAD_REQUEST, whole ? "file" : "body");
}

/* Which kind it is to be, and whether it may be so large. */
static bool check_kind(struct upload *u)
{
    int kind = kind_of(u);

    if (kind == EXAMINE_KINDS)
        return refuse(u->found, CODE_BAD_REQUEST, "type");
    u->found->kind = (enum decode_kind)kind;
    if (u->bytes.size > u->order->sizes[u->found->kind])
        return refuse(u->found, CODE_FILE, "size");
    return u->bytes.size <= u->order->room || refuse(u->found, CODE_FILE, "quota");
}

/* Takes what the decoder has made of it as a part; the descriptor is closed. */
static bool keep_part(struct examined *found, int part, int made, int *sealed)
{
    struct store_file file;
    bool kept = store_begin(&file, true) && store_copy(&file, made) && store_seal(&file);

    if (kept) {
        *sealed = file.descriptor;
        found->size[part] = file.size;
        memcpy(found->hash[part], file.hash, sizeof file.hash);
    }
    close(made);
    return kept || fail(found);
}

/* The bytes that came are a part themselves: that which the decoder has not sent another for. */
static bool keep_upload(struct upload *u, int part, int *sealed)
{
    if (!store_seal(&u->bytes))
        return fail(u->found);
    *sealed = u->bytes.descriptor;
    u->found->size[part] = u->bytes.size;
    memcpy(u->found->hash[part], u->bytes.hash, sizeof u->bytes.hash);
    return true;
}

static bool decode(struct upload *u, int sealed[DECODE_PARTS])
{
    static const char *const why[DECODE_REFUSALS] = {"", "not of this type", "too many pixels", "broken"};
    struct decode_request request = {.kind = u->found->kind, .pixels = u->order->pixels};
    struct decoded answer = {.milliseconds = -1};
    int made[DECODE_PARTS];

    if (!decode_ask(&request, u->bytes.descriptor, &answer, made)) {
        log_error("no answer from the decoder");
        if (request.kind != DECODE_FILE)
            return refuse(u->found, CODE_FILE, why[DECODE_BROKEN]);
    }
    if (answer.refusal)
        return refuse(u->found, CODE_FILE, why[answer.refusal]);
    u->found->width = answer.width;
    u->found->height = answer.height;
    u->found->milliseconds = answer.milliseconds;
    memcpy(u->found->format, answer.format, sizeof answer.format);
    snprintf(u->found->mime, sizeof u->found->mime, "%s",
             request.kind == DECODE_FILE && answer.mime[0] ? answer.mime : format_mime(answer.format[DECODE_BYTES]));
    for (int part = 0; part < DECODE_PARTS; part++)
        if (made[part] >= 0 && !keep_part(u->found, part, made[part], &sealed[part]))
            return false;
    return made[DECODE_BYTES] >= 0 || keep_upload(u, DECODE_BYTES, &sealed[DECODE_BYTES]);
}

/* Recordings of a page have no name of their own. */
static void name_blob(struct examined *found)
{
    time_t now = time(NULL);
    char moment[32];

    if (strcmp(found->name, "blob") != 0)
        return;
    strftime(moment, sizeof moment, "%Y%m%d-%H%M%S", gmtime(&now));
    snprintf(found->name, sizeof found->name, "%s-%s%s", examine_kind(found->kind), moment,
             format_ending(found->format[DECODE_BYTES]));
}

void examine(const struct examine_order *order, struct examined *found, int descriptors[DECODE_PARTS])
{
    struct upload u = {.order = order, .found = found, .bytes = {.descriptor = -1}};

    memset(found, 0, sizeof *found);
    memset(descriptors, -1, DECODE_PARTS * sizeof *descriptors);
    if ((store_open() || fail(found)) && read_body(&u) && check_kind(&u) && decode(&u, descriptors)) {
        name_blob(found);
        found->code = CODE_OK;
    }
}
