
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Memory that belongs to no process is charged to the sandbox for as long as
 * it lives, and the next execution could find in it what the last one left.
 */


#include <ftw.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include "leftovers.h"


#define SANDBOX_LEFTOVERS_FDS  8


static void sandbox_leftovers_folder(const char *path);
static int sandbox_leftovers_entry(const char *path, const struct stat *st,
    int type, struct FTW *ftw);
static void sandbox_leftovers_shm(void);
static void sandbox_leftovers_sem(void);
static void sandbox_leftovers_msg(void);


void
sandbox_leftovers_remove(void)
{
    /* POSIX has names, which are files; System V has numbers */

    sandbox_leftovers_folder("/dev/shm");
    sandbox_leftovers_folder("/dev/mqueue");

    sandbox_leftovers_shm();
    sandbox_leftovers_sem();
    sandbox_leftovers_msg();
}


/* its contents; no link is followed */

static void
sandbox_leftovers_folder(const char *path)
{
    (void) nftw(path, sandbox_leftovers_entry, SANDBOX_LEFTOVERS_FDS,
                FTW_DEPTH|FTW_PHYS|FTW_MOUNT);
}


static int
sandbox_leftovers_entry(const char *path, const struct stat *st, int type,
    struct FTW *ftw)
{
    if (ftw->level) {
        (void) remove(path);
    }

    return 0;
}


static void
sandbox_leftovers_shm(void)
{
    int              i, id, last;
    struct shmid_ds  ds;

    last = shmctl(0, SHM_INFO, &ds);

    for (i = 0; i <= last; i++) {
        id = shmctl(i, SHM_STAT, &ds);

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
        id = semctl(i, 0, SEM_STAT, arg);

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
        id = msgctl(i, MSG_STAT, &ds);

        if (id != -1) {
            (void) msgctl(id, IPC_RMID, NULL);
        }
    }
}
