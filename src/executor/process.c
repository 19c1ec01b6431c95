
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Signals for many processes at once.  All orphans of the sandbox become our
 * children (we are process 1 or a subreaper), so what the code left behind
 * can be found, whatever sessions and groups it made for itself.
 */


#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "process.h"


/* more than a sandbox may have; the rest is seen in the next round */
#define SANDBOX_PROCESS_MAX  4096


typedef struct {
    pid_t     pid;
    pid_t     parent;
    pid_t     session;
    unsigned  ours:1;
} sandbox_process_t;


static size_t sandbox_process_list(sandbox_process_t *list, size_t max);
static int sandbox_process_read(sandbox_process_t *p, const char *name);
static void sandbox_process_kill_descendants(void);


void
sandbox_process_signal(pid_t leader, int signo)
{
    (void) kill(-leader, signo);

    /* the group does not exist before the child has called setsid() */

    (void) kill(leader, signo);

    if (signo == SIGTERM) {
        /* a stopped process would not see it */
        (void) kill(-leader, SIGCONT);
    }
}


void
sandbox_process_kill_session(pid_t leader)
{
    size_t              i, n;
    sandbox_process_t  *list;

    sandbox_process_signal(leader, SIGKILL);

    list = malloc(SANDBOX_PROCESS_MAX * sizeof(sandbox_process_t));
    if (list == NULL) {
        return;
    }

    n = sandbox_process_list(list, SANDBOX_PROCESS_MAX);

    for (i = 0; i < n; i++) {
        if (list[i].session == leader) {
            (void) kill(list[i].pid, SIGKILL);
        }
    }

    free(list);
}


int
sandbox_process_group_exists(pid_t leader)
{
    return kill(-leader, 0) == 0 || errno == EPERM;
}


void
sandbox_process_kill_all(int init)
{
    if (init) {
        /* atomic: nothing can fork away from it */
        (void) kill(-1, SIGKILL);
        return;
    }

    sandbox_process_kill_descendants();
}


static void
sandbox_process_kill_descendants(void)
{
    pid_t               self;
    size_t              i, k, n;
    unsigned            found;
    sandbox_process_t  *list;

    list = malloc(SANDBOX_PROCESS_MAX * sizeof(sandbox_process_t));
    if (list == NULL) {
        return;
    }

    self = getpid();
    n = sandbox_process_list(list, SANDBOX_PROCESS_MAX);

    /* a generation a round */

    do {
        found = 0;

        for (i = 0; i < n; i++) {
            if (list[i].ours) {
                continue;
            }

            for (k = 0; k < n; k++) {
                if (list[k].ours && list[k].pid == list[i].parent) {
                    break;
                }
            }

            if (list[i].parent == self || k < n) {
                list[i].ours = 1;
                found = 1;
                (void) kill(list[i].pid, SIGKILL);
            }
        }

    } while (found);

    free(list);
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
    int      fd, parent, session;
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

    if (rest == NULL
        || sscanf(rest + 1, " %*c %d %*d %d", &parent, &session) != 2)
    {
        return 0;
    }

    p->pid = atoi(name);
    p->parent = parent;
    p->session = session;
    p->ours = 0;

    return 1;
}
