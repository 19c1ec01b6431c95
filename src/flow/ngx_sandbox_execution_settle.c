
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Looks after an execution whose lease is over, or whose next attempt is due.
 *
 * Its executor is asked first: after an outage of MariaDB or of nginx it may
 * still run the code, or hold the result and be about to report it.  What it
 * does not know is given up, and it takes it no more: the worker that should
 * have handed it over may only be slow.  So is what does not answer.  Then the
 * row says whether there is another attempt, and when.
 *
 * Each change is a conditional statement that names the attempt, so this may
 * run twice, late, or on several workers, and an executor that comes back
 * cannot report what was given up.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_execution_flow.h"
#include "ngx_sandbox_execution_store.h"
#include "ngx_sandbox_op.h"
#include "ngx_sandbox_session_flow.h"


#define NGX_SANDBOX_SETTLE_ASK_MS     2000

/* for the end of an older attempt */
#define NGX_SANDBOX_SETTLE_PAUSE_MS   200
#define NGX_SANDBOX_SETTLE_CONFLICTS  10

/* for a sandbox that starts again */
#define NGX_SANDBOX_SETTLE_PUT_OFF_MS  1000

/* what the session's settling takes to find that the sandbox is dead */
#define NGX_SANDBOX_SETTLE_LOOK_MS    1000


