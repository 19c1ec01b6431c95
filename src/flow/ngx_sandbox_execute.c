
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Accepts code that a session is to run, and hands it to the executor.
 *
 * The row comes first, so an execution that was accepted is never forgotten;
 * from then on it is somebody's to look after (its lease).  The answer says
 * `pending`: that it has begun is noted when the client has its answer, and
 * the executor reports the result to the internal API.
 *
 * With an Idempotency-Key the same request, sent again, does what is left to
 * do.  It may hand the code over a second time: the executor takes an attempt
 * once.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox.h"
#include "ngx_sandbox_execution_flow.h"
#include "ngx_sandbox_execution_store.h"
#include "ngx_sandbox_idempotency_store.h"
#include "ngx_sandbox_op.h"
#include "ngx_sandbox_session_store.h"


static ngx_int_t ngx_sandbox_execute_insert_pending(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_accepted(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_before(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_dispatch(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_dispatched(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_mark(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_marked(ngx_sandbox_flow_t *f);


const ngx_sandbox_step_t  ngx_sandbox_execute_async_steps[] = {

    { "keeping the idempotency key",
      ngx_sandbox_idempotency_keep, NULL,
      ngx_sandbox_execute_release_key },

    { "inserting the execution",
      ngx_sandbox_execute_insert_pending,
      ngx_sandbox_execute_inserted,
      ngx_sandbox_execute_fail },

    { "looking why the session takes none",
      ngx_sandbox_execute_look,
      ngx_sandbox_execute_why, NULL },

    { "reading what the same request has made before",
      ngx_sandbox_execute_before,
      ngx_sandbox_execute_accepted, NULL },

    { "handing the code to the executor",
      ngx_sandbox_execute_dispatch,
      ngx_sandbox_execute_dispatched, NULL },

      ngx_sandbox_null_step
};


const ngx_sandbox_step_t  ngx_sandbox_execute_mark_steps[] = {

    { "marking the execution running",
      ngx_sandbox_execute_mark,
      ngx_sandbox_execute_marked, NULL },

      ngx_sandbox_null_step
};


ngx_int_t
ngx_sandbox_execute_insert(ngx_sandbox_flow_t *f, char *status)
{
    ngx_sandbox_execute_t  *e;

    e = f->data;

    ngx_sandbox_idempotency_statement(f, e->key, &e->id,
          &ngx_sandbox_execution_stmts[NGX_SANDBOX_SQL_EXECUTION_INSERT],
          &ngx_sandbox_execution_stmts[NGX_SANDBOX_SQL_EXECUTION_INSERT_ONCE]);

    ngx_sandbox_op_string(f, &e->id);
    ngx_sandbox_op_literal(f, status);
    ngx_sandbox_op_string(f, &e->language);
    ngx_sandbox_op_string(f, &e->code);
    ngx_sandbox_op_int(f, e->timeout_sec);
    ngx_sandbox_op_string(f, &e->event);
    ngx_sandbox_op_string(f, &e->env_vars);
    ngx_sandbox_op_string(f, &e->stdin_text);
    ngx_sandbox_op_string(f, &e->working_directory);
    ngx_sandbox_op_int(f, e->max_retries);
    ngx_sandbox_op_literal(f, status);
    ngx_sandbox_op_int(f, (int64_t) f->node->execution_lease * 1000);
    ngx_sandbox_op_string(f, &e->session_id);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_execute_insert_pending(ngx_sandbox_flow_t *f)
{
    return ngx_sandbox_execute_insert(f, "pending");
}


/* no row: the session is not there, not running, or its time is over */

ngx_int_t
ngx_sandbox_execute_inserted(ngx_sandbox_flow_t *f)
{
    ngx_int_t               rc;
    ngx_sandbox_execute_t  *e;

    e = f->data;

    if (f->op_rc == NGX_DECLINED) {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_CONFLICT,
                                     "the execution id is taken, try again");
    }

    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (e->key) {
        rc = ngx_sandbox_idempotency_claimed(f, e->key, &e->id);

    } else {
        rc = ngx_sandbox_op_result(f)->rows ? NGX_OK : NGX_DECLINED;
    }

    if (rc == NGX_OK) {
        e->accepted = 1;
        e->created_at = *ngx_sandbox_op_value(f,
                                     e->key ? NGX_SANDBOX_ONCE_CREATED : 0);
        e->started = ngx_current_msec;
    }

    return (rc == NGX_DECLINED || rc == NGX_AGAIN) ? NGX_OK : rc;
}


/*
 * Not for one that may go on: its result comes by the internal API, or it is
 * settled with its session or by its lease.
 */

ngx_int_t
ngx_sandbox_execute_fail(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_result_t    result;
    ngx_sandbox_execute_t  *e;

    e = f->data;

    if (!e->accepted
        || e->unknown
        || f->error.id == NGX_SANDBOX_DATABASE_UNAVAILABLE)
    {
        return NGX_OK;
    }

    ngx_memzero(&result, sizeof(ngx_sandbox_result_t));

    ngx_str_set(&result.status_name, "failed");
    result.error_message = f->error.detail;
    result.attempt = e->attempt;

    return ngx_sandbox_execution_store(f, &e->id, &e->session_id, NULL,
                                       &result);
}


ngx_int_t
ngx_sandbox_execute_look(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execute_t  *e;

    e = f->data;

    if (e->accepted || (e->key && e->key->repeated)) {
        return NGX_OK;
    }

    ngx_sandbox_op_statement(f,
                     &ngx_sandbox_session_stmts[NGX_SANDBOX_SQL_SESSION_GET]);
    ngx_sandbox_op_string(f, &e->session_id);

    return ngx_sandbox_op_query(f);
}


ngx_int_t
ngx_sandbox_execute_why(ngx_sandbox_flow_t *f)
{
    ngx_str_t              *status, *overdue;
    ngx_sandbox_execute_t  *e;

    e = f->data;

    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_sandbox_op_result(f)->rows == 0) {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_SESSION_NOT_FOUND,
                                     "no session \"%V\"", &e->session_id);
    }

    status = ngx_sandbox_op_value(f, NGX_SANDBOX_SESSION_STATUS);
    overdue = ngx_sandbox_op_value(f, NGX_SANDBOX_SESSION_OVERDUE);

    if (ngx_sandbox_value_is(overdue, "1")) {
        (void) ngx_sandbox_op_hand_over(f, "sessions", &e->session_id,
                                        "settle");

        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_SESSION_NOT_RUNNING,
                                     "the session's time is over");
    }

    if (ngx_sandbox_value_is(status, "running")) {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_SESSION_NOT_RUNNING,
                                     "the session has only just started");
    }

    return ngx_sandbox_flow_fail(f, NGX_SANDBOX_SESSION_NOT_RUNNING,
                                 "the session is %V", status);
}


/* undone after the row: if nothing has run, the same request may try again */

ngx_int_t
ngx_sandbox_execute_release_key(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execute_t  *e;

    e = f->data;

    if (e->key == NULL || !e->accepted || e->unknown) {
        return NGX_OK;
    }

    return ngx_sandbox_idempotency_release(f, e->key);
}


static ngx_int_t
ngx_sandbox_execute_before(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execute_t  *e;

    e = f->data;

    return e->accepted ? NGX_OK : ngx_sandbox_execute_reread(f);
}


/* one that is pending may not have been handed over, if a worker was killed */

static ngx_int_t
ngx_sandbox_execute_accepted(ngx_sandbox_flow_t *f)
{
    ngx_str_t              *status;
    ngx_sandbox_execute_t  *e;

    e = f->data;

    if (ngx_sandbox_execute_shown(f) != NGX_OK) {
        return NGX_ERROR;
    }

    e->created_at = e->row[NGX_SANDBOX_EXECUTION_CREATED];
    status = &e->row[NGX_SANDBOX_EXECUTION_STATUS];

    return ngx_sandbox_value_is(status, "pending") ? NGX_OK : NGX_DONE;
}


static ngx_int_t
ngx_sandbox_execute_dispatch(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execute_t  *e;

    e = f->data;

    e->call.timeout = NGX_SANDBOX_DISPATCH_MS;
    e->call.max_body = 4096;

    return ngx_sandbox_execute_call(f, "async");
}


static ngx_int_t
ngx_sandbox_execute_dispatched(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execute_t  *e;

    e = f->data;

    if (f->op_rc == NGX_OK && e->call.status == NGX_HTTP_CONFLICT) {
        /* it has it already, or somebody has ended or given it up meanwhile */
        return NGX_OK;
    }

    if (f->op_rc != NGX_OK || e->call.status != NGX_HTTP_ACCEPTED) {
        return ngx_sandbox_execute_refused(f);
    }

    e->begun = (ngx_strlcasestrn(e->call.answer.data,
                                 e->call.answer.data + e->call.answer.len,
                                 (u_char *) "\"running\"", 9 - 1)
                != NULL);

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_execute_mark(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execute_t  *e;

    e = f->data;

    ngx_sandbox_op_statement(f,
             &ngx_sandbox_execution_stmts[NGX_SANDBOX_SQL_EXECUTION_RUNNING]);
    ngx_sandbox_op_string(f, &e->id);

    return ngx_sandbox_op_query(f);
}


/* a result may be stored for a pending one as well: it is not worth failing */

static ngx_int_t
ngx_sandbox_execute_marked(ngx_sandbox_flow_t *f)
{
    return NGX_OK;
}


ngx_int_t
ngx_sandbox_execute_reread(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execute_t  *e;

    e = f->data;

    ngx_sandbox_op_statement(f,
                 &ngx_sandbox_execution_stmts[NGX_SANDBOX_SQL_EXECUTION_GET]);
    ngx_sandbox_op_string(f, &e->id);

    return ngx_sandbox_op_query(f);
}


ngx_int_t
ngx_sandbox_execute_shown(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execute_t  *e;

    e = f->data;

    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_sandbox_op_result(f)->rows == 0) {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_SESSION_NOT_FOUND,
                                     "the session was deleted meanwhile");
    }

    e->row = ngx_sandbox_op_value(f, 0);

    return NGX_OK;
}
