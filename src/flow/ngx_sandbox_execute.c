
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Runs code in a session.
 *
 * The row comes first, so an execution that was accepted is never forgotten.
 * A synchronous one gets its result over the connection that asked for it; the
 * executor keeps it until it is told that it has been stored, and otherwise
 * reports it to the internal API like that of an asynchronous one.  So neither
 * a worker that dies nor a caller that leaves loses a result, and the one that
 * comes second finds the row closed.
 *
 * Somebody waits for a synchronous one, so it has two statements only, one that
 * accepts it and one that stores its result; what they have made of the row is
 * known without reading it.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox.h"
#include "ngx_sandbox_execution_flow.h"
#include "ngx_sandbox_execution_store.h"
#include "ngx_sandbox_op.h"
#include "ngx_sandbox_session_store.h"
#include "ngx_sandbox_time.h"


/*
 * What an execution may take beyond its time-out: SIGTERM, 2 s, SIGKILL, and
 * the way of the result.
 */
#define NGX_SANDBOX_EXECUTE_GRACE_MS    10000

#define NGX_SANDBOX_EXECUTE_DISPATCH_MS 10000
/* the client's connection is not free meanwhile; then a report comes anyway */
#define NGX_SANDBOX_EXECUTE_ACK_MS      1000


static ngx_int_t ngx_sandbox_execute_insert(ngx_sandbox_flow_t *f,
    char *status);
