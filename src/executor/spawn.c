
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Between fork() and execve(), or between bubblewrap and execve(): a child
 * becomes an interpreter by the same lines.  Not vfork(), which would be a
 * tenth of a millisecond faster: who stops a child in between would stop us as
 * well, and where Landlock does not keep signals in that can be code.  With
 * bubblewrap we do wait, but not for ever: bubblewrap.c.
 */


#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "bubblewrap.h"
#include "executor.h"
#include "spawn.h"


#define SANDBOX_STATUS_UNCONFINED  126
#define SANDBOX_STATUS_NOT_RUN     127


static void sandbox_spawn_die(const char *what, int status)
    __attribute__((noreturn));
static int sandbox_spawn_fds(const sandbox_spawn_t *s);


pid_t
sandbox_spawn(const sandbox_spawn_t *s)
{
    pid_t  pid;

    if (s->confine->bubblewrap != NULL) {
        return sandbox_bubblewrap_start(s->confine->bubblewrap, s);
    }

    pid = sandbox_spawn_fork(s->confine);

    if (pid == 0) {
        sandbox_spawn_become(s);
    }

    return pid;
}


pid_t
sandbox_spawn_fork(const sandbox_confine_t *confine)
{
    pid_t  pid;

    sandbox_confine_expendable(confine, 1);

    pid = fork();

    if (pid == 0) {
        return 0;
    }

    sandbox_confine_expendable(confine, 0);

    if (pid == -1) {
        sandbox_log("fork: %s", strerror(errno));
    }

    return pid;
}


void
sandbox_spawn_become(const sandbox_spawn_t *s)
{
    (void) setsid();

    /* outside a container nothing else would end it with us */
    (void) prctl(PR_SET_PDEATHSIG, SIGKILL);

    /*
     * What its children leave behind stays with it, so when it has ended all
     * that it ever started can be told from what others have.
     */
    (void) prctl(PR_SET_CHILD_SUBREAPER, 1);

    (void) umask(022);

    if (fchdir(s->folder) == -1 || sandbox_spawn_fds(s) != SANDBOX_OK) {
        sandbox_spawn_die("the working directory cannot be entered",
                          SANDBOX_STATUS_UNCONFINED);
    }

    if (sandbox_confine_enter(s->confine) != SANDBOX_OK) {
        sandbox_spawn_die("the code cannot be confined",
                          SANDBOX_STATUS_UNCONFINED);
    }

    sandbox_spawn_signals();

    (void) execve(s->interpreter, s->argv, s->envp);

    sandbox_spawn_die("the interpreter cannot be run",
                      SANDBOX_STATUS_NOT_RUN);
}


static void
sandbox_spawn_die(const char *what, int status)
{
    ssize_t  n;

    n = write(STDERR_FILENO, what, strlen(what));
    n = n == -1 ? n : write(STDERR_FILENO, "\n", 1);

    _exit(status);
}


void
sandbox_spawn_signals(void)
{
    sigset_t  none;

    /* all others have been so since our start */
    (void) signal(SIGPIPE, SIG_DFL);

    sigemptyset(&none);
    (void) sigprocmask(SIG_SETMASK, &none, NULL);
}


static int
sandbox_spawn_fds(const sandbox_spawn_t *s)
{
    int  i, last, fds[SANDBOX_SPAWN_FDS];

    /* first out of the way: a source may have the number of a target */

    for (i = 0, last = STDERR_FILENO; i < SANDBOX_SPAWN_FDS; i++) {
        fds[i] = s->fds[i];

        if (fds[i] == -1) {
            continue;
        }

        fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, SANDBOX_FD_BASE);
        last = i;

        if (fds[i] == -1) {
            return SANDBOX_ERROR;
        }
    }

    for (i = 0; i < SANDBOX_SPAWN_FDS; i++) {
        if (fds[i] != -1 && dup2(fds[i], i) == -1) {
            return SANDBOX_ERROR;
        }
    }

    /*
     * All of ours close on exec already, and this is the second line; what
     * bubblewrap was given for our binary does not.  Not before execve(): the
     * ruleset is among them.
     */

    (void) syscall(SYS_close_range, last + 1, ~0u,
                   1u << 2 /* CLOSE_RANGE_CLOEXEC */);

    return SANDBOX_OK;
}
