
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * One run of code, from its start to its result.  Owned by the executor's list;
 * freed by _forget() only.
 */


#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "environment.h"
#include "execution.h"
#include "heartbeat.h"
#include "pool.h"
#include "process.h"


static int sandbox_execution_start(sandbox_execution_t *e,
    sandbox_interpreter_t *i);
static int sandbox_execution_take(sandbox_execution_t *e,
    sandbox_interpreter_t *i);
static int sandbox_execution_watch(sandbox_execution_t *e,
    const sandbox_interpreter_t *i);
static void sandbox_execution_release(sandbox_execution_t *e);
static void sandbox_execution_timer_handler(evutil_socket_t fd, short what,
    void *data);
static void sandbox_execution_end(sandbox_execution_t *e,
    sandbox_ended_e reason);


int
sandbox_execution_run(sandbox_execution_t *e)
{
    double                  timeout;
    sandbox_executor_t     *ex;
    sandbox_interpreter_t   i;

    ex = e->executor;
    timeout = e->request.timeout;

    e->timer = evtimer_new(ex->base, sandbox_execution_timer_handler, e);
    e->oom_kills = sandbox_metrics_oom_kills(ex->oom_fd);

    if (e->timer == NULL) {
        return SANDBOX_ERROR;
    }

    e->started_ms = sandbox_now_ms();

    if (sandbox_execution_take(e, &i) != SANDBOX_OK
        && sandbox_execution_start(e, &i) != SANDBOX_OK)
    {
        return SANDBOX_ERROR;
    }

    e->pid = i.pid;
    e->state = SANDBOX_EXECUTION_ALIVE;
    ex->running++;

    sandbox_execution_release(e);

    if (sandbox_execution_watch(e, &i) != SANDBOX_OK) {
        /* its output would be lost: end it, the result will say so */
        sandbox_log("the output of %s cannot be watched", e->id);
        sandbox_execution_end(e, SANDBOX_ENDED_CANCEL);

    } else {
        sandbox_execution_set_timer(e, timeout * 1e3);
    }

    return SANDBOX_OK;
}


/* one that waits, unless it was started without a variable that it needs */

static int
sandbox_execution_take(sandbox_execution_t *e, sandbox_interpreter_t *i)
{
    sandbox_executor_t  *ex;

    ex = e->executor;

    if (sandbox_environment_is_early(e->language, &e->request)) {
        return SANDBOX_REFUSED;
    }

    while (sandbox_pool_take(ex, e->language, i) == SANDBOX_OK) {

        sandbox_metrics_begin(&e->before, i->pid);

        if (sandbox_interpreter_hand_over(i, ex, &e->request) == SANDBOX_OK) {
            return SANDBOX_OK;
        }

        /* it has just ended; as an orphan it is waited for */
        sandbox_interpreter_drop(i);
    }

    return SANDBOX_REFUSED;
}


static int
sandbox_execution_start(sandbox_execution_t *e, sandbox_interpreter_t *i)
{
    int                  rc, folder;
    sandbox_executor_t  *ex;

    ex = e->executor;

    memset(&e->before, 0, sizeof(sandbox_metrics_t));

    folder = sandbox_interpreter_folder(ex->workspace_fd,
                                        e->request.working_directory);
    if (folder == -1) {
        sandbox_log("the working directory of %s: %s", e->id,
                    strerror(errno));
        return SANDBOX_ERROR;
    }

    rc = sandbox_interpreter_start(i, ex, e->language, &e->request, folder);

    close(folder);

    return rc;
}


/* what was asked for is needed no longer, and may be large */

static void
sandbox_execution_release(sandbox_execution_t *e)
{
    sandbox_request_free(&e->request);

    if (e->input != NULL) {
        evbuffer_free(e->input);
        e->input = NULL;
    }
}


static int
sandbox_execution_watch(sandbox_execution_t *e, const sandbox_interpreter_t *i)
{
    int                 out, err, frame;
    struct event_base  *base;

    base = e->executor->base;

    /* all of them, so that each descriptor has an owner */

    out = sandbox_output_open(&e->out, base, i->stdout_fd);
    err = sandbox_output_open(&e->err, base, i->stderr_fd);
    frame = i->value_fd == -1 ? SANDBOX_OK
                              : sandbox_output_open(&e->frame, base,
                                                    i->value_fd);

    return out == SANDBOX_OK && err == SANDBOX_OK && frame == SANDBOX_OK
           ? SANDBOX_OK : SANDBOX_ERROR;
}


void
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
            e->killed = 1;
            sandbox_process_signal(e->pid, SIGKILL);

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
    switch (e->state) {

    case SANDBOX_EXECUTION_QUEUED:
        e->executor->queued--;
        e->executor->queued_bytes -= evbuffer_get_length(e->input);
        e->result.ended = SANDBOX_ENDED_CANCEL;

        sandbox_execution_finish(e);

        return SANDBOX_OK;

    case SANDBOX_EXECUTION_ENDED:
        return SANDBOX_REFUSED;

    case SANDBOX_EXECUTION_ALIVE:
        if (!e->terminated) {
            sandbox_execution_end(e, SANDBOX_ENDED_CANCEL);
        }

        return SANDBOX_OK;

    default: /* SANDBOX_EXECUTION_SWEEPING */
        return SANDBOX_OK;
    }
}