static ngx_int_t ngx_sandbox_execute_insert_running(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_insert_pending(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_inserted(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_look(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_why(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_fail(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_run(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_ran(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_dispatch(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_dispatched(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_store(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_stored(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_ack(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_acked(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_mark(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_marked(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_reread(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_shown(ngx_sandbox_flow_t *f);


const ngx_sandbox_step_t  ngx_sandbox_execute_sync_steps[] = {

    { "inserting the execution",
      ngx_sandbox_execute_insert_running,
      ngx_sandbox_execute_inserted,
      ngx_sandbox_execute_fail },

    { "looking why the session takes none",
      ngx_sandbox_execute_look,
      ngx_sandbox_execute_why, NULL },

    { "running the code",
      ngx_sandbox_execute_run,
      ngx_sandbox_execute_ran, NULL },

    { "storing the result",
      ngx_sandbox_execute_store,
      ngx_sandbox_execute_stored, NULL },

    { "reading what was stored before",
      ngx_sandbox_execute_reread,
      ngx_sandbox_execute_shown, NULL },

      ngx_sandbox_null_step
};


const ngx_sandbox_step_t  ngx_sandbox_execute_ack_steps[] = {

    { "telling the executor that the result is stored",
      ngx_sandbox_execute_ack,
      ngx_sandbox_execute_acked, NULL },

      ngx_sandbox_null_step
};


const ngx_sandbox_step_t  ngx_sandbox_execute_async_steps[] = {

    { "inserting the execution",
      ngx_sandbox_execute_insert_pending,
      ngx_sandbox_execute_inserted,
      ngx_sandbox_execute_fail },

    { "looking why the session takes none",
      ngx_sandbox_execute_look,
      ngx_sandbox_execute_why, NULL },

    { "handing the code to the executor",
      ngx_sandbox_execute_dispatch,
      ngx_sandbox_execute_dispatched, NULL },

    { "marking the execution running",
      ngx_sandbox_execute_mark,
      ngx_sandbox_execute_marked, NULL },

    { "reading the execution back",
      ngx_sandbox_execute_reread,
      ngx_sandbox_execute_shown, NULL },

      ngx_sandbox_null_step
};


static ngx_int_t
ngx_sandbox_execute_insert(ngx_sandbox_flow_t *f, char *status)
{
    ngx_sandbox_execute_t  *e;

    e = f->data;

    ngx_sandbox_op_statement(f,
              &ngx_sandbox_execution_stmts[NGX_SANDBOX_SQL_EXECUTION_INSERT]);

    ngx_sandbox_op_string(f, &e->id);
    ngx_sandbox_op_literal(f, status);
    ngx_sandbox_op_string(f, &e->language);
    ngx_sandbox_op_string(f, &e->code);
    ngx_sandbox_op_int(f, e->timeout_sec);
    ngx_sandbox_op_string(f, &e->event);
    ngx_sandbox_op_string(f, &e->env_vars);
    ngx_sandbox_op_string(f, &e->stdin_text);
    ngx_sandbox_op_string(f, &e->working_directory);
    ngx_sandbox_op_literal(f, status);
    ngx_sandbox_op_int(f, (e->timeout_sec * 1000
                           + NGX_SANDBOX_EXECUTE_DISPATCH_MS
                           + NGX_SANDBOX_EXECUTE_GRACE_MS)
                          * (int64_t) 1000);
    ngx_sandbox_op_string(f, &e->session_id);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_execute_insert_running(ngx_sandbox_flow_t *f)
{
    return ngx_sandbox_execute_insert(f, "running");
}


static ngx_int_t
ngx_sandbox_execute_insert_pending(ngx_sandbox_flow_t *f)
{
    return ngx_sandbox_execute_insert(f, "pending");
}


static ngx_int_t
ngx_sandbox_execute_inserted(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execute_t  *e;

    e = f->data;

    if (f->op_rc == NGX_DECLINED) {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_CONFLICT,
                                     "the execution id is taken, try again");
    }

    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_sandbox_op_result(f)->rows) {
        e->accepted = 1;
        e->created_at = *ngx_sandbox_op_value(f, 0);
        e->started = ngx_current_msec;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_execute_look(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execute_t  *e;

    e = f->data;

    if (e->accepted) {
        return NGX_OK;
    }

    ngx_sandbox_op_statement(f,
                     &ngx_sandbox_session_stmts[NGX_SANDBOX_SQL_SESSION_GET]);
    ngx_sandbox_op_string(f, &e->session_id);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
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


/*
 * Not for one that may go on: its result comes by the internal API, or it is
 * settled with its session or by its deadline.
 */

static ngx_int_t
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

    return ngx_sandbox_execution_store(f, &e->id, &e->session_id, NULL,
                                       &result);
}


static ngx_int_t
ngx_sandbox_execute_run(ngx_sandbox_flow_t *f)
{
    ngx_msec_t              limit;
    ngx_sandbox_execute_t  *e;

    e = f->data;

    limit = (ngx_msec_t) e->timeout_sec * 1000 + NGX_SANDBOX_EXECUTE_GRACE_MS;

    e->call.timeout = ngx_min(e->sync_timeout, limit);
    e->call.max_body = NGX_SANDBOX_RESULT_MAX;

    return ngx_sandbox_execute_call(f, "sync");
}


static ngx_int_t
ngx_sandbox_execute_ran(ngx_sandbox_flow_t *f)
{
    ngx_int_t               rc;
    ngx_str_t               reason;
    ngx_sandbox_execute_t  *e;

    e = f->data;

    if (e->call.rc == NGX_BUSY) {
        e->unknown = 1;

        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_EXEC_TIMEOUT,
                                     "it goes on");
    }

    if (f->op_rc != NGX_OK || e->call.status != NGX_HTTP_OK) {
        return ngx_sandbox_execute_refused(f);
    }

    rc = ngx_sandbox_result_decode(f->pool, &e->call.answer, &e->result,
                                   &reason);

    if (rc == NGX_OK
        && (e->result.execution_id.len != e->id.len
            || ngx_memcmp(e->result.execution_id.data, e->id.data, e->id.len)
               != 0))
    {
        ngx_str_set(&reason, "it is another execution's");
        rc = NGX_DECLINED;
    }

    if (rc == NGX_DECLINED) {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_RUNTIME_UNAVAILABLE,
                                     "the executor sent a result that cannot "
                                     "be read: %V", &reason);
    }

    return rc;
}


static ngx_int_t
ngx_sandbox_execute_dispatch(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execute_t  *e;

    e = f->data;

    e->call.timeout = NGX_SANDBOX_EXECUTE_DISPATCH_MS;
    e->call.max_body = 4096;

    return ngx_sandbox_execute_call(f, "async");
}


static ngx_int_t
ngx_sandbox_execute_dispatched(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execute_t  *e;

    e = f->data;

    if (f->op_rc != NGX_OK || e->call.status != NGX_HTTP_ACCEPTED) {
        return ngx_sandbox_execute_refused(f);
    }

    return NGX_OK;
}


/* the end is told in MariaDB's time, whatever nginx's clock says */

static ngx_int_t
ngx_sandbox_execute_store(ngx_sandbox_flow_t *f)
{
    u_char                 *p;
    ngx_sandbox_execute_t  *e;

    e = f->data;

    p = ngx_pnalloc(f->pool, NGX_SANDBOX_TIME_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (ngx_sandbox_time_after(p, &e->created_at,
                               ngx_current_msec - e->started)
        != NGX_OK)
    {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_INTERNAL_ERROR,
                                     "the database has no such time: \"%V\"",
                                     &e->created_at);
    }

    e->completed_at.data = p;
    e->completed_at.len = NGX_SANDBOX_TIME_LEN;

    return ngx_sandbox_execution_store(f, &e->id, &e->session_id,
                                       &e->completed_at, &e->result);
}


/* if none was affected, the row was closed by somebody else: read that */

static ngx_int_t
ngx_sandbox_execute_stored(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execute_t  *e;

    e = f->data;

    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_sandbox_op_result(f)->affected) {
        e->row = ngx_sandbox_execution_row(f->pool, e);

        return e->row ? NGX_OK : NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_execute_ack(ngx_sandbox_flow_t *f)
{
    u_char                 *p;
    ngx_sandbox_execute_t  *e;

    e = f->data;

    p = ngx_pnalloc(f->pool, sizeof("/v1/executions//ack") + e->id.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(&e->call, sizeof(ngx_sandbox_call_t));

    e->call.method = "POST";
    e->call.uri.data = p;
    e->call.uri.len = ngx_sprintf(p, "/v1/executions/%V/ack", &e->id) - p;
    e->call.timeout = NGX_SANDBOX_EXECUTE_ACK_MS;
    e->call.max_body = 4096;

    return ngx_sandbox_op_executor(f, &e->call, &e->session_id);
}


static ngx_int_t
ngx_sandbox_execute_acked(ngx_sandbox_flow_t *f)
{
    /* if it did not hear, it will report, and learn it then */

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


static ngx_int_t
ngx_sandbox_execute_reread(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execute_t  *e;

    e = f->data;

    if (e->row) {
        return NGX_OK;
    }

    ngx_sandbox_op_statement(f,
                 &ngx_sandbox_execution_stmts[NGX_SANDBOX_SQL_EXECUTION_GET]);
    ngx_sandbox_op_string(f, &e->id);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
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
