
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Executions inside of bubblewrap: name spaces of their own for mounts, users,
 * System V's objects and the host's name.  docs/decisions/0010-confinement.md
 * has the reasons.
 *
 *     executor -- bwrap, the monitor -- bwrap, sets up -> executor --confine
 *
 * bubblewrap always forks; its monitor would stand between us and the code and
 * wait, count and be signalled in our place.  So the monitor is killed as soon
 * as the process that it has started, our binary (inside.c), has said its
 * number: that one then is a child of ours like any other, and is told to go on
 * and become the interpreter.  All of it is done before sandbox_spawn()
 * returns, so nobody takes an orphan in between for a stray.  The wait is
 * bounded: where Landlock keeps no signals in, code can stop what we wait for.
 *
 * Nothing of an execution is bubblewrap's to see or to be led by: its command
 * line is always the same, its environment empty, and the code's descriptors
 * have other numbers than the standard ones.
 */


#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "bubblewrap.h"
#include "executor.h"
#include "inside.h"
#include "plan.h"
#include "process.h"


#define SANDBOX_BUBBLEWRAP_TRIAL_MS  2000
#define SANDBOX_BUBBLEWRAP_WAIT_MS   5000

#define SANDBOX_STATUS_NO_BUBBLEWRAP  125


static void sandbox_bubblewrap_arguments(sandbox_bubblewrap_t *b,
    const char *const *hidden);
static const char *sandbox_bubblewrap_try(sandbox_executor_t *ex);
static int sandbox_bubblewrap_ended(pid_t pid, double ms);
static void sandbox_bubblewrap_child(const sandbox_bubblewrap_t *b,
    const sandbox_spawn_t *s, int plan, int socket)
    __attribute__((noreturn));
static int sandbox_bubblewrap_child_fds(const sandbox_bubblewrap_t *b,
    const sandbox_spawn_t *s, int plan, int socket);
static pid_t sandbox_bubblewrap_meet(const sandbox_bubblewrap_t *b,
    pid_t monitor, int socket);
static pid_t sandbox_bubblewrap_hear(int socket, double ms);


void
sandbox_bubblewrap_init(sandbox_bubblewrap_t *b, sandbox_executor_t *ex)
{
    const char  *failed;

    b->path = sandbox_language_lookup("bwrap", ex->path);

    /*
     * To leave nothing needs no right but to the call, which the engine's
     * default profile refuses: it makes no start slower.
     */

    if (b->path == NULL || unshare(0) == -1) {
        return;
    }

    b->binary_fd = open("/proc/self/exe", O_RDONLY|O_CLOEXEC);
    b->wait_ms = SANDBOX_BUBBLEWRAP_TRIAL_MS;

    sandbox_bubblewrap_arguments(b, ex->hidden);

    ex->confine.bubblewrap = b;

    failed = sandbox_bubblewrap_try(ex);

    if (failed != NULL) {
        sandbox_log("bubblewrap is there, but %s: it is not used", failed);
        ex->confine.bubblewrap = NULL;
        return;
    }

    b->wait_ms = SANDBOX_BUBBLEWRAP_WAIT_MS;
}


/*
 * No name space for processes: it would need a /proc of its own, and where the
 * engine masks a part of /proc the kernel lets nobody mount another one.  None
 * for the network: the container's is as much as a session has.
 */

static void
sandbox_bubblewrap_arguments(sandbox_bubblewrap_t *b,
    const char *const *hidden)
{
    size_t        n;
    const char  **arg;

    static const char  *first[] = {
        "bwrap", "--unshare-user", "--unshare-ipc", "--unshare-uts",
        "--unshare-cgroup-try", "--dev-bind", "/", "/", NULL
    };

    n = 0;

    for (arg = first; *arg; arg++) {
        b->argv[n++] = (char *) *arg;
    }

    for ( /* void */ ; *hidden; hidden++) {
        b->argv[n++] = "--tmpfs";
        b->argv[n++] = (char *) *hidden;
        b->argv[n++] = "--remount-ro";
        b->argv[n++] = (char *) *hidden;
    }

    b->argv[n++] = "--";
    b->argv[n++] = b->inside;
    b->argv[n++] = SANDBOX_INSIDE_MODE;
    b->argv[n] = NULL;

    snprintf(b->inside, sizeof(b->inside), "/proc/self/fd/%d",
             SANDBOX_BUBBLEWRAP_BINARY_FD);
}


/* a program that does nothing, by the way of each execution; NULL: it ran */

static const char *
sandbox_bubblewrap_try(sandbox_executor_t *ex)
{
    int                  i;
    pid_t                pid;
    char                *argv[SANDBOX_LANGUAGE_ARGUMENTS], *envp[] = { NULL };
    sandbox_spawn_t      s;
    sandbox_language_t  *shell;

    if (ex->confine.bubblewrap->binary_fd == -1) {
        return "our own binary cannot be opened";
    }

    shell = sandbox_languages_find(&ex->languages, "shell");

    if (shell->interpreter == NULL) {
        return "there is no shell to try it with";
    }

    s.confine = &ex->confine;
    s.interpreter = shell->interpreter;
    s.argv = sandbox_language_argv(shell, ":", argv);
    s.envp = envp;
    s.workspace = ex->workspace;
    s.directory = NULL;
    s.folder = -1;

    for (i = 0; i < SANDBOX_SPAWN_FDS; i++) {
        s.fds[i] = -1;
    }

    pid = sandbox_spawn(&s);

    if (pid == -1) {
        return "it does not work";
    }

    return sandbox_bubblewrap_ended(pid, SANDBOX_BUBBLEWRAP_TRIAL_MS)
           ? NULL : "a program does not run in it";
}


