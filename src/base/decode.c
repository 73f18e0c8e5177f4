#include "decode.h"
#include "config.h"
#include "parcel.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { SIDE_MAX = 1000000, MILLISECONDS_MAX = 1000000000 };

_Static_assert((int)DECODE_PARTS <= (int)PARCEL_DESCRIPTORS, "an answer is one parcel");

static int decoder_connect(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s", config_text("IM_DECODER", ""));
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* type/subtype in small letters, or what says nothing. */
static void mime_check(char mime[DECODE_MIME_SIZE])
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789.+-_";

    mime[DECODE_MIME_SIZE - 1] = '\0';
    for (char *c = mime; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    size_t n = strspn(mime, letters);
    if (n == 0 || mime[n] != '/' || mime[n + 1] == '\0' || mime[n + 1 + strspn(mime + n + 1, letters)] != '\0')
        snprintf(mime, DECODE_MIME_SIZE, "%s", format_mime(FORMAT_OTHER));
}

static bool answer_in_order(struct decoded *answer)
{
    bool good = answer->refusal >= 0 && answer->refusal < DECODE_REFUSALS && answer->width >= 0 && answer->width <= SIDE_MAX &&
                answer->height >= 0 && answer->height <= SIDE_MAX && answer->milliseconds >= -1 &&
                answer->milliseconds <= MILLISECONDS_MAX;

    for (int part = 0; part < DECODE_PARTS; part++)
        good = good && answer->format[part] >= 0 && answer->format[part] < FORMATS;
    mime_check(answer->mime);
    return good;
}

/* The descriptors come without gaps; false when there are fewer or more than announced. */
static bool place_descriptors(const struct decoded *answer, const int came[PARCEL_DESCRIPTORS], int descriptors[DECODE_PARTS])
{
    int next = 0;

    for (int part = 0; part < DECODE_PARTS; part++)
        descriptors[part] = answer->has[part] ? came[next++] : -1;
    return (next == 0 || came[next - 1] >= 0) && (next == PARCEL_DESCRIPTORS || came[next] < 0);
}

bool decode_ask(const struct decode_request *request, int bytes, struct decoded *answer, int descriptors[DECODE_PARTS])
{
    int fd = decoder_connect(), came[PARCEL_DESCRIPTORS];

    memset(descriptors, -1, DECODE_PARTS * sizeof *descriptors);
    bool good = fd >= 0 && parcel_send(fd, request, sizeof *request, &bytes, 1) &&
                parcel_receive(fd, answer, sizeof *answer, came) && answer_in_order(answer) &&
                place_descriptors(answer, came, descriptors);
    if (fd >= 0)
        close(fd);
    return good;
}
