
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
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>
#include "leftovers.h"


static void sandbox_leftovers_folder(const char *path);
static DIR *sandbox_leftovers_open(int dir, const char *name);
static unsigned sandbox_leftovers_empty(DIR *dir, int top);
static int sandbox_leftovers_entry(int dir, const char *name, int top);
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

    sandbox_leftovers_folder("/dev/shm");
    sandbox_leftovers_folder("/dev/mqueue");

    sandbox_leftovers_shm();
    sandbox_leftovers_sem();
    sandbox_leftovers_msg();
}


/*
 * Its contents.  They may be nested deeper than a path or our descriptors
 * allow, so what a folder holds is moved up before the folder is removed.
 */

static void
sandbox_leftovers_folder(const char *path)
{
    DIR  *dir;

    dir = sandbox_leftovers_open(AT_FDCWD, path);
    if (dir == NULL) {
        return;
    }

    while (sandbox_leftovers_empty(dir, dirfd(dir))) {
        rewinddir(dir);
    }

    closedir(dir);
}


static DIR *
sandbox_leftovers_open(int dir, const char *name)
{
    int   fd;
    DIR  *opened;

    fd = openat(dir, name, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);
    if (fd == -1) {
        return NULL;
    }

    opened = fdopendir(fd);

    if (opened == NULL) {
        close(fd);
    }

    return opened;
}


/* how much of it is another place now, or nowhere */

static unsigned
sandbox_leftovers_empty(DIR *dir, int top)
{
    unsigned        changed;
    struct dirent  *entry;

    changed = 0;

    while ((entry = readdir(dir)) != NULL) {

        if (strcmp(entry->d_name, ".") != 0
            && strcmp(entry->d_name, "..") != 0)
        {
            changed += sandbox_leftovers_entry(dirfd(dir), entry->d_name, top);
        }
    }

    return changed;
}


static int
sandbox_leftovers_entry(int dir, const char *name, int top)
{
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

    /* it may have been closed to its owner, which we are */

    if (fchmodat(dir, name, 0700, 0) == -1) {
        return 0;
    }

    if (dir != top) {
        snprintf(above, sizeof(above), ".left-%u", number++);

        return renameat(dir, name, top, above) == 0;
    }

    inner = sandbox_leftovers_open(dir, name);
    if (inner == NULL) {
        return 0;
    }

    changed = sandbox_leftovers_empty(inner, top);

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
