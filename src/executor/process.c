
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Finding what executions leave behind.  An interpreter is the reaper of its
 * own orphans, whatever sessions and groups they made for themselves; when it
 * ends they become our children (we are process 1 or a reaper as well).  So a
 * child that we did not start has outlived its execution.
 */


#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "executor.h"
#include "process.h"


/* more than a sandbox may have; the rest is seen in the next round */
#define SANDBOX_PROCESS_MAX     4096

#define SANDBOX_PROCESS_ROUNDS  16


typedef struct {
    size_t  n;
    pid_t   pids[SANDBOX_PROCESS_MAX];
} sandbox_process_list_t;


static void sandbox_process_strays(sandbox_process_list_t *list,
    sandbox_process_known_pt known, void *data);
static void sandbox_process_descend(sandbox_process_list_t *list);
static void sandbox_process_children(sandbox_process_list_t *list, pid_t pid);
static void sandbox_process_children_of(sandbox_process_list_t *list,
    const char *path);
static int sandbox_process_holds(const sandbox_process_list_t *list,
    const sandbox_process_list_t *other);


void
sandbox_process_signal(pid_t leader, int signo)
{
    (void) kill(-leader, signo);
    (void) kill(leader, signo);

    if (signo == SIGTERM) {
        /* a stopped process would not see it */
        (void) kill(-leader, SIGCONT);
    }
}


void
sandbox_process_end_family(pid_t leader)
{
    size_t                         i;
    static sandbox_process_list_t  list;

    (void) kill(leader, SIGSTOP);

    list.n = 1;
    list.pids[0] = leader;

    sandbox_process_descend(&list);

    for (i = 0; i < list.n; i++) {
        (void) kill(list.pids[i], SIGKILL);
    }
}


int
sandbox_process_init(void)
{
    char  path[64];

    snprintf(path, sizeof(path), "/proc/self/task/%ld/children",
             (long) getpid());

    if (access(path, R_OK) == -1) {
        sandbox_log("\"%s\": %s: the kernel needs CONFIG_PROC_CHILDREN", path,
                    strerror(errno));
        return SANDBOX_ERROR;
    }

    return SANDBOX_OK;
}


/*
 * All of them are stopped before the first is killed: one that forks all the
 * time could get away from us otherwise, as each kill makes room for another
 * child.  What was stopped cannot start anything.  What is faster than that is
 * found the next time.
 */

unsigned
sandbox_process_end_strays(sandbox_process_known_pt known, void *data)
{
    size_t                          i;
    unsigned                        round;
    static sandbox_process_list_t   list, before;

    list.n = 0;
    round = 0;

    do {
        before = list;

        sandbox_process_strays(&list, known, data);

    } while (!sandbox_process_holds(&before, &list)
             && ++round < SANDBOX_PROCESS_ROUNDS);

    for (i = 0; i < list.n; i++) {
        (void) kill(list.pids[i], SIGKILL);
    }

    return list.n;
}


/*
 * Children of ours that are not known, and all that descends from them, each
 * stopped as soon as it is found: a moment later it may be another one.
 */

static void
sandbox_process_strays(sandbox_process_list_t *list,
    sandbox_process_known_pt known, void *data)
{
    size_t  i, n;

    list->n = 0;

    sandbox_process_children(list, getpid());

    for (i = 0, n = 0; i < list->n; i++) {
        if (!known(data, list->pids[i])) {
            (void) kill(list->pids[i], SIGSTOP);
            list->pids[n++] = list->pids[i];
        }
    }

    list->n = n;

    sandbox_process_descend(list);
}


/* what they have started, and so on */

static void
sandbox_process_descend(sandbox_process_list_t *list)
{
    size_t  i, n;

    for (i = 0; i < list->n; i++) {
        n = list->n;

        sandbox_process_children(list, list->pids[i]);

        for ( /* void */ ; n < list->n; n++) {
            (void) kill(list->pids[n], SIGSTOP);
        }
    }
}


/* each thread has its own: proc_pid_children(5) */

static void
sandbox_process_children(sandbox_process_list_t *list, pid_t pid)
{
    DIR            *dir;
    char            path[64], file[96 + NAME_MAX];
    struct dirent  *entry;

    snprintf(path, sizeof(path), "/proc/%ld/task", (long) pid);

    dir = opendir(path);
    if (dir == NULL) {
        return;
    }

    while ((entry = readdir(dir)) != NULL) {

        if (entry->d_name[0] != '.') {
            snprintf(file, sizeof(file), "%s/%s/children", path,
                     entry->d_name);
            sandbox_process_children_of(list, file);
        }
    }

    closedir(dir);
}


static void
sandbox_process_children_of(sandbox_process_list_t *list, const char *path)
{
    FILE  *file;
    long   pid;

    file = fopen(path, "re");
    if (file == NULL) {
        return;
    }

    while (list->n < SANDBOX_PROCESS_MAX && fscanf(file, "%ld", &pid) == 1) {
        list->pids[list->n++] = pid;
    }

    fclose(file);
}


/* 1 if nothing of the other list is missing */

static int
sandbox_process_holds(const sandbox_process_list_t *list,
    const sandbox_process_list_t *other)
{
    size_t  i, k;

    for (i = 0; i < other->n; i++) {

        for (k = 0; k < list->n && list->pids[k] != other->pids[i]; k++) {
            /* void */
        }

        if (k == list->n) {
            return 0;
        }
    }

    return 1;
}