/* 1: by itself, in time, and well */

static int
sandbox_bubblewrap_ended(pid_t pid, double ms)
{
    int              status;
    double           end;
    struct timespec  tick = { 0, 250 * 1000 };

    end = sandbox_now_ms() + ms;

    while (waitpid(pid, &status, WNOHANG) != pid) {

        if (sandbox_now_ms() > end) {
            (void) kill(pid, SIGKILL);
            (void) waitpid(pid, &status, 0);
            return 0;
        }

        nanosleep(&tick, NULL);
    }

    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}


pid_t
sandbox_bubblewrap_start(const sandbox_bubblewrap_t *b,
    const sandbox_spawn_t *s)
{
    int    plan, sockets[2];
    pid_t  pid;

    plan = sandbox_plan_create(s);

    if (plan == -1) {
        return -1;
    }

    if (socketpair(AF_UNIX, SOCK_SEQPACKET|SOCK_CLOEXEC, 0, sockets) == -1) {
        sandbox_log("socketpair: %s", strerror(errno));
        close(plan);
        return -1;
    }

    pid = sandbox_spawn_fork(s->confine);

    if (pid == 0) {
        sandbox_bubblewrap_child(b, s, plan, sockets[1]);
    }

    close(plan);
    close(sockets[1]);

    if (pid != -1) {
        pid = sandbox_bubblewrap_meet(b, pid, sockets[0]);
    }

    close(sockets[0]);

    return pid;
}


static void
sandbox_bubblewrap_child(const sandbox_bubblewrap_t *b,
    const sandbox_spawn_t *s, int plan, int socket)
{
    char  *envp[] = { NULL };

    /* of the monitor; what it starts is told by the end of its socket */
    (void) prctl(PR_SET_PDEATHSIG, SIGKILL);

    if (sandbox_bubblewrap_child_fds(b, s, plan, socket) == SANDBOX_OK) {
        sandbox_spawn_signals();

        (void) execve(b->path, b->argv, envp);
    }

    sandbox_log("bubblewrap: %s", strerror(errno));

    _exit(SANDBOX_STATUS_NO_BUBBLEWRAP);
}


static int
sandbox_bubblewrap_child_fds(const sandbox_bubblewrap_t *b,
    const sandbox_spawn_t *s, int plan, int socket)
{
    int  i, n, fds[SANDBOX_BUBBLEWRAP_FDS_END - SANDBOX_BUBBLEWRAP_FDS];

    for (n = 0; n < SANDBOX_SPAWN_FDS; n++) {
        fds[n] = s->fds[n];
    }

    fds[n++] = plan;
    fds[n++] = socket;
    fds[n++] = s->confine->ruleset_fd;
    fds[n++] = b->binary_fd;

    /* first out of the way: a source may have the number of a target */

    for (i = 0; i < n; i++) {
        if (fds[i] != -1) {
            fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC,
                           SANDBOX_BUBBLEWRAP_FDS_END);

            if (fds[i] == -1) {
                return SANDBOX_ERROR;
            }
        }
    }

    for (i = 0; i < n; i++) {
        if (fds[i] != -1 && dup2(fds[i], SANDBOX_BUBBLEWRAP_FDS + i) == -1) {
            return SANDBOX_ERROR;
        }
    }

    return SANDBOX_OK;
}


static pid_t
sandbox_bubblewrap_meet(const sandbox_bubblewrap_t *b, pid_t monitor,
    int socket)
{
    pid_t      pid;
    siginfo_t  si;

    pid = sandbox_bubblewrap_hear(socket, b->wait_ms);

    if (pid == -1) {
        sandbox_process_end_family(monitor);
    }

    (void) kill(monitor, SIGKILL);

    while (waitpid(monitor, NULL, 0) == -1 && errno == EINTR) {
        /* void */
    }

    if (pid == -1) {
        return -1;
    }

    /* bubblewrap is the image's: its word is no proof that this is a child */

    if (waitid(P_PID, pid, &si, WEXITED|WNOHANG|WNOWAIT) == -1
        || send(socket, "", 1, MSG_NOSIGNAL) != 1)
    {
        sandbox_log("bubblewrap: process %ld is no child, or has ended",
                    (long) pid);
        return -1;
    }

    return pid;
}


/* -1 after a line in the log: nobody has said anything in time */

static pid_t
sandbox_bubblewrap_hear(int socket, double ms)
{
    pid_t          pid;
    double         end, left;
    struct pollfd  event;

    event.fd = socket;
    event.events = POLLIN;
    event.revents = 0;

    end = sandbox_now_ms() + ms;

    while ((left = end - sandbox_now_ms()) > 0) {

        if (poll(&event, 1, (int) left + 1) != 1) {
            continue;
        }

        if (recv(socket, &pid, sizeof(pid), MSG_DONTWAIT) == sizeof(pid)
            && pid > 1)
        {
            return pid;
        }

        sandbox_log("bubblewrap has not started anything");
        return -1;
    }

    sandbox_log("bubblewrap has not started anything in %g ms", ms);

    return -1;
}
