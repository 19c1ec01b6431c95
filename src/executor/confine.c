
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The layers that one execution adds to its container's: limits, Landlock, a
 * filter of system calls.  Every execution enters a Landlock domain of its own,
 * so it can neither signal nor trace another one, nor us.
 *
 * Landlock works by allowing: whatever lies in "/" is found when the executor
 * starts (it is read-only, so nothing comes later) and allowed for reading,
 * but for our own folders.
 */


#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "executor.h"
#include "filter.h"
#include "landlock.h"


/* between our own and what the kernel ends first of all */
#define SANDBOX_CONFINE_OOM_SCORE  "500"

#define SANDBOX_CONFINE_FILE_MORE  (1024 * 1024)    /* bytes */

#define SANDBOX_CONFINE_FILES      1024
#define SANDBOX_CONFINE_FILES_MAX  4096


static void sandbox_confine_tree(sandbox_confine_t *c, const char *path,
    const char *const *hidden);
static int sandbox_confine_holds(const char *path, const char *const *hidden);
static int sandbox_confine_is_hidden(const char *path,
    const char *const *hidden);
static int sandbox_confine_limit(int resource, rlim_t soft, rlim_t hard);


void
sandbox_confine_open_oom(sandbox_confine_t *c)
{
    c->oom_fd = open("/proc/self/oom_score_adj", O_WRONLY|O_CLOEXEC);
}


void
sandbox_confine_init(sandbox_confine_t *c, const char *const *writable,
    const char *const *hidden)
{
    struct statvfs  vfs;

    c->landlock = sandbox_landlock_create(&c->ruleset_fd);
    c->seccomp = sandbox_filter_works();
    c->file_max = RLIM_INFINITY;

    /* one larger than the workspace is a sparse one: a full disk comes first */

    if (statvfs(*writable, &vfs) == 0) {
        c->file_max = (rlim_t) vfs.f_blocks * vfs.f_frsize
                      + SANDBOX_CONFINE_FILE_MORE;
    }

    if (c->ruleset_fd == -1) {
        return;
    }

    sandbox_landlock_allow(c->ruleset_fd, c->landlock, "/",
                           SANDBOX_LANDLOCK_LIST);
    sandbox_confine_tree(c, "/", hidden);

    /* not /proc: what others are killed by first, say, can be written there */

    sandbox_landlock_allow(c->ruleset_fd, c->landlock, "/dev",
                           SANDBOX_LANDLOCK_DEVICE);

    for ( /* void */ ; *writable; writable++) {
        sandbox_landlock_allow(c->ruleset_fd, c->landlock, *writable,
                               SANDBOX_LANDLOCK_WRITE);
    }
}


/* each entry, and only parts of the folders that hold one of ours */

static void
sandbox_confine_tree(sandbox_confine_t *c, const char *path,
    const char *const *hidden)
{
    DIR            *dir;
    char            full[PATH_MAX];
    struct dirent  *entry;

    dir = opendir(path);
    if (dir == NULL) {
        return;
    }

    while ((entry = readdir(dir)) != NULL) {

        if (strcmp(entry->d_name, ".") == 0
            || strcmp(entry->d_name, "..") == 0
            || snprintf(full, sizeof(full), "%s/%s",
                        path[1] ? path : "", entry->d_name)
               >= (int) sizeof(full)
            || sandbox_confine_is_hidden(full, hidden))
        {
            continue;
        }

        if (sandbox_confine_holds(full, hidden)) {
            sandbox_confine_tree(c, full, hidden);

        } else {
            sandbox_landlock_allow(c->ruleset_fd, c->landlock, full,
                                   SANDBOX_LANDLOCK_READ);
        }
    }

    closedir(dir);
}


static int
sandbox_confine_is_hidden(const char *path, const char *const *hidden)
{
    for ( /* void */ ; *hidden; hidden++) {
        if (strcmp(path, *hidden) == 0) {
            return 1;
        }
    }

    return 0;
}


static int
sandbox_confine_holds(const char *path, const char *const *hidden)
{
    size_t  len;

    len = strlen(path);

    for ( /* void */ ; *hidden; hidden++) {
        if (strncmp(path, *hidden, len) == 0 && (*hidden)[len] == '/') {
            return 1;
        }
    }

    return 0;
}


void
sandbox_confine_share_filter(sandbox_confine_t *c)
{
    c->shared = c->seccomp
                && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
                && sandbox_filter_enter() == SANDBOX_OK;
}


json_t *
sandbox_confine_describe(const sandbox_confine_t *c)
{
    return json_pack("{s:i, s:b, s:b}",
                     "landlock", c->landlock,
                     "seccomp", c->seccomp,
                     "bubblewrap", c->bubblewrap != NULL);
}


/*
 * A child inherits the value that we have when it is made, and nobody but us
 * can write to our /proc: so we have the child's for that moment.
 */

void
sandbox_confine_expendable(const sandbox_confine_t *c, int on)
{
    const char  *value;

    if (c->oom_fd != -1) {
        value = on ? SANDBOX_CONFINE_OOM_SCORE : "0";

        if (pwrite(c->oom_fd, value, strlen(value), 0) == -1) {
            sandbox_log("oom_score_adj: %s", strerror(errno));
        }
    }
}


int
sandbox_confine_enter(const sandbox_confine_t *c)
{
    /*
     * There is no limit of processes here: RLIMIT_NPROC counts those of the
     * user on the whole host, in every sandbox.  The container has one.
     */

    if (sandbox_confine_limit(RLIMIT_CORE, 0, 0) == -1
        || sandbox_confine_limit(RLIMIT_NOFILE, SANDBOX_CONFINE_FILES,
                                 SANDBOX_CONFINE_FILES_MAX) == -1
        || sandbox_confine_limit(RLIMIT_FSIZE, c->file_max, c->file_max) == -1
        || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
    {
        return SANDBOX_ERROR;
    }

    if (c->ruleset_fd != -1
        && sandbox_landlock_enter(c->ruleset_fd) != SANDBOX_OK)
    {
        return SANDBOX_ERROR;
    }

    return c->seccomp && !c->shared ? sandbox_filter_enter() : SANDBOX_OK;
}


/* never above what is allowed already */

static int
sandbox_confine_limit(int resource, rlim_t soft, rlim_t hard)
{
    struct rlimit  limit;

    if (getrlimit(resource, &limit) == -1) {
        return -1;
    }

    if (hard < limit.rlim_max) {
        limit.rlim_max = hard;
    }

    limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;

    return setrlimit(resource, &limit);
}
