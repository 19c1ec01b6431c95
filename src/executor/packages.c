
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * An install works in a folder of its own, which takes the place of the
 * packages that were there by one rename: so it happened, or it did not.
 *
 * Code of the session can write here as well.  Everything is therefore done by
 * descriptors and without following a link, or it could have us remove what
 * only we can reach.
 */


#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "executor.h"
#include "packages.h"


/* of folders; deeper ones are nobody's package */
#define SANDBOX_PACKAGES_DEPTH_MAX  64


static int sandbox_packages_remove(int folder, const char *name,
    unsigned depth);
static int sandbox_packages_enter(int folder, const char *name);
static int sandbox_packages_empty(int folder, unsigned depth);


int
sandbox_packages_open(int workspace_fd)
{
    int  fd, error;

    if (mkdirat(workspace_fd, SANDBOX_PACKAGES_FOLDER, 0755) == -1
        && errno != EEXIST)
    {
        return -1;
    }

    fd = openat(workspace_fd, SANDBOX_PACKAGES_FOLDER,
                O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);

    if (fd == -1) {
        return -1;
    }

    if (sandbox_packages_remove(fd, SANDBOX_PACKAGES_NEW, 0) == -1
        || sandbox_packages_remove(fd, SANDBOX_PACKAGES_TMP, 0) == -1
        || mkdirat(fd, SANDBOX_PACKAGES_NEW, 0755) == -1
        || mkdirat(fd, SANDBOX_PACKAGES_TMP, 0700) == -1)
    {
        error = errno;
        close(fd);
        errno = error;

        return -1;
    }

    return fd;
}


int
sandbox_packages_commit(int folder, const char *name)
{
    if (renameat2(folder, SANDBOX_PACKAGES_NEW, folder, name, RENAME_EXCHANGE)
        == 0)
    {
        return 0;
    }

    return errno == ENOENT
           ? renameat(folder, SANDBOX_PACKAGES_NEW, folder, name) : -1;
}


void
sandbox_packages_clean(int folder)
{
    if (sandbox_packages_remove(folder, SANDBOX_PACKAGES_NEW, 0) == -1
        || sandbox_packages_remove(folder, SANDBOX_PACKAGES_TMP, 0) == -1)
    {
        sandbox_log("what an install has left cannot be removed: %s",
                    strerror(errno));
    }
}


static int
sandbox_packages_remove(int folder, const char *name, unsigned depth)
{
    int  fd, rc;

    if (unlinkat(folder, name, 0) == 0 || errno == ENOENT) {
        return 0;
    }

    if (depth == SANDBOX_PACKAGES_DEPTH_MAX) {
        errno = ELOOP;
        return -1;
    }

    fd = sandbox_packages_enter(folder, name);
    rc = fd == -1 ? -1 : sandbox_packages_empty(fd, depth + 1);

    return rc == -1 ? -1 : unlinkat(folder, name, AT_REMOVEDIR);
}


/* also one whose rights code has taken from itself */

static int
sandbox_packages_enter(int folder, const char *name)
{
    int   fd, opened;
    char  path[sizeof("/proc/self/fd/") + 12];

    opened = openat(folder, name, O_PATH|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);

    if (opened == -1) {
        return -1;
    }

    snprintf(path, sizeof(path), "/proc/self/fd/%d", opened);
    (void) chmod(path, 0700);

    fd = openat(opened, ".", O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    close(opened);

    return fd;
}


/* closes the descriptor */

static int
sandbox_packages_empty(int folder, unsigned depth)
{
    DIR            *dir;
    int             rc;
    struct dirent  *entry;

    dir = fdopendir(folder);

    if (dir == NULL) {
        close(folder);
        return -1;
    }

    rc = 0;

    while (rc == 0 && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0
            && strcmp(entry->d_name, "..") != 0)
        {
            rc = sandbox_packages_remove(dirfd(dir), entry->d_name, depth);
        }
    }

    closedir(dir);

    return rc;
}
