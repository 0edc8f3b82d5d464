/* LD_PRELOADed: what a power loss would leave of the database. Whenever one of its files is synced, it is copied as it is
   then into the folder $TEST_DISK; what was written and not synced since is not in there.

   The file is read by the descriptor that is being synced: to open and close it once more would drop SQLite's locks. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void keep(int fd)
{
    char link[64], file[4096], copy[8192], block[65536];
    const char *disk = getenv("TEST_DISK"), *name;
    ssize_t length;
    off_t place = 0;
    int out;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, file, sizeof file - 1);
    if (disk == NULL || length < 0)
        return;
    file[length] = 0;
    name = strrchr(file, '/');
    if (name == NULL || strncmp(name, "/tasky.db", 9) != 0)
        return;
    snprintf(copy, sizeof copy, "%s%s", disk, name);
    out = open(copy, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (out < 0)
        abort();
    while ((length = pread(fd, block, sizeof block, place)) > 0) {
        if (write(out, block, length) != length)
            abort();
        place += length;
    }
    close(out);
}

#define SYNC(name)                                                                                                     \
    int name(int fd)                                                                                                   \
    {                                                                                                                  \
        static int (*real)(int);                                                                                       \
        if (real == NULL)                                                                                              \
            real = (int (*)(int))dlsym(RTLD_NEXT, #name);                                                              \
        int result = real(fd);                                                                                         \
        if (result == 0)                                                                                               \
            keep(fd);                                                                                                  \
        return result;                                                                                                 \
    }

SYNC(fsync)
SYNC(fdatasync)
