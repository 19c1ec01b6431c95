
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Memory that belongs to no process is charged to the sandbox for as long as
 * it lives, and the next execution could find in it what the last one left.
 */


#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>
#include "executor.h"
#include "leftovers.h"


static DIR *sandbox_leftovers_open(int dir, const char *name);
static int sandbox_leftovers_unlock(int dir, const char *name);
static unsigned sandbox_leftovers_empty(DIR *dir, int top, double end_ms);
static int sandbox_leftovers_entry(int dir, const char *name, int top,
    double end_ms);
static void sandbox_leftovers_shm(void);
static void sandbox_leftovers_sem(void);
static void sandbox_leftovers_msg(void);


void
sandbox_leftovers_remove(void)
{
    /*
     * POSIX has names, which are files; System V has numbers, and lets nobody
     * look at what has no mode to read but by _ANY
     */

    sandbox_leftovers_empty_folder(AT_FDCWD, "/dev/shm", INFINITY);
    sandbox_leftovers_empty_folder(AT_FDCWD, "/dev/mqueue", INFINITY);

    sandbox_leftovers_shm();
    sandbox_leftovers_sem();
    sandbox_leftovers_msg();
}


/*
 * What is in it may be nested deeper than a path or our descriptors allow, so
 * what a folder holds is moved up before the folder is removed.
 */

void
sandbox_leftovers_empty_folder(int dir, const char *name, double end_ms)
{
    DIR  *opened;

    opened = sandbox_leftovers_open(dir, name);
    if (opened == NULL) {
        return;
    }

    while (sandbox_leftovers_empty(opened, dirfd(opened), end_ms)) {
        rewinddir(opened);
    }

    closedir(opened);
}


static DIR *
sandbox_leftovers_open(int dir, const char *name)
{
    int   fd, found;
    DIR  *opened;

    found = sandbox_leftovers_unlock(dir, name);
    if (found == -1) {
        return NULL;
    }

    fd = openat(found, ".", O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    close(found);

    if (fd == -1) {
        return NULL;
    }

    opened = fdopendir(fd);

    if (opened == NULL) {
        close(fd);
    }

    return opened;
}


/*
 * A folder may have been closed to its owner, which we are.  Its rights are
 * changed by its descriptor: whoever is quick may put a link in its place.
 */

static int
sandbox_leftovers_unlock(int dir, const char *name)
{
    int   fd;
    char  path[sizeof("/proc/self/fd/") + 12];

    fd = openat(dir, name, O_PATH|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);

    if (fd != -1 && faccessat(fd, ".", R_OK|W_OK|X_OK, 0) == -1) {
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        (void) chmod(path, 0700);
    }

    return fd;
}


/* how much of it is another place now, or nowhere; 0: the time is over */

static unsigned
sandbox_leftovers_empty(DIR *dir, int top, double end_ms)
{
    unsigned        changed;
    struct dirent  *entry;

    changed = 0;

    while ((entry = readdir(dir)) != NULL) {

        if (sandbox_now_ms() > end_ms) {
            return 0;
        }

        if (strcmp(entry->d_name, ".") != 0
            && strcmp(entry->d_name, "..") != 0)
        {
            changed += sandbox_leftovers_entry(dirfd(dir), entry->d_name, top,
                                               end_ms);
        }
    }

    return changed;
}


static int
sandbox_leftovers_entry(int dir, const char *name, int top, double end_ms)
{
    int               fd;
    DIR              *inner;
    char              above[32];
    unsigned          changed;
    static unsigned   number;

    if (unlinkat(dir, name, 0) == 0
        || unlinkat(dir, name, AT_REMOVEDIR) == 0)
    {
        return 1;
    }

    if (errno != ENOTEMPTY) {
        return 0;
    }

    if (dir != top) {

        /* it names its parent, so to be moved it must be writable */

        fd = sandbox_leftovers_unlock(dir, name);

        if (fd != -1) {
            close(fd);
        }

        snprintf(above, sizeof(above), ".left-%u", number++);

        return renameat(dir, name, top, above) == 0;
    }

    inner = sandbox_leftovers_open(dir, name);
    if (inner == NULL) {
        return 0;
    }

    changed = sandbox_leftovers_empty(inner, top, end_ms);

    closedir(inner);

    return unlinkat(dir, name, AT_REMOVEDIR) == 0 || changed;
}


static void
sandbox_leftovers_shm(void)
{
    int              i, id, last;
    struct shmid_ds  ds;

    last = shmctl(0, SHM_INFO, &ds);

    for (i = 0; i <= last; i++) {
        id = shmctl(i, SHM_STAT_ANY, &ds);

        if (id != -1) {
            (void) shmctl(id, IPC_RMID, NULL);
        }
    }
}


static void
sandbox_leftovers_sem(void)
{
    int              i, id, last;
    struct seminfo   info;
    struct semid_ds  ds;

    union {
        struct semid_ds  *ds;
        struct seminfo   *info;
    } arg;

    arg.info = &info;
    last = semctl(0, 0, SEM_INFO, arg);

    arg.ds = &ds;

    for (i = 0; i <= last; i++) {
        id = semctl(i, 0, SEM_STAT_ANY, arg);

        if (id != -1) {
            (void) semctl(id, 0, IPC_RMID);
        }
    }
}


static void
sandbox_leftovers_msg(void)
{
    int              i, id, last;
    struct msqid_ds  ds;

    last = msgctl(0, MSG_INFO, &ds);

    for (i = 0; i <= last; i++) {
        id = msgctl(i, MSG_STAT_ANY, &ds);

        if (id != -1) {
            (void) msgctl(id, IPC_RMID, NULL);
        }
    }
}
