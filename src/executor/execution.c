
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * One run of code, from its start to the ack of its result.  Owned by the
 * executor's list; freed by _forget() only.
 *
 * When the interpreter ends, its session is killed while it is still a
 * zombie (so that no number can be another's), then it is waited for.  If no
 * other execution lives, everything that descends from us is killed as well.
 * The result is made when all of it is gone.
 */


#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "execution.h"
#include "process.h"
#include "spawn.h"


#define SANDBOX_SWEEP_MAX_MS   2000     /* for what cannot be killed */
#define SANDBOX_SWEEP_TICK_MS  10


static int sandbox_execution_admit(sandbox_executor_t *ex,
    const sandbox_request_t *r, sandbox_language_t **ret_language,
    char *error, size_t size);
static sandbox_execution_t *sandbox_execution_create(sandbox_executor_t *ex,
    const sandbox_request_t *r);
static int sandbox_execution_watch(sandbox_execution_t *e,
    const sandbox_spawn_t *s);
static void sandbox_execution_set_timer(sandbox_execution_t *e, double ms);
static void sandbox_execution_timer_handler(evutil_socket_t fd, short what,
    void *data);
static void sandbox_execution_end(sandbox_execution_t *e,
    sandbox_ended_e reason);
static void sandbox_execution_exited(sandbox_execution_t *e);
static void sandbox_execution_sweep(sandbox_execution_t *e, int children);
static void sandbox_execution_finish(sandbox_execution_t *e);
static void sandbox_execution_reported(void *data, int rc);
static void sandbox_execution_free(sandbox_execution_t *e);


int
sandbox_execution_start(sandbox_executor_t *ex, const sandbox_request_t *r,
    sandbox_execution_t **ret_execution, char *error, size_t size)
{
    int                   rc, folder;
    sandbox_spawn_t       s;
    sandbox_language_t   *language;
    sandbox_execution_t  *e;

    rc = sandbox_execution_admit(ex, r, &language, error, size);

    if (rc != 200) {
        return rc;
    }

    folder = sandbox_spawn_open_folder(ex->workspace_fd,
                                       r->working_directory);
    if (folder == -1) {
        snprintf(error, size, "working_directory cannot be opened: %s",
                 strerror(errno));
        return 400;
    }

    e = sandbox_execution_create(ex, r);

    if (e == NULL || sandbox_spawn_start(&s, ex, language, r, folder)
                     != SANDBOX_OK)
    {
        snprintf(error, size, "the interpreter cannot be started");
        close(folder);
        sandbox_execution_free(e);
        return 503;
    }

    close(folder);

    e->pid = s.pid;
    e->started_ms = sandbox_now_ms();

    LIST_INSERT_HEAD(&ex->executions, e, link);
    ex->running++;

    if (sandbox_execution_watch(e, &s) != SANDBOX_OK) {
        /* its output would be lost: end it, the result will say so */
        sandbox_log("the output of %s cannot be watched", e->id);
        sandbox_execution_end(e, SANDBOX_ENDED_CANCEL);

    } else {
        sandbox_execution_set_timer(e, r->timeout * 1e3);
    }

    *ret_execution = e;

    return 200;
}


static int
sandbox_execution_admit(sandbox_executor_t *ex, const sandbox_request_t *r,
    sandbox_language_t **ret_language, char *error, size_t size)
{
    sandbox_language_t  *language;

    if (sandbox_execution_find(ex, r->id, strlen(r->id)) != NULL) {
        snprintf(error, size, "execution_id %s runs or waits for its ack",
                 r->id);
        return 409;
    }

    language = sandbox_languages_find(&ex->languages, r->language);

    if (language == NULL) {
        snprintf(error, size, "language must be python, javascript or shell");
        return 400;
    }

    if (language->interpreter == NULL) {
        snprintf(error, size, "no interpreter for %s in this image",
                 language->row->name);
        return 404;
    }

    if (ex->running >= ex->bootstrap.max_executions) {
        snprintf(error, size, "%u executions run already", ex->running);
        return 429;
    }

    if (ex->held >= SANDBOX_HELD_MAX
        || ex->held_bytes >= SANDBOX_HELD_MAX_BYTES)
    {
        snprintf(error, size, "%u results wait for their ack", ex->held);
        return 429;
    }

    *ret_language = language;

    return 200;
}


static sandbox_execution_t *
sandbox_execution_create(sandbox_executor_t *ex, const sandbox_request_t *r)
{
    sandbox_execution_t  *e;

    e = calloc(1, sizeof(sandbox_execution_t));
    if (e == NULL) {
        return NULL;
    }

    e->executor = ex;
    e->result.timeout = r->timeout;

    /* its length was checked by the parser */

    memcpy(e->id, r->id, strlen(r->id));

    snprintf(e->report_path, sizeof(e->report_path),
             "/internal/executions/%s/result", e->id);
    snprintf(e->report_key, sizeof(e->report_key), "%s_result", e->id);

    sandbox_output_init(&e->out, SANDBOX_OUTPUT_MAX, 1);
    sandbox_output_init(&e->err, SANDBOX_OUTPUT_MAX, 1);
    sandbox_output_init(&e->frame, SANDBOX_RETURN_MAX + SANDBOX_FRAME_MAX, 0);

    e->timer = evtimer_new(ex->base, sandbox_execution_timer_handler, e);

    if (e->timer == NULL) {
        sandbox_execution_free(e);
        return NULL;
    }

    return e;
}


static int
sandbox_execution_watch(sandbox_execution_t *e, const sandbox_spawn_t *s)
{
    int                 out, err, frame;
    struct event_base  *base;

    base = e->executor->base;

    /* all of them, so that each descriptor has an owner */

    out = sandbox_output_open(&e->out, base, s->stdout_fd);
    err = sandbox_output_open(&e->err, base, s->stderr_fd);
    frame = s->value_fd == -1 ? SANDBOX_OK
                              : sandbox_output_open(&e->frame, base,
                                                    s->value_fd);

    return out == SANDBOX_OK && err == SANDBOX_OK && frame == SANDBOX_OK
           ? SANDBOX_OK : SANDBOX_ERROR;
}


sandbox_execution_t *
sandbox_execution_find(sandbox_executor_t *ex, const char *id, size_t len)
{
    sandbox_execution_t  *e;

    LIST_FOREACH(e, &ex->executions, link) {
        if (strlen(e->id) == len && memcmp(e->id, id, len) == 0) {
            return e;
        }
    }

    return NULL;
}


static void
sandbox_execution_set_timer(sandbox_execution_t *e, double ms)
{
    struct timeval  tv;

    tv.tv_sec = ms / 1e3;
    tv.tv_usec = (ms - tv.tv_sec * 1e3) * 1e3;

    event_add(e->timer, &tv);
}


static void
sandbox_execution_timer_handler(evutil_socket_t fd, short what, void *data)
{
    sandbox_execution_t  *e = data;

    switch (e->state) {

    case SANDBOX_EXECUTION_ALIVE:
        if (e->terminated) {
            sandbox_process_kill_session(e->pid);

        } else {
            sandbox_execution_end(e, SANDBOX_ENDED_TIMEOUT);
        }

        return;

    case SANDBOX_EXECUTION_SWEEPING:
        sandbox_execution_reap(e->executor);
        return;

    default: /* SANDBOX_EXECUTION_ENDED: no ack came */
        sandbox_execution_report(e);
    }
}


int
sandbox_execution_cancel(sandbox_execution_t *e)
{
    if (e->state == SANDBOX_EXECUTION_ENDED) {
        return SANDBOX_REFUSED;
    }

    if (e->state == SANDBOX_EXECUTION_ALIVE && !e->terminated) {
        sandbox_execution_end(e, SANDBOX_ENDED_CANCEL);
    }

    return SANDBOX_OK;
}


static void
sandbox_execution_end(sandbox_execution_t *e, sandbox_ended_e reason)
{
    e->result.ended = reason;
    e->terminated = 1;

    sandbox_process_signal(e->pid, SIGTERM);
    sandbox_execution_set_timer(e, SANDBOX_KILL_DELAY_MS);
}


void
sandbox_execution_reap(sandbox_executor_t *ex)
{
    int                   children;
    siginfo_t             si;
    sandbox_execution_t  *e, *next;

    for ( ;; ) {
        si.si_pid = 0;

        if (waitid(P_ALL, 0, &si, WEXITED|WNOHANG|WNOWAIT) == -1) {
            if (errno == EINTR) {
                continue;
            }

            children = 0;
            break;
        }

        if (si.si_pid == 0) {
            children = 1;
            break;
        }

        LIST_FOREACH(e, &ex->executions, link) {
            if (e->pid == si.si_pid && e->state == SANDBOX_EXECUTION_ALIVE) {
                break;
            }
        }

        if (e != NULL) {
            sandbox_execution_exited(e);

        } else {
            (void) waitpid(si.si_pid, NULL, WNOHANG);
        }
    }

    for (e = LIST_FIRST(&ex->executions); e; e = next) {
        next = LIST_NEXT(e, link);

        if (e->state == SANDBOX_EXECUTION_SWEEPING) {
            sandbox_execution_sweep(e, children);
        }
    }
}


/* the interpreter is a zombie */

static void
sandbox_execution_exited(sandbox_execution_t *e)
{
    struct rusage  usage;

    e->result.duration_ms = sandbox_now_ms() - e->started_ms;

    sandbox_metrics_set_io(&e->result.metrics, e->pid);
    sandbox_process_kill_session(e->pid);

    memset(&usage, 0, sizeof(usage));

    (void) wait4(e->pid, &e->result.wait_status, 0, &usage);

    sandbox_metrics_set_usage(&e->result.metrics, &usage);

    e->state = SANDBOX_EXECUTION_SWEEPING;
    e->sweep_end_ms = sandbox_now_ms() + SANDBOX_SWEEP_MAX_MS;

    event_del(e->timer);
}


/* "children": somebody descends from us */

static void
sandbox_execution_sweep(sandbox_execution_t *e, int children)
{
    int                   gone;
    sandbox_execution_t  *other;

    LIST_FOREACH(other, &e->executor->executions, link) {
        if (other->state == SANDBOX_EXECUTION_ALIVE) {
            break;
        }
    }

    if (other != NULL) {
        /* whose the rest is cannot be told: the last execution sweeps it */
        gone = !sandbox_process_group_exists(e->pid);

    } else {
        gone = !children;

        if (!gone) {
            sandbox_process_kill_all(e->executor->init);
        }
    }

    if (!gone && sandbox_now_ms() < e->sweep_end_ms) {
        sandbox_execution_set_timer(e, SANDBOX_SWEEP_TICK_MS);
        return;
    }

    if (!gone) {
        sandbox_log("processes of %s cannot be ended", e->id);
    }

    sandbox_execution_finish(e);
}


static void
sandbox_execution_finish(sandbox_execution_t *e)
{
    sandbox_executor_t  *ex;

    ex = e->executor;

    event_del(e->timer);

    sandbox_output_finish(&e->out);
    sandbox_output_finish(&e->err);
    sandbox_output_finish(&e->frame);

    e->result.id = e->id;
    e->result.out = &e->out;
    e->result.err = &e->err;
    e->result.frame = &e->frame;

    e->body = sandbox_result_render(&e->result);

    sandbox_output_free(&e->out);
    sandbox_output_free(&e->err);
    sandbox_output_free(&e->frame);

    e->state = SANDBOX_EXECUTION_ENDED;
    ex->running--;

    if (e->body == NULL) {
        /* the control plane's heartbeat finds out; nothing can be said */
        sandbox_log("no memory for the result of %s", e->id);
    }

    ex->held++;
    ex->held_bytes += e->body ? evbuffer_get_length(e->body) : 0;

    if (e->done != NULL) {
        e->done(e);

    } else {
        sandbox_execution_report(e);
    }
}


void
sandbox_execution_answered(sandbox_execution_t *e)
{
    sandbox_execution_set_timer(e, SANDBOX_ACK_DELAY_MS);
}


void
sandbox_execution_report(sandbox_execution_t *e)
{
    sandbox_report_conf_t  conf;

    if (e->report != NULL) {
        return;
    }

    if (e->body == NULL) {
        sandbox_execution_forget(e);
        return;
    }

    event_del(e->timer);

    memset(&conf, 0, sizeof(conf));

    conf.path = e->report_path;
    conf.key = e->report_key;
    conf.content_type = "application/vnd.ngx-sandbox.result";
    conf.body = e->body;
    conf.delays_ms = sandbox_report_result_delays;
    conf.done = sandbox_execution_reported;
    conf.data = e;

    e->report = sandbox_report_start(e->executor, &conf);

    if (e->report == NULL) {
        sandbox_execution_set_timer(e, SANDBOX_ACK_DELAY_MS);
    }
}


/* refused for ever is an ack too: nobody wants it */

static void
sandbox_execution_reported(void *data, int rc)
{
    sandbox_execution_t  *e = data;

    e->report = NULL;

    sandbox_execution_forget(e);
}


void
sandbox_execution_forget(sandbox_execution_t *e)
{
    sandbox_executor_t  *ex;

    ex = e->executor;

    ex->held--;
    ex->held_bytes -= e->body ? evbuffer_get_length(e->body) : 0;

    LIST_REMOVE(e, link);

    sandbox_execution_free(e);
}


static void
sandbox_execution_free(sandbox_execution_t *e)
{
    if (e == NULL) {
        return;
    }

    if (e->report != NULL) {
        sandbox_report_cancel(e->report);
    }

    if (e->timer != NULL) {
        event_free(e->timer);
    }

    if (e->body != NULL) {
        evbuffer_free(e->body);
    }

    sandbox_output_free(&e->out);
    sandbox_output_free(&e->err);
    sandbox_output_free(&e->frame);

    free(e);
}
