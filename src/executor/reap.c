
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The end of processes.  When an interpreter has ended, everything that it
 * started and that still runs is made to end; the result is made when all of
 * that is gone, and counts what it used.
 */


#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include "execution.h"
#include "install.h"
#include "leftovers.h"
#include "pool.h"
#include "process.h"


#define SANDBOX_SWEEP_MAX_MS   2000     /* for what cannot be killed */
#define SANDBOX_SWEEP_ALL_MS   1000     /* the last of these */
#define SANDBOX_SWEEP_TICK_MS  10


static sandbox_execution_t *sandbox_execution_of(sandbox_executor_t *ex,
    pid_t pid);
static int sandbox_execution_known(void *data, pid_t pid);
static int sandbox_execution_has_ended(const siginfo_t *si);
static void sandbox_execution_traced(pid_t pid);
static void sandbox_execution_exited(sandbox_execution_t *e);
static void sandbox_execution_orphan(sandbox_executor_t *ex, pid_t pid);
static sandbox_execution_t *sandbox_execution_in(sandbox_executor_t *ex,
    sandbox_execution_e state);
static void sandbox_execution_sweep(sandbox_executor_t *ex);


void
sandbox_execution_reap(sandbox_executor_t *ex)
{
    siginfo_t             si;
    sandbox_execution_t  *e;

    for ( ;; ) {
        si.si_pid = 0;

        if (waitid(P_ALL, 0, &si, WEXITED|WNOHANG|WNOWAIT) == -1) {
            if (errno == EINTR) {
                continue;
            }

            break;
        }

        if (si.si_pid == 0) {
            break;
        }

        if (!sandbox_execution_has_ended(&si)) {
            sandbox_execution_traced(si.si_pid);
            continue;
        }

        e = sandbox_execution_of(ex, si.si_pid);

        if (e != NULL) {
            sandbox_execution_exited(e);

        } else if (sandbox_pool_has(ex, si.si_pid)) {
            sandbox_pool_ended(ex, si.si_pid);

        } else if (sandbox_install_has(ex, si.si_pid)) {
            sandbox_install_ended(ex, si.si_pid);
            (void) sandbox_process_end_strays(sandbox_execution_known, ex);

        } else {
            sandbox_execution_orphan(ex, si.si_pid);
        }
    }

    if (sandbox_execution_in(ex, SANDBOX_EXECUTION_SWEEPING) != NULL) {
        sandbox_execution_sweep(ex);
    }
}


static sandbox_execution_t *
sandbox_execution_of(sandbox_executor_t *ex, pid_t pid)
{
    sandbox_execution_t  *e;

    TAILQ_FOREACH(e, &ex->executions, link) {
        if (e->pid == pid && e->state == SANDBOX_EXECUTION_ALIVE) {
            return e;
        }
    }

    return NULL;
}


/* one that we started, and that nobody has waited for */

static int
sandbox_execution_known(void *data, pid_t pid)
{
    sandbox_executor_t  *ex = data;

    return sandbox_execution_of(ex, pid) != NULL || sandbox_pool_has(ex, pid)
           || sandbox_install_has(ex, pid);
}


static int
sandbox_execution_has_ended(const siginfo_t *si)
{
    return si->si_code == CLD_EXITED || si->si_code == CLD_KILLED
           || si->si_code == CLD_DUMPED;
}


/*
 * A child can make us its tracer (PTRACE_TRACEME), and is then reported each
 * time that it stops, asked for or not.  We never let one go on.
 */

static void
sandbox_execution_traced(pid_t pid)
{
    siginfo_t  si;

    (void) kill(pid, SIGKILL);
    (void) waitid(P_PID, pid, &si, WSTOPPED|WNOHANG);
}


/* the interpreter is a zombie */

static void
sandbox_execution_exited(sandbox_execution_t *e)
{
    sandbox_result_t  *r;

    r = &e->result;
    r->duration_ms = sandbox_now_ms() - e->started_ms;

    sandbox_metrics_collect(&r->metrics, e->pid, &r->wait_status);

    if (WIFSIGNALED(r->wait_status) && WTERMSIG(r->wait_status) == SIGKILL
        && !e->killed)
    {
        r->metrics.oom_killed = sandbox_metrics_oom_kills(e->executor->oom_fd)
                                > e->oom_kills;
    }

    e->state = SANDBOX_EXECUTION_SWEEPING;
    e->sweep_end_ms = sandbox_now_ms() + SANDBOX_SWEEP_MAX_MS;

    event_del(e->timer);
}


/* of an interpreter that has ended: ours just now, if there are several */

static void
sandbox_execution_orphan(sandbox_executor_t *ex, pid_t pid)
{
    sandbox_execution_t  *e;

    e = sandbox_execution_in(ex, SANDBOX_EXECUTION_SWEEPING);

    if (e != NULL) {
        sandbox_metrics_collect(&e->result.metrics, pid, NULL);

    } else {
        (void) waitpid(pid, NULL, WNOHANG);
    }
}


/* the first one, or NULL */

static sandbox_execution_t *
sandbox_execution_in(sandbox_executor_t *ex, sandbox_execution_e state)
{
    sandbox_execution_t  *e;

    TAILQ_FOREACH(e, &ex->executions, link) {
        if (e->state == state) {
            break;
        }
    }

    return e;
}


static void
sandbox_execution_sweep(sandbox_executor_t *ex)
{
    unsigned              strays;
    sandbox_execution_t  *e;

    strays = sandbox_process_end_strays(sandbox_execution_known, ex);
    e = sandbox_execution_in(ex, SANDBOX_EXECUTION_SWEEPING);

    if (strays && ex->init && !sandbox_install_runs(ex)
        && sandbox_now_ms() > e->sweep_end_ms - SANDBOX_SWEEP_ALL_MS
        && sandbox_execution_in(ex, SANDBOX_EXECUTION_ALIVE) == NULL)
    {
        /* they are too quick to be told apart: at once, and what is ready */
        (void) kill(-1, SIGKILL);
    }

    if (strays && sandbox_now_ms() < e->sweep_end_ms) {
        sandbox_execution_set_timer(e, SANDBOX_SWEEP_TICK_MS);
        return;
    }

    if (strays) {
        sandbox_log("%u processes of %s cannot be ended", strays, e->id);
    }

    if (ex->init
        && sandbox_execution_in(ex, SANDBOX_EXECUTION_ALIVE) == NULL)
    {
        sandbox_leftovers_remove();
    }

    /* finishing one may start another, or free it: look again each time */

    while (e != NULL) {
        sandbox_execution_finish(e);
        e = sandbox_execution_in(ex, SANDBOX_EXECUTION_SWEEPING);
    }
}