static ngx_int_t ngx_sandbox_execution_settle_read(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execution_settle_found(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execution_settle_ask(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execution_settle_asked(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execution_settle_left(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execution_settle_stored(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execution_settle_look(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execution_settle_lease(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execution_settle_leased(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execution_settle_again(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execution_settle_wait(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execution_settle_close(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execution_settle_closed(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execution_settle_claim(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execution_settle_claimed(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execution_settle_put_off(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execution_settle_later(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execution_settle_load(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execution_settle_loaded(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execution_settle_dispatch(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execution_settle_dispatched(
    ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execution_settle_refused(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execution_settle_next(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execution_give_up(ngx_sandbox_flow_t *f,
    ngx_str_t *cause, ngx_uint_t now);


const ngx_sandbox_step_t  ngx_sandbox_execution_settle_steps[] = {

    { "reading the execution to settle",
      ngx_sandbox_execution_settle_read,
      ngx_sandbox_execution_settle_found, NULL },

    { "asking the executor for a silent execution",
      ngx_sandbox_execution_settle_ask,
      ngx_sandbox_execution_settle_asked, NULL },

    { "storing a result that a silent executor has left",
      ngx_sandbox_execution_settle_left,
      ngx_sandbox_execution_settle_stored, NULL },

    { "looking whether the sandbox is dead",
      ngx_sandbox_execution_settle_look, NULL, NULL },

    { "renewing its lease, or giving the attempt up",
      ngx_sandbox_execution_settle_lease,
      ngx_sandbox_execution_settle_leased, NULL },

    { "reading when the next attempt is due",
      ngx_sandbox_execution_settle_again,
      ngx_sandbox_execution_settle_found, NULL },

    { "waiting for the next attempt",
      ngx_sandbox_execution_settle_wait, NULL, NULL },

    { "closing it, if its end was asked for",
      ngx_sandbox_execution_settle_close,
      ngx_sandbox_execution_settle_closed, NULL },

    { "claiming the next attempt",
      ngx_sandbox_execution_settle_claim,
      ngx_sandbox_execution_settle_claimed, NULL },

    { "putting it off while its sandbox starts again",
      ngx_sandbox_execution_settle_put_off,
      ngx_sandbox_execution_settle_later, NULL },

    { "reading what to attempt again",
      ngx_sandbox_execution_settle_load,
      ngx_sandbox_execution_settle_loaded, NULL },

    { "handing the code to the executor again",
      ngx_sandbox_execution_settle_dispatch,
      ngx_sandbox_execution_settle_dispatched, NULL },

    { "giving up an attempt that could not begin",
      ngx_sandbox_execution_settle_refused, NULL, NULL },

    { "handing over the attempt after that",
      ngx_sandbox_execution_settle_next, NULL, NULL },

      ngx_sandbox_null_step
};


static ngx_int_t
ngx_sandbox_execution_settle_read(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execution_settle_t  *s;

    s = f->data;

    ngx_sandbox_op_statement(f,
               &ngx_sandbox_execution_stmts[NGX_SANDBOX_SQL_EXECUTION_LEASE]);
    ngx_sandbox_op_string(f, &s->run.id);

    return ngx_sandbox_op_query(f);
}


/* also when it is read again: the row is what counts */

static ngx_int_t
ngx_sandbox_execution_settle_found(ngx_sandbox_flow_t *f)
{
    ngx_str_t                       *due, *status;
    ngx_sandbox_execution_settle_t  *s;

    s = f->data;

    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_sandbox_op_result(f)->rows == 0) {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_EXECUTION_NOT_FOUND,
                                     "no execution \"%V\"", &s->run.id);
    }

    due = ngx_sandbox_op_value(f, NGX_SANDBOX_EXECUTION_LEASE_DUE);
    status = ngx_sandbox_op_value(f, NGX_SANDBOX_EXECUTION_LEASE_STATUS);

    if (due->data == NULL) {
        /* it has ended */
        return NGX_DONE;
    }

    s->due = ngx_atoi(due->data, due->len);
    s->crashed = ngx_sandbox_value_is(status, "crashed");
    s->pending = ngx_sandbox_value_is(status, "pending");

    if (s->due == NGX_ERROR || (s->due > 0 && !s->crashed)) {
        return NGX_DONE;
    }

    s->run.session_id = *ngx_sandbox_op_value(f,
                                       NGX_SANDBOX_EXECUTION_LEASE_SESSION);
    s->run.attempt = ngx_sandbox_value_number(ngx_sandbox_op_value(f,
                                       NGX_SANDBOX_EXECUTION_LEASE_ATTEMPT));

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_execution_settle_ask(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execution_settle_t  *s;

    s = f->data;

    if (s->crashed) {
        return NGX_OK;
    }

    ngx_memzero(&s->run.call, sizeof(ngx_sandbox_call_t));

    s->run.call.timeout = NGX_SANDBOX_SETTLE_ASK_MS;

    return ngx_sandbox_execute_ask(f, &s->run.call, &s->run.id,
                                   s->asked ? NULL : "fence",
                                   s->asked ? 0 : s->run.attempt,
                                   &s->run.session_id);
}


/*
 * One that answers with something else may well run it: it ends with its
 * session.  An executor that is older than this module has no fence, and says
 * 404 of that: it is asked again.
 */

static ngx_int_t
ngx_sandbox_execution_settle_asked(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execution_settle_t  *s;

    s = f->data;

    switch (s->run.call.status) {

    case NGX_HTTP_OK:
        s->alive = ngx_sandbox_execute_knows(f, &s->run.call, s->run.attempt);
        break;

    case NGX_HTTP_NOT_FOUND:
        if (!s->asked) {
            s->asked = 1;
            return ngx_sandbox_execution_settle_ask(f);
        }

        s->alive = 0;
        break;

    default:
        s->alive = (f->op_rc == NGX_OK);
    }

    s->silent = (f->op_rc != NGX_OK);

    return NGX_OK;
}


/* on this node: where it is another one's, nothing is found, and it is alive */

static ngx_int_t
ngx_sandbox_execution_settle_left(ngx_sandbox_flow_t *f)
{
    ngx_int_t                        rc;
    ngx_str_t                        name;
    ngx_sandbox_execution_settle_t  *s;

    s = f->data;

    if (!s->silent) {
        return NGX_OK;
    }

    if (ngx_sandbox_execution_attempt(f, &s->run, &name) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_sandbox_session_result(f, &s->run.session_id, &name);

    return rc == NGX_DECLINED ? NGX_OK : rc;
}


static ngx_int_t
ngx_sandbox_execution_settle_stored(ngx_sandbox_flow_t *f)
{
    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_sandbox_op_result(f)->affected ? NGX_DONE : NGX_OK;
}


/* if it is, its executions end with it, and that is their cause */

static ngx_int_t
ngx_sandbox_execution_settle_look(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execution_settle_t  *s;

    s = f->data;

    if (!s->silent) {
        return NGX_OK;
    }

    (void) ngx_sandbox_op_hand_over(f, "sessions", &s->run.session_id,
                                    "settle");

    return ngx_sandbox_op_delay(f, NGX_SANDBOX_SETTLE_LOOK_MS);
}


static ngx_int_t
ngx_sandbox_execution_settle_lease(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execution_settle_t  *s;

    static ngx_str_t  lost =
        ngx_string("the executor has lost the execution");
    static ngx_str_t  unknown =
        ngx_string("no executor has it, it is not known to have begun");
    static ngx_str_t  silent =
        ngx_string("the executor was silent, and did not answer");

    s = f->data;

    if (s->crashed) {
        return NGX_OK;
    }

    if (s->alive) {
        return ngx_sandbox_execution_renew(f, &s->run,
                                           f->node->execution_lease);
    }

    return ngx_sandbox_execution_give_up(f, s->silent ? &silent
                                            : s->pending ? &unknown : &lost,
                                         0);
}


static ngx_int_t
ngx_sandbox_execution_settle_leased(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execution_settle_t  *s;

    s = f->data;

    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    /* none: a heartbeat, a result or another one like this came first */

    return s->alive || ngx_sandbox_op_result(f)->affected == 0 ? NGX_DONE
                                                               : NGX_OK;
}


static ngx_int_t
ngx_sandbox_execution_settle_again(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execution_settle_t  *s;

    s = f->data;

    return s->crashed ? NGX_OK : ngx_sandbox_execution_settle_read(f);
}


static ngx_int_t
ngx_sandbox_execution_settle_wait(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execution_settle_t  *s;

    s = f->data;

    return s->due ? ngx_sandbox_op_delay(f, s->due + 1) : NGX_OK;
}


static ngx_int_t
ngx_sandbox_execution_settle_close(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execution_settle_t  *s;

    static ngx_str_t  message = ngx_string("cancelled by the client");

    s = f->data;

    ngx_sandbox_op_statement(f,
           &ngx_sandbox_execution_stmts[NGX_SANDBOX_SQL_EXECUTION_CANCELLED]);
    ngx_sandbox_op_string(f, &message);
    ngx_sandbox_op_string(f, &s->run.id);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_execution_settle_closed(ngx_sandbox_flow_t *f)
{
    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_sandbox_op_result(f)->affected ? NGX_DONE : NGX_OK;
}


static ngx_int_t
ngx_sandbox_execution_settle_claim(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execution_settle_t  *s;

    s = f->data;

    ngx_sandbox_op_statement(f,
             &ngx_sandbox_execution_stmts[NGX_SANDBOX_SQL_EXECUTION_ATTEMPT]);
    ngx_sandbox_op_int(f, (int64_t) f->node->execution_lease * 1000);
    ngx_sandbox_op_string(f, &s->run.id);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_execution_settle_claimed(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execution_settle_t  *s;

    s = f->data;

    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    s->claimed = (ngx_sandbox_op_result(f)->affected != 0);

    return NGX_OK;
}


/* or the job would find it each time, and others not behind many such */

static ngx_int_t
ngx_sandbox_execution_settle_put_off(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execution_settle_t  *s;

    s = f->data;

    if (s->claimed) {
        return NGX_OK;
    }

    ngx_sandbox_op_statement(f,
             &ngx_sandbox_execution_stmts[NGX_SANDBOX_SQL_EXECUTION_PUT_OFF]);
    ngx_sandbox_op_int(f, (int64_t) NGX_SANDBOX_SETTLE_PUT_OFF_MS * 1000);
    ngx_sandbox_op_string(f, &s->run.id);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_execution_settle_later(ngx_sandbox_flow_t *f)
{
    return f->op_rc == NGX_OK ? NGX_DONE : NGX_ERROR;
}


static ngx_int_t
ngx_sandbox_execution_settle_load(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execution_settle_t  *s;

    s = f->data;

    ngx_sandbox_op_statement(f,
                 &ngx_sandbox_execution_stmts[NGX_SANDBOX_SQL_EXECUTION_RUN]);
    ngx_sandbox_op_string(f, &s->run.id);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_execution_settle_loaded(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execute_t  *e;

    e = f->data;

    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_sandbox_op_result(f)->rows == 0) {
        return NGX_DONE;
    }

    e->session_id = *ngx_sandbox_op_value(f,
                                         NGX_SANDBOX_EXECUTION_RUN_SESSION);
    e->language = *ngx_sandbox_op_value(f, NGX_SANDBOX_EXECUTION_RUN_LANGUAGE);
    e->code = *ngx_sandbox_op_value(f, NGX_SANDBOX_EXECUTION_RUN_CODE);
    e->event = *ngx_sandbox_op_value(f, NGX_SANDBOX_EXECUTION_RUN_EVENT);
    e->env_vars = *ngx_sandbox_op_value(f, NGX_SANDBOX_EXECUTION_RUN_ENV);
    e->stdin_text = *ngx_sandbox_op_value(f, NGX_SANDBOX_EXECUTION_RUN_STDIN);
    e->working_directory = *ngx_sandbox_op_value(f,
                                       NGX_SANDBOX_EXECUTION_RUN_DIRECTORY);
    e->timeout_sec = ngx_sandbox_value_number(ngx_sandbox_op_value(f,
                                         NGX_SANDBOX_EXECUTION_RUN_TIMEOUT));
    e->attempt = ngx_sandbox_value_number(ngx_sandbox_op_value(f,
                                         NGX_SANDBOX_EXECUTION_RUN_ATTEMPT));

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_execution_settle_dispatch(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execute_t  *e;

    e = f->data;

    ngx_memzero(&e->call, sizeof(ngx_sandbox_call_t));

    e->call.timeout = NGX_SANDBOX_DISPATCH_MS;
    e->call.max_body = 4096;

    return ngx_sandbox_execute_call(f, "async");
}


/* 409: the attempt before this one is being ended, which is soon done */

static ngx_int_t
ngx_sandbox_execution_settle_dispatched(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execute_t           *e;
    ngx_sandbox_execution_settle_t  *s;

    s = f->data;
    e = &s->run;

    if (s->paused) {
        s->paused = 0;
        return ngx_sandbox_execution_settle_dispatch(f);
    }

    if (f->op_rc == NGX_OK && e->call.status == NGX_HTTP_ACCEPTED) {
        return NGX_DONE;
    }

    if (f->op_rc == NGX_OK && e->call.status == NGX_HTTP_CONFLICT) {

        if (s->conflicts++ < NGX_SANDBOX_SETTLE_CONFLICTS) {
            s->paused = 1;
            return ngx_sandbox_op_delay(f, NGX_SANDBOX_SETTLE_PAUSE_MS);
        }

        /* then it has this one, or the lease ends */

        return NGX_DONE;
    }

    if (f->op_rc != NGX_OK) {
        (void) ngx_sandbox_op_hand_over(f, "sessions", &e->session_id,
                                        "settle");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_execution_settle_refused(ngx_sandbox_flow_t *f)
{
    ngx_str_t               cause;
    ngx_sandbox_execute_t  *e;

    e = f->data;

    cause.data = ngx_pnalloc(f->pool, 64);
    if (cause.data == NULL) {
        return NGX_ERROR;
    }

    if (e->call.rc == NGX_OK) {
        cause.len = ngx_sprintf(cause.data,
                                "the executor answered with status %ui",
                                e->call.status)
                    - cause.data;

    } else {
        ngx_str_set(&cause, "the executor did not take it");
    }

    return ngx_sandbox_execution_give_up(f, &cause, 1);
}


static ngx_int_t
ngx_sandbox_execution_settle_next(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execute_t  *e;

    e = f->data;

    return ngx_sandbox_op_hand_over(f, "executions", &e->id, "settle");
}


static ngx_int_t
ngx_sandbox_execution_give_up(ngx_sandbox_flow_t *f, ngx_str_t *cause,
    ngx_uint_t now)
{
    ngx_sandbox_execute_t  *e;

    e = f->data;

    ngx_log_error(NGX_LOG_WARN, f->log, 0,
                  "sandbox: attempt %i of execution %V is given up: %V",
                  e->attempt, &e->id, cause);

    ngx_sandbox_op_statement(f,
             &ngx_sandbox_execution_stmts[NGX_SANDBOX_SQL_EXECUTION_GIVE_UP]);
    ngx_sandbox_op_string(f, cause);
    ngx_sandbox_op_string(f, &e->id);
    ngx_sandbox_op_int(f, e->attempt);
    ngx_sandbox_op_int(f, now);

    return ngx_sandbox_op_query(f);
}
