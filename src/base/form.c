#include "form.h"
#include "json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { BUFFER_SIZE = 1 << 20, BOUNDARY_MAX = 70, HEAD_MAX = 8192, PARTS_MAX = 32 };

struct form {
    _Alignas(FORM_BLOCK) char buffer[BUFFER_SIZE];
    size_t from, to; /* what of the buffer has been read and not yet taken */
    int descriptor;
    const struct form_taker *taker;
    char line[BOUNDARY_MAX + 5]; /* "\r\n--" and the boundary */
    size_t line_length;
    bool ended; /* of the body */
};

/* The value of a parameter of a header, "name" to '"', or an unquoted one to the next ';' or blank. */
static const char *parameter(const char *header, const char *name, size_t *length)
{
    size_t n = strlen(name);

    for (const char *at = header; (at = strchr(at, ';'));) {
        at += 1 + strspn(at + 1, " \t");
        if (strncasecmp(at, name, n) == 0 && at[n] == '=') {
            at += n + 1;
            *length = *at == '"' ? strcspn(at + 1, "\"") : strcspn(at, "; \t");
            return *at == '"' ? at + 1 : at;
        }
        at += strcspn(at, "\";");
        if (*at == '"') /* a semicolon in quotes begins nothing */
            at += 1 + strcspn(at + 1, "\"");
    }
    return NULL;
}

/* Boundaries are those of RFC 2046: 1 to 70 characters, none of them a control. */
static bool boundary_set(struct form *form, const char *content_type)
{
    static const char type[] = "multipart/form-data";
    size_t length = 0;
    const char *boundary = NULL;

    if (content_type && strncasecmp(content_type, type, sizeof type - 1) == 0)
        boundary = parameter(content_type, "boundary", &length);
    if (!boundary || length < 1 || length > BOUNDARY_MAX)
        return false;
    form->line_length = (size_t)snprintf(form->line, sizeof form->line, "\r\n--%.*s", (int)length, boundary);
    return true;
}

/* Reads on until the buffer is full or the body ends; false when it cannot be read. */
static bool fill(struct form *form)
{
    memmove(form->buffer, form->buffer + form->from, form->to - form->from);
    form->to -= form->from;
    form->from = 0;
    while (form->to < BUFFER_SIZE && !form->ended) {
        ssize_t n = read(form->descriptor, form->buffer + form->to, BUFFER_SIZE - form->to);
        if (n < 0 && errno != EINTR)
            return false;
        form->ended = n == 0;
        form->to += n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* Hands on what comes before the next boundary line, and takes that too; false when there is none. */
static bool take_bytes(struct form *form, bool wanted)
{
    for (;;) {
        if (!fill(form))
            return false;
        char *line = memmem(form->buffer, form->to, form->line, form->line_length);
        size_t sure = form->to < form->line_length ? 0 : form->to - form->line_length + 1;
        size_t length = line ? (size_t)(line - form->buffer) : sure - sure % FORM_BLOCK;

        if (wanted && length && !form->taker->bytes(form->taker->owner, form->buffer, length))
            return false;
        form->from = line ? length + form->line_length : length;
        if (line || form->ended)
            return line;
    }
}

/* %22, %0D and %0A become what they stand for; false when there is no room or it is not text. */
static bool name_decode(char out[FORM_NAME_SIZE], const char *text, size_t length)
{
    static const struct {
        const char *code;
        char plain;
    } codes[] = {{"%22", '"'}, {"%0D", '\r'}, {"%0A", '\n'}};
    size_t n = 0;

    if (length >= FORM_NAME_SIZE)
        return false;
    for (size_t i = 0; i < length; n++) {
        out[n] = text[i++];
        for (size_t c = 0; c < sizeof codes / sizeof *codes; c++)
            if (out[n] == '%' && length - i >= 2 && strncasecmp(text + i - 1, codes[c].code, 3) == 0) {
                out[n] = codes[c].plain;
                i += 2;
            }
    }
    out[n] = '\0';
    return json_utf8_valid(out, n);
}

static bool disposition(const char *header, struct form_part *part)
{
    size_t length;
    const char *name = parameter(header, "name", &length);

    if (!name || !name_decode(part->name, name, length))
        return false;
    const char *filename = parameter(header, "filename", &length);
    part->is_file = filename != NULL;
    return !filename || name_decode(part->filename, filename, length);
}

/* The header lines of a part, which end with an empty one. */
static bool take_head(struct form *form, struct form_part *part)
{
    static const char field[] = "Content-Disposition:";
    bool found = false;

    *part = (struct form_part){.is_file = false};
    if (!fill(form))
        return false;
    char *head = form->buffer + form->from;
    size_t room = form->to - form->from;
    char *end = memmem(head, room < HEAD_MAX ? room : HEAD_MAX, "\r\n\r\n", 4);
    if (!end || memchr(head, '\0', (size_t)(end - head)))
        return false;
    *end = '\0';
    form->from += (size_t)(end - head) + 4;
    for (char *line = head; line; line = strstr(line, "\r\n")) {
        line += strncmp(line, "\r\n", 2) == 0 ? 2 : 0;
        char *next = strstr(line, "\r\n");
        if (strncasecmp(line, field, sizeof field - 1) != 0)
            continue;
        if (next)
            *next = '\0';
        found = disposition(line, part);
        if (next)
            *next = '\r';
    }
    return found;
}

/* After a boundary: 1 when a part follows, 0 when it was the last, -1 when neither. */
static int another(struct form *form)
{
    if (form->to - form->from < 4 && !fill(form))
        return -1;
    if (form->to - form->from < 2)
        return -1;
    const char *at = form->buffer + form->from;
    if (strncmp(at, "--", 2) == 0)
        return 0;
    return strncmp(at, "\r\n", 2) == 0 ? 1 : -1;
}

static bool take_parts(struct form *form)
{
    struct form_part part;
    int next = 0;

    if (!take_bytes(form, false))
        return false;
    for (int i = 0; i < PARTS_MAX && (next = another(form)) == 1; i++) {
        if (!take_head(form, &part) || !form->taker->begin(form->taker->owner, &part) || !take_bytes(form, true))
            return false;
    }
    return next == 0;
}

bool form_read(int descriptor, const char *content_type, const struct form_taker *taker)
{
    static struct form form;

    form.descriptor = descriptor;
    form.taker = taker;
    form.ended = false;
    if (!boundary_set(&form, content_type))
        return false;
    form.buffer[0] = '\r'; /* the first boundary has no line before it */
    form.buffer[1] = '\n';
    form.from = 0;
    form.to = 2;
    return take_parts(&form);
}
