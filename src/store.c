#include "store.h"
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <gcrypt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COPY_SIZE = 262144, HASH_BYTES = 32 };

static int folder = -1; /* IM_FILES */

bool store_open(void)
{
    folder = open(config_text("IM_FILES", ""), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return folder >= 0;
}

bool store_begin(struct store_file *file)
{
    *file = (struct store_file){.descriptor = openat(folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0644)};
    return file->descriptor >= 0 && gcry_md_open(&file->digest, GCRY_MD_SHA256, 0) == 0;
}

bool store_write(struct store_file *file, const void *bytes, size_t size)
{
    const char *at = bytes;

    gcry_md_write(file->digest, bytes, size);
    file->size += (off_t)size;
    while (size > 0) {
        ssize_t n = write(file->descriptor, at, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        size -= (size_t)n;
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
    const unsigned char *digest = gcry_md_read(file->digest, GCRY_MD_SHA256);

    for (int i = 0; i < HASH_BYTES; i++)
        snprintf(file->hash + 2 * i, 3, "%02x", digest[i]);
    return fsync(file->descriptor) == 0;
}

void store_close(struct store_file *file)
{
    if (file->descriptor >= 0)
        close(file->descriptor);
    gcry_md_close(file->digest);
    file->descriptor = -1;
    file->digest = NULL;
}

/* "ab/abcd…-7" of the name "abcd…-7"; false when it is out of form. */
static bool path_of(const char *name, char path[96])
{
    size_t digits = strspn(name, "0123456789abcdef");

    if (digits != STORE_HASH_SIZE - 1 || name[digits] != '-' || strlen(name) > 90)
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
    if (mkdirat(folder, place, 0700) == 0)
        sync_folder(".");
    else if (errno != EEXIST)
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
