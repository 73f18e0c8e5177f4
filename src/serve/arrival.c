#include "arrival.h"

#include <errno.h>
#include <fastcgi.h>
#include <sys/socket.h>

/* The record that begins there, of that type: its length with head and padding; 0 when it is not yet there, -1 when what
 * is there is something else. */
static long record_length(const unsigned char *at, size_t left, int type)
{
    if ((left > 0 && at[0] != FCGI_VERSION_1) || (left > 1 && at[1] != type))
        return -1;
    if (left < FCGI_HEADER_LEN)
        return 0;
    size_t length = FCGI_HEADER_LEN + (size_t)(at[4] << 8 | at[5]) + at[6];
    return left < length ? 0 : (long)length;
}

/* A stream ends with an empty record; then comes the next. */
enum arrival arrival_of(const unsigned char *bytes, size_t length)
{
    static const int types[] = {FCGI_BEGIN_REQUEST, FCGI_PARAMS, FCGI_STDIN};
    size_t at = 0;

    for (size_t i = 0; i < sizeof types / sizeof *types;) {
        long record = record_length(bytes + at, length - at, types[i]);
        if (record <= 0)
            return record < 0 || length == ARRIVAL_MAX ? ARRIVAL_OVER : ARRIVAL_PART;
        if (types[i] == FCGI_BEGIN_REQUEST || (bytes[at + 4] == 0 && bytes[at + 5] == 0))
            i++;
        at += (size_t)record;
    }
    return ARRIVAL_WHOLE;
}

enum arrival arrival_look(int fd)
{
    static unsigned char bytes[ARRIVAL_MAX];
    ssize_t length = recv(fd, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);

    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return ARRIVAL_PART;
    return length <= 0 ? ARRIVAL_OVER : arrival_of(bytes, (size_t)length);
}