void
sandbox_execution_drop(sandbox_execution_t *e)
{
    e->dropped = 1;

    switch (e->state) {

    case SANDBOX_EXECUTION_QUEUED:
        (void) sandbox_execution_cancel(e);
        return;

    case SANDBOX_EXECUTION_ENDED:
        sandbox_execution_forget(e);
        return;

    case SANDBOX_EXECUTION_ALIVE:
        e->result.ended = SANDBOX_ENDED_CANCEL;
        e->terminated = 1;
        e->killed = 1;

        sandbox_process_signal(e->pid, SIGKILL);
        sandbox_execution_set_timer(e, SANDBOX_KILL_DELAY_MS);
        return;

    default: /* SANDBOX_EXECUTION_SWEEPING */
        return;
    }
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
sandbox_execution_finish(sandbox_execution_t *e)
{
    unsigned             dropped;
    sandbox_executor_t  *ex;

    ex = e->executor;
    dropped = e->dropped;

    if (e->timer == NULL) {
        /* it has never run */
        e->timer = evtimer_new(ex->base, sandbox_execution_timer_handler, e);

    } else {
        event_del(e->timer);
    }

    sandbox_execution_release(e);

    sandbox_output_finish(&e->out);
    sandbox_output_finish(&e->err);
    sandbox_output_finish(&e->frame);

    sandbox_shape_finish(&e->events->shape);
    sandbox_events_end(e->events, &ex->ended);

    sandbox_metrics_end(&e->result.metrics, &e->before);

    e->result.id = e->id;
    e->result.attempt = e->attempt;
    e->result.queued_ms = (e->started_ms ? e->started_ms : sandbox_now_ms())
                          - e->created_ms;
    e->result.out = &e->out;
    e->result.err = &e->err;
    e->result.frame = &e->frame;
    e->result.shape = &e->events->shape;

    e->body = dropped ? NULL : sandbox_result_render(&e->result);

    sandbox_output_free(&e->out);
    sandbox_output_free(&e->err);
    sandbox_output_free(&e->frame);
    sandbox_shape_free(&e->events->shape);

    e->state = SANDBOX_EXECUTION_ENDED;

    if (e->pid != 0 && --ex->running == 0) {
        sandbox_pool_fill(ex);
    }

    if (e->body == NULL && !dropped) {
        /* the control plane's heartbeat finds out; nothing can be said */
        sandbox_log("no memory for the result of %s", e->id);
    }

    ex->held++;
    ex->held_bytes += e->body ? evbuffer_get_length(e->body) : 0;

    /* without a body a report forgets it at once */

    if (e->done != NULL) {
        e->done(e);

    } else if (!dropped) {
        sandbox_execution_report(e);
    }

    if (dropped) {
        sandbox_execution_forget(e);
    }

    sandbox_execution_next(ex);
}


int
sandbox_execution_restore(sandbox_executor_t *ex, const char *id, size_t len,
    unsigned attempt, struct evbuffer *body)
{
    sandbox_execution_t  *e;

    e = calloc(1, sizeof(sandbox_execution_t));
    if (e == NULL) {
        return SANDBOX_ERROR;
    }

    e->timer = evtimer_new(ex->base, sandbox_execution_timer_handler, e);

    if (e->timer == NULL) {
        free(e);
        return SANDBOX_ERROR;
    }

    sandbox_execution_set_name(e, id, len, attempt);

    sandbox_output_init(&e->out, 0, 1);
    sandbox_output_init(&e->err, 0, 1);
    sandbox_output_init(&e->frame, 0, 0);

    e->executor = ex;
    e->state = SANDBOX_EXECUTION_ENDED;
    e->spooled = 1;
    e->body = body;

    ex->held++;
    ex->held_bytes += evbuffer_get_length(body);

    TAILQ_INSERT_TAIL(&ex->executions, e, link);

    sandbox_heartbeat_begin(ex);

    sandbox_execution_report(e);

    return SANDBOX_OK;
}


/* "id" has passed sandbox_id_is_valid() */

void
sandbox_execution_set_name(sandbox_execution_t *e, const char *id, size_t len,
    unsigned attempt)
{
    memcpy(e->id, id, len);
    e->attempt = attempt;

    snprintf(e->report_path, sizeof(e->report_path),
             "/internal/executions/%s/result", e->id);
    snprintf(e->report_key, sizeof(e->report_key), "%s_result", e->id);
}


void
sandbox_execution_free(sandbox_execution_t *e)
{
    if (e->report != NULL) {
        sandbox_report_cancel(e->report);
    }

    if (e->timer != NULL) {
        event_free(e->timer);
    }

    if (e->body != NULL) {
        evbuffer_free(e->body);
    }

    sandbox_execution_release(e);

    sandbox_output_free(&e->out);
    sandbox_output_free(&e->err);
    sandbox_output_free(&e->frame);

    if (e->events != NULL) {
        sandbox_events_release(e->events);
    }

    free(e);
}
