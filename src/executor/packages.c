
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


#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "executor.h"
#include "leftovers.h"
#include "packages.h"


/*
 * Nothing else is done meanwhile.  It is enough for all that a sandbox's memory
 * can hold, and less than the control plane takes for silence; code that goes
 * on writing there has nobody wait any longer.
 */
#define SANDBOX_PACKAGES_REMOVE_MS  2000


static int sandbox_packages_remove(int folder, const char *name);


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

    if (sandbox_packages_remove(fd, SANDBOX_PACKAGES_NEW) == -1
        || sandbox_packages_remove(fd, SANDBOX_PACKAGES_TMP) == -1
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
    if (sandbox_packages_remove(folder, SANDBOX_PACKAGES_NEW) == -1
        || sandbox_packages_remove(folder, SANDBOX_PACKAGES_TMP) == -1)
    {
        sandbox_log("what an install has left cannot be removed: %s",
                    strerror(errno));
    }
}


static int
sandbox_packages_remove(int folder, const char *name)
{
    if (unlinkat(folder, name, 0) == 0 || errno == ENOENT) {
        return 0;
    }

    sandbox_leftovers_empty_folder(folder, name, sandbox_now_ms()
                                                 + SANDBOX_PACKAGES_REMOVE_MS);

    return unlinkat(folder, name, AT_REMOVEDIR);
}
