#include "store.h"
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COPY_SIZE = 262144 };

static int folder = -1; /* IM_FILES */

bool store_open(void)
{
    folder = open(config_text("IM_FILES", ""), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return folder >= 0;
}

bool store_begin(struct store_file *file, bool unread)
{
    *file = (struct store_file){.descriptor = openat(folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0644), .unread = unread};
    return file->descriptor >= 0 && address_begin(&file->mac);
}

/* How much of it goes to the disk without being copied once more: all or nothing, where the disk takes whole blocks so.
 * Whoever is handed the descriptor next does not know, so it is as before then. */
static size_t write_past_cache(const struct store_file *file, const void *bytes, size_t size)
{
    bool blocks = size > 0 && ((uintptr_t)bytes | size | (size_t)file->size) % STORE_BLOCK == 0;
    ssize_t n;

    if (!file->unread || !blocks || fcntl(file->descriptor, F_SETFL, O_DIRECT) != 0)
        return 0;
    n = write(file->descriptor, bytes, size);
    fcntl(file->descriptor, F_SETFL, 0);
    return n > 0 ? (size_t)n : 0;
}

bool store_write(struct store_file *file, const void *bytes, size_t size)
{
    size_t done = write_past_cache(file, bytes, size);

    address_add(file->mac, bytes, size);
    file->size += (off_t)size;
    while (done < size) {
        ssize_t n = write(file->descriptor, (const char *)bytes + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

bool store_copy(struct store_file *file, int from)
{
    static char buffer[COPY_SIZE];
    off_t at = 0;
    ssize_t n;

    while ((n = pread(from, buffer, sizeof buffer, at)) > 0) {
        if (!store_write(file, buffer, (size_t)n))
            return false;
        at += n;
    }
    return n == 0;
}

bool store_seal(struct store_file *file)
{
    return address_end(file->mac, file->hash) && fsync(file->descriptor) == 0;
}

void store_close(struct store_file *file)
{
    if (file->descriptor >= 0)
        close(file->descriptor);
    address_drop(file->mac);
    file->descriptor = -1;
    file->mac = NULL;
}

/* "ab/abcd…-7" of the name "abcd…-7"; false when it is out of form. */
static bool path_of(const char *name, char path[96])
{
    size_t digits = strspn(name, "0123456789abcdef");

    if (digits != ADDRESS_SIZE - 1 || name[digits] != '-' || strlen(name) > 90)
        return false;
    snprintf(path, 96, "%.2s/%s", name, name);
    return true;
}

static bool sync_folder(const char *name)
{
    int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0)
        close(fd);
    return synced;
}

bool store_put(int descriptor, const char *name)
{
    char path[96], place[3], self[32];

    if (!path_of(name, path))
        return false;
    snprintf(place, sizeof place, "%.2s", name);
    if (mkdirat(folder, place, 0700) == 0 ? !sync_folder(".") : errno != EEXIST)
        return false;
    snprintf(self, sizeof self, "/proc/self/fd/%d", descriptor);
    if (linkat(AT_FDCWD, self, folder, path, AT_SYMLINK_FOLLOW) != 0 && errno != EEXIST)
        return false;
    return sync_folder(place);
}

bool store_remove(const char *name)
{
    char path[96];

    return path_of(name, path) && (unlinkat(folder, path, 0) == 0 || errno == ENOENT);
}
