
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Cancels an execution wherever it is.
 *
 * That it is wanted is noted in its row first, so that it is not attempted
 * again whatever dies now.  The executor ends the code and reports, so that the
 * output so far is kept; if it does not within some seconds, or knows nothing
 * of it, the row is closed without.
 *
 * A worker that leaves waits all the same: others store the result.  If there
 * are none, since nginx is being stopped, the row stays open for it: the
 * executor keeps it until somebody is there again.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_execution_flow.h"
#include "ngx_sandbox_execution_store.h"
#include "ngx_sandbox_op.h"


#define NGX_SANDBOX_CANCEL_ASK_MS   2000

/* SIGTERM, 2 s, SIGKILL, and the way of the result */
#define NGX_SANDBOX_CANCEL_WAIT_MS  5000


static ngx_int_t ngx_sandbox_cancel_note(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_cancel_noted(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_cancel_ask(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_cancel_asked(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_cancel_wait(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_cancel_waited(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_cancel_close(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_cancel_read(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_cancel_shown(ngx_sandbox_flow_t *f);
static ngx_uint_t ngx_sandbox_cancel_is_running(
    const ngx_sandbox_execution_cancel_t *c);
static ngx_uint_t ngx_sandbox_cancel_is_heard(
    const ngx_sandbox_execution_cancel_t *c);


static ngx_str_t  ngx_sandbox_cancel_message =
    ngx_string("cancelled by the client");


const ngx_sandbox_step_t  ngx_sandbox_execution_cancel_steps[] = {

    { "noting that the execution is to end",
      ngx_sandbox_cancel_note,
      ngx_sandbox_cancel_noted, NULL },

    { "telling the executor to end it",
      ngx_sandbox_cancel_ask,
      ngx_sandbox_cancel_asked, NULL },

    { "waiting for its result",
      ngx_sandbox_cancel_wait,
      ngx_sandbox_cancel_waited, NULL },

    { "closing what has no result",
      ngx_sandbox_cancel_close, NULL, NULL },

    { "reading the cancelled execution",
      ngx_sandbox_cancel_read,
      ngx_sandbox_cancel_shown, NULL },

      ngx_sandbox_null_step
};


static ngx_int_t
ngx_sandbox_cancel_note(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execution_cancel_t  *c;

    c = f->data;

    ngx_sandbox_op_statement(f,
              &ngx_sandbox_execution_stmts[NGX_SANDBOX_SQL_EXECUTION_CANCEL]);
    ngx_sandbox_op_string(f, &c->id);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_cancel_noted(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execution_cancel_t  *c;

    c = f->data;

    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    c->before = *ngx_sandbox_op_value(f, 0);

    if (c->before.data == NULL) {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_EXECUTION_NOT_FOUND,
                                     "no execution \"%V\"", &c->id);
    }

    c->session_id = *ngx_sandbox_op_value(f, 1);

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_cancel_ask(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execution_cancel_t  *c;

    c = f->data;

    /* one that has crashed may be on its way, or run where nobody was heard */

    if (ngx_sandbox_execution_is_over(&c->before)) {
        return NGX_OK;
    }

    c->call.timeout = NGX_SANDBOX_CANCEL_ASK_MS;

    return ngx_sandbox_execute_ask(f, &c->call, &c->id, "cancel", 0,
                                   &c->session_id);
}


/* whether it has heard, call tells */

static ngx_int_t
ngx_sandbox_cancel_asked(ngx_sandbox_flow_t *f)
{
    return NGX_OK;
}


/* where the executor ends it, or has a result that it is about to tell */

static ngx_int_t
ngx_sandbox_cancel_wait(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execution_cancel_t  *c;

    c = f->data;

    if (!ngx_sandbox_cancel_is_heard(c)) {
        return NGX_OK;
    }

    c->wait.kind = NGX_SANDBOX_WAIT_EXECUTION;
    c->wait.id = c->id;
    c->wait.timeout = NGX_SANDBOX_CANCEL_WAIT_MS;
    c->wait.waiter.stays = 1;

    return ngx_sandbox_wait_start(f, &c->wait);
}


static ngx_int_t
ngx_sandbox_cancel_waited(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execution_cancel_t  *c;

    c = f->data;

    return ngx_sandbox_wait_next(f, &c->wait);
}


static ngx_int_t
ngx_sandbox_cancel_close(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execution_cancel_t  *c;

    c = f->data;

    if (ngx_sandbox_execution_is_over(&c->before)
        || (ngx_exiting && ngx_sandbox_cancel_is_heard(c)))
    {
        return NGX_OK;
    }

    ngx_sandbox_op_statement(f,
           &ngx_sandbox_execution_stmts[NGX_SANDBOX_SQL_EXECUTION_CANCELLED]);
    ngx_sandbox_op_string(f, &ngx_sandbox_cancel_message);
    ngx_sandbox_op_string(f, &c->id);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_cancel_read(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execution_cancel_t  *c;

    c = f->data;

    ngx_sandbox_op_statement(f,
                 &ngx_sandbox_execution_stmts[NGX_SANDBOX_SQL_EXECUTION_GET]);
    ngx_sandbox_op_string(f, &c->id);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_cancel_shown(ngx_sandbox_flow_t *f)
{
    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_sandbox_op_result(f)->rows == 0) {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_EXECUTION_NOT_FOUND,
                                     "the session was deleted meanwhile");
    }

    return NGX_OK;
}


/* or about to; of one that has crashed no result counts */

static ngx_uint_t
ngx_sandbox_cancel_is_running(const ngx_sandbox_execution_cancel_t *c)
{
    return ngx_sandbox_value_is(&c->before, "running")
           || ngx_sandbox_value_is(&c->before, "pending");
}


/* the executor ends it, and will tell */

static ngx_uint_t
ngx_sandbox_cancel_is_heard(const ngx_sandbox_execution_cancel_t *c)
{
    return ngx_sandbox_cancel_is_running(c)
           && c->call.rc == NGX_OK
           && c->call.status == NGX_HTTP_NO_CONTENT;
}
