
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The step runner: see the header for what a step may do.
 *
 * One loop drives the table forward and, after a failure, backward.  It is
 * entered by ngx_sandbox_flow_start() and by every operation that ends, and
 * never from inside itself: an operation that ends while its step is still
 * starting only leaves a mark.  The runner knows nothing of HTTP, MariaDB or
 * containers, and it holds no guarantee: what a killed worker leaves is found
 * by the rows' states.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_sandbox_flow.h"


#define NGX_SANDBOX_FLOW_DETAIL  512    /* bytes of an error's detail */


static void ngx_sandbox_flow_loop(ngx_sandbox_flow_t *f, ngx_uint_t completed);
static ngx_int_t ngx_sandbox_flow_call(ngx_sandbox_flow_t *f,
    ngx_uint_t completed);
static ngx_uint_t ngx_sandbox_flow_next(ngx_sandbox_flow_t *f, ngx_int_t rc);
static ngx_uint_t ngx_sandbox_flow_undo_next(ngx_sandbox_flow_t *f,
    ngx_int_t rc);
static void ngx_sandbox_flow_cancel(ngx_sandbox_flow_t *f);
static void ngx_sandbox_flow_expired(ngx_event_t *ev);


void
ngx_sandbox_flow_start(ngx_sandbox_flow_t *f)
{
    f->current = 0;
    f->rc = NGX_OK;

    ngx_sandbox_flow_loop(f, 0);
}


void
ngx_sandbox_flow_resume(ngx_sandbox_flow_t *f, ngx_int_t op_rc)
{
    if (f->finished) {
        return;
    }

    f->op_rc = op_rc;
    f->cancel = NULL;

    if (f->running) {
        f->woken = 1;
        return;
    }

    ngx_sandbox_flow_loop(f, 1);
}


void
ngx_sandbox_flow_deadline(ngx_sandbox_flow_t *f, ngx_msec_t timeout,
    ngx_sandbox_error_e error, char *detail)
{
    /*
     * data must look like a connection for nginx's debug log; the flow is
     * found from the event itself.  Not cancelable: a worker that is leaving
     * waits for what it has begun.
     */

    f->timer.data = f->connection;
    f->timer.handler = ngx_sandbox_flow_expired;
    f->timer.log = f->log;

    f->deadline.id = error;
    f->deadline.detail.data = (u_char *) detail;
    f->deadline.detail.len = ngx_strlen(detail);

    ngx_add_timer(&f->timer, timeout);
}


void
ngx_sandbox_flow_abort(ngx_sandbox_flow_t *f)
{
    if (f->finished) {
        return;
    }

    f->finished = 1;

    if (f->timer.timer_set) {
        ngx_del_timer(&f->timer);
    }

    ngx_sandbox_flow_cancel(f);
}


ngx_int_t
ngx_sandbox_flow_fail(ngx_sandbox_flow_t *f, ngx_sandbox_error_e error,
    char *fmt, ...)
{
    u_char   *p;
    va_list   args;

    if (f->undoing) {
        /* the first reason is the one to tell */
        return NGX_ERROR;
    }

    f->error.id = error;
    ngx_str_null(&f->error.detail);

    p = ngx_pnalloc(f->pool, NGX_SANDBOX_FLOW_DETAIL);

    if (p != NULL) {
        va_start(args, fmt);
        f->error.detail.data = p;
        f->error.detail.len = ngx_vslprintf(p, p + NGX_SANDBOX_FLOW_DETAIL,
                                            fmt, args)
                              - p;
        va_end(args);
    }

    return NGX_ERROR;
}


static void
ngx_sandbox_flow_loop(ngx_sandbox_flow_t *f, ngx_uint_t completed)
{
    ngx_int_t  rc;

    f->running = 1;

    for ( ;; ) {
        f->woken = 0;
        f->log->action = f->steps[f->current].name;

        rc = ngx_sandbox_flow_call(f, completed);

        if (rc == NGX_AGAIN && !f->woken) {
            f->running = 0;
            return;
        }

        if (rc == NGX_AGAIN) {
            completed = 1;
            continue;
        }

        if (ngx_sandbox_flow_next(f, rc) == 0) {
            break;
        }

        completed = 0;
    }

    f->running = 0;
    f->finished = 1;
    f->log->action = NULL;

    if (f->timer.timer_set) {
        ngx_del_timer(&f->timer);
    }

    f->done(f, f->rc);      /* may destroy the flow */
}


static ngx_int_t
ngx_sandbox_flow_call(ngx_sandbox_flow_t *f, ngx_uint_t completed)
{
    const ngx_sandbox_step_t  *step;

    step = &f->steps[f->current];

    if (f->undoing) {
        if (completed) {
            return f->op_rc;
        }

        return step->undo ? step->undo(f) : NGX_OK;
    }

    if (f->expired) {
        f->error = f->deadline;
        return NGX_ERROR;
    }

    if (!completed) {
        return step->start(f);
    }

    return step->finish ? step->finish(f) : f->op_rc;
}


/* returns 0 when there is nothing left to run */

static ngx_uint_t
ngx_sandbox_flow_next(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    if (f->undoing) {
        return ngx_sandbox_flow_undo_next(f, rc);
    }

    if (rc == NGX_DONE) {
        f->cancel = NULL;
        return 0;
    }

    f->cancel = NULL;

    if (rc == NGX_OK) {
        /* a failure that the step has dealt with is not the flow's */
        f->error.id = NGX_SANDBOX_NO_ERROR;

        return f->steps[++f->current].start != NULL;
    }

    if (f->error.id == NGX_SANDBOX_NO_ERROR) {
        f->error.id = NGX_SANDBOX_INTERNAL_ERROR;
    }

    f->rc = NGX_ERROR;
    f->undoing = 1;

    /* the undo is bound by its operations' own deadlines */

    if (f->timer.timer_set) {
        ngx_del_timer(&f->timer);
    }

    return 1;
}


static ngx_uint_t
ngx_sandbox_flow_undo_next(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    if (rc != NGX_OK && rc != NGX_DONE) {
        ngx_log_error(NGX_LOG_WARN, f->log, 0,
                      "sandbox: undo failed, left to the reconciler");
    }

    if (f->current == 0) {
        return 0;
    }

    f->current--;

    return 1;
}


static void
ngx_sandbox_flow_cancel(ngx_sandbox_flow_t *f)
{
    void  (*cancel)(ngx_sandbox_flow_t *f);

    cancel = f->cancel;
    f->cancel = NULL;

    if (cancel) {
        cancel(f);
    }
}


static void
ngx_sandbox_flow_expired(ngx_event_t *ev)
{
    ngx_sandbox_flow_t  *f;

    f = ngx_queue_data(ev, ngx_sandbox_flow_t, timer);

    f->expired = 1;

    if (f->cancel == NULL) {
        /* it ends by its own deadline, and resumes the flow */
        return;
    }

    ngx_sandbox_flow_cancel(f);
    ngx_sandbox_flow_loop(f, 1);
}
