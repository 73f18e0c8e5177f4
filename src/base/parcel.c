#include "parcel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
    struct cmsghdr header; /* for its alignment */
    char space[CMSG_SPACE(PARCEL_DESCRIPTORS * sizeof(int))];
};

bool parcel_send(int socket, const void *bytes, size_t size, const int *descriptors, int count)
{
    union control control = {.space = {0}};
    struct iovec data = {(void *)bytes, size};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
    size_t length = (size_t)count * sizeof *descriptors;

    if (count) {
        message.msg_control = control.space;
        message.msg_controllen = CMSG_SPACE(length);
        struct cmsghdr *header = &control.header;
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(length);
        memcpy(CMSG_DATA(header), descriptors, length);
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL) == (ssize_t)size;
}

static void take_descriptors(struct msghdr *message, int descriptors[PARCEL_DESCRIPTORS])
{
    int at = 0;

    for (struct cmsghdr *h = CMSG_FIRSTHDR(message); h; h = CMSG_NXTHDR(message, h)) {
        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int descriptor;
            memcpy(&descriptor, CMSG_DATA(h) + i * sizeof descriptor, sizeof descriptor);
            if (at < PARCEL_DESCRIPTORS)
                descriptors[at++] = descriptor;
            else
                close(descriptor);
        }
    }
}

static void drop_descriptors(int descriptors[PARCEL_DESCRIPTORS])
{
    for (int i = 0; i < PARCEL_DESCRIPTORS; i++) {
        if (descriptors[i] >= 0)
            close(descriptors[i]);
        descriptors[i] = -1;
    }
}

bool parcel_receive(int socket, void *bytes, size_t size, int descriptors[PARCEL_DESCRIPTORS])
{
    union control control;
    struct iovec data = {bytes, size};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
    ssize_t n;

    memset(descriptors, -1, PARCEL_DESCRIPTORS * sizeof *descriptors);
    while ((n = recvmsg(socket, &message, MSG_WAITALL | MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
        ;
    if (n > 0)
        take_descriptors(&message, descriptors);
    if (n == (ssize_t)size && !(message.msg_flags & MSG_CTRUNC))
        return true;
    drop_descriptors(descriptors);
    return false;
}
