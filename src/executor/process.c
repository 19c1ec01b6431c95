
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
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "executor.h"
#include "process.h"


/* more than a sandbox may have; the rest is seen in the next round */
#define SANDBOX_PROCESS_MAX     4096

#define SANDBOX_PROCESS_ROUNDS  16


typedef struct {
    pid_t     pid;
    pid_t     parent;
    unsigned  stray:1;
} sandbox_process_t;


static int sandbox_process_may_be_stray(sandbox_process_known_pt known,
    void *data);
static unsigned sandbox_process_strays(sandbox_process_t *list, size_t n,
    sandbox_process_known_pt known, void *data);
static size_t sandbox_process_list(sandbox_process_t *list, size_t max);
static int sandbox_process_read(sandbox_process_t *p, const char *name);


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


/*
 * All of them are stopped before the first is killed: one that forks all the
 * time could get away from us otherwise, as each kill makes room for another
 * child.  What was stopped cannot start anything.
 */

unsigned
sandbox_process_end_strays(sandbox_process_known_pt known, void *data)
{
    size_t              i, n;
    unsigned            found, before, round;
    sandbox_process_t  *list;

    if (!sandbox_process_may_be_stray(known, data)) {
        return 0;
    }

    list = malloc(SANDBOX_PROCESS_MAX * sizeof(sandbox_process_t));
    if (list == NULL) {
        return 1;
    }

    n = 0;
    found = 0;
    round = 0;

    do {
        before = found;
        n = sandbox_process_list(list, SANDBOX_PROCESS_MAX);
        found = sandbox_process_strays(list, n, known, data);

        for (i = 0; i < n; i++) {
            if (list[i].stray) {
                (void) kill(list[i].pid, SIGSTOP);
            }
        }

    } while (found > before && ++round < SANDBOX_PROCESS_ROUNDS);

    for (i = 0; i < n; i++) {
        if (list[i].stray) {
            (void) kill(list[i].pid, SIGKILL);
        }
    }

    free(list);

    return found;
}


/* our children only, which costs little: most executions leave nothing */

static int
sandbox_process_may_be_stray(sandbox_process_known_pt known, void *data)
{
    int      fd;
    char     text[16384], path[64], *p, *end;
    pid_t    pid;
    ssize_t  n;

    snprintf(path, sizeof(path), "/proc/self/task/%ld/children",
             (long) getpid());

    fd = open(path, O_RDONLY|O_CLOEXEC);
    if (fd == -1) {
        return 1;
    }

    n = read(fd, text, sizeof(text) - 1);
    close(fd);

    if (n < 0 || n == sizeof(text) - 1) {
        return 1;
    }

    text[n] = '\0';

    for (p = text; /* void */ ; p = end) {
        pid = strtol(p, &end, 10);

        if (end == p) {
            return 0;
        }

        if (!known(data, pid)) {
            return 1;
        }
    }
}


/* marks them, and counts them */

static unsigned
sandbox_process_strays(sandbox_process_t *list, size_t n,
    sandbox_process_known_pt known, void *data)
{
    pid_t     self;
    size_t    i, k;
    unsigned  count, found;

    self = getpid();
    count = 0;

    /* a generation a round */

    do {
        found = 0;

        for (i = 0; i < n; i++) {
            if (list[i].stray) {
                continue;
            }

            if (list[i].parent == self) {
                list[i].stray = !known(data, list[i].pid);

            } else {
                for (k = 0; k < n; k++) {
                    if (list[k].stray && list[k].pid == list[i].parent) {
                        list[i].stray = 1;
                        break;
                    }
                }
            }

            found += list[i].stray;
        }

        count += found;

    } while (found);

    return count;
}


static size_t
sandbox_process_list(sandbox_process_t *list, size_t max)
{
    DIR            *dir;
    size_t          n;
    struct dirent  *entry;

    dir = opendir("/proc");
    if (dir == NULL) {
        return 0;
    }

    n = 0;

    while (n < max) {
        entry = readdir(dir);
        if (entry == NULL) {
            break;
        }

        if (entry->d_name[0] < '1' || entry->d_name[0] > '9') {
            continue;
        }

        if (sandbox_process_read(&list[n], entry->d_name)) {
            n++;
        }
    }

    closedir(dir);

    return n;
}


static int
sandbox_process_read(sandbox_process_t *p, const char *name)
{
    int      fd, parent;
    char     path[300], text[512], *rest;
    ssize_t  n;

    snprintf(path, sizeof(path), "/proc/%s/stat", name);

    fd = open(path, O_RDONLY|O_CLOEXEC);
    if (fd == -1) {
        return 0;
    }

    n = read(fd, text, sizeof(text) - 1);
    close(fd);

    if (n <= 0) {
        return 0;
    }

    text[n] = '\0';

    /* the name in parentheses is the code's to choose: take the last one */

    rest = strrchr(text, ')');

    if (rest == NULL || sscanf(rest + 1, " %*c %d", &parent) != 1) {
        return 0;
    }

    p->pid = atoi(name);
    p->parent = parent;
    p->stray = 0;

    return 1;
}
