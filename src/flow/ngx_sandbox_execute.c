
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
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox.h"
#include "ngx_sandbox_execution_flow.h"
#include "ngx_sandbox_execution_store.h"
#include "ngx_sandbox_json_writer.h"
#include "ngx_sandbox_op.h"
#include "ngx_sandbox_session_store.h"


/*
 * What an execution may take beyond its time-out: SIGTERM, 2 s, SIGKILL, and
 * the way of the result.
 */
#define NGX_SANDBOX_EXECUTE_GRACE_MS    10000

#define NGX_SANDBOX_EXECUTE_DISPATCH_MS 10000
#define NGX_SANDBOX_EXECUTE_ACK_MS      5000


static ngx_int_t ngx_sandbox_execute_look(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_ready(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_insert(ngx_sandbox_flow_t *f,
    char *status);
static ngx_int_t ngx_sandbox_execute_insert_running(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_insert_pending(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_inserted(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_fail(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_run(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_ran(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_dispatch(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_dispatched(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_refused(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_call(ngx_sandbox_flow_t *f, char *mode);
static ngx_int_t ngx_sandbox_execute_body(ngx_sandbox_flow_t *f, char *mode);
static ngx_int_t ngx_sandbox_execute_store(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_ack(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_acked(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_mark(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_marked(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_reread(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_shown(ngx_sandbox_flow_t *f);


const ngx_sandbox_step_t  ngx_sandbox_execute_sync_steps[] = {

    { "looking at the session",
      ngx_sandbox_execute_look,
      ngx_sandbox_execute_ready, NULL },

    { "inserting the execution",
      ngx_sandbox_execute_insert_running,
      ngx_sandbox_execute_inserted,
      ngx_sandbox_execute_fail },

    { "running the code",
      ngx_sandbox_execute_run,
      ngx_sandbox_execute_ran, NULL },

    { "storing the result",
      ngx_sandbox_execute_store, NULL, NULL },

    { "telling the executor that the result is stored",
      ngx_sandbox_execute_ack,
      ngx_sandbox_execute_acked, NULL },

    { "reading the execution back",
      ngx_sandbox_execute_reread,
      ngx_sandbox_execute_shown, NULL },

      ngx_sandbox_null_step
};


const ngx_sandbox_step_t  ngx_sandbox_execute_async_steps[] = {

    { "looking at the session",
      ngx_sandbox_execute_look,
      ngx_sandbox_execute_ready, NULL },

    { "inserting the execution",
      ngx_sandbox_execute_insert_pending,
      ngx_sandbox_execute_inserted,
      ngx_sandbox_execute_fail },

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
ngx_sandbox_execute_look(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execute_t  *e;

    e = f->data;

    ngx_sandbox_op_statement(f,
                     &ngx_sandbox_session_stmts[NGX_SANDBOX_SQL_SESSION_GET]);
    ngx_sandbox_op_string(f, &e->session_id);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_execute_ready(ngx_sandbox_flow_t *f)
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

    if (!ngx_sandbox_value_is(status, "running")) {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_SESSION_NOT_RUNNING,
                                     "the session is %V", status);
    }

    return NGX_OK;
}


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

    if (ngx_sandbox_op_result(f)->affected == 0) {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_SESSION_NOT_RUNNING,
                                     "the session has just ended");
    }

    e->accepted = 1;

    return NGX_OK;
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

    if (e->unknown
        || f->error.id == NGX_SANDBOX_CONFLICT
        || f->error.id == NGX_SANDBOX_DATABASE_UNAVAILABLE)
    {
        return NGX_OK;
    }

    ngx_memzero(&result, sizeof(ngx_sandbox_result_t));

    ngx_str_set(&result.status_name, "failed");
    result.error_message = f->error.detail;

    return ngx_sandbox_execution_store(f, &e->id, &e->session_id, &result);
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


static ngx_int_t
ngx_sandbox_execute_refused(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execute_t  *e;

    e = f->data;

    if (e->call.rc != NGX_OK) {
        /* the container may be dead: whoever settles it finds the cause */

        e->unknown = (e->call.rc != NGX_DECLINED);

        (void) ngx_sandbox_op_hand_over(f, "sessions", &e->session_id,
                                        "settle");
        return NGX_ERROR;
    }

    switch (e->call.status) {

    case NGX_HTTP_NOT_FOUND:
        (void) ngx_sandbox_flow_fail(f, NGX_SANDBOX_INVALID_PARAMETER,
                                     "language: the session's image has no "
                                     "interpreter for %V", &e->language);
        f->error.status = 422;
        return NGX_ERROR;

    case NGX_HTTP_BAD_REQUEST:
        (void) ngx_sandbox_flow_fail(f, NGX_SANDBOX_INVALID_PARAMETER,
                                     "the sandbox refused the request");
        f->error.status = 422;
        return NGX_ERROR;

    case NGX_HTTP_TOO_MANY_REQUESTS:
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_TOO_MANY_REQUESTS,
                                     "the session runs as much as its "
                                     "template's max_concurrent_executions "
                                     "allows, and sandbox_execution_queue "
                                     "executions wait");

    default:
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_RUNTIME_UNAVAILABLE,
                                     "the executor answered with status %ui",
                                     e->call.status);
    }
}


static ngx_int_t
ngx_sandbox_execute_call(ngx_sandbox_flow_t *f, char *mode)
{
    ngx_sandbox_execute_t  *e;

    e = f->data;

    e->call.method = "POST";
    ngx_str_set(&e->call.uri, "/v1/executions");

    if (ngx_sandbox_execute_body(f, mode) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_sandbox_op_executor(f, &e->call, &e->session_id);
}


static ngx_int_t
ngx_sandbox_execute_body(ngx_sandbox_flow_t *f, char *mode)
{
    ngx_sandbox_json_t      json;
    ngx_sandbox_execute_t  *e;

    static ngx_str_t  none = ngx_string("{}");

    e = f->data;

    ngx_sandbox_json_init(&json, f->pool, 512 + e->code.len + e->code.len / 8
                                          + e->event.len + e->env_vars.len
                                          + e->stdin_text.len);

    ngx_sandbox_json_object_start(&json);

    ngx_sandbox_json_literal_key(&json, "execution_id");
    ngx_sandbox_json_string(&json, &e->id);
    ngx_sandbox_json_literal_key(&json, "language");
    ngx_sandbox_json_string(&json, &e->language);
    ngx_sandbox_json_literal_key(&json, "code");
    ngx_sandbox_json_string(&json, &e->code);
    ngx_sandbox_json_literal_key(&json, "timeout");
    ngx_sandbox_json_int(&json, e->timeout_sec);
    /* a handler always gets an object */

    ngx_sandbox_json_literal_key(&json, "event");
    ngx_sandbox_json_raw(&json, e->event.data ? &e->event : &none);
    ngx_sandbox_json_literal_key(&json, "env_vars");
    ngx_sandbox_json_raw(&json, &e->env_vars);

    if (e->stdin_text.data) {
        ngx_sandbox_json_literal_key(&json, "stdin");
        ngx_sandbox_json_string(&json, &e->stdin_text);
    }

    if (e->working_directory.data) {
        ngx_sandbox_json_literal_key(&json, "working_directory");
        ngx_sandbox_json_string(&json, &e->working_directory);
    }

    ngx_sandbox_json_literal_key(&json, "mode");
    ngx_sandbox_json_string_bytes(&json, (u_char *) mode, ngx_strlen(mode));

    ngx_sandbox_json_object_end(&json);

    return ngx_sandbox_json_finish(&json, &e->call.body);
}


static ngx_int_t
ngx_sandbox_execute_store(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execute_t  *e;

    e = f->data;

    return ngx_sandbox_execution_store(f, &e->id, &e->session_id, &e->result);
}


ngx_int_t
ngx_sandbox_execution_store(ngx_sandbox_flow_t *f, ngx_str_t *id,
    ngx_str_t *session_id, ngx_sandbox_result_t *result)
{
    ngx_sandbox_op_statement(f,
              &ngx_sandbox_execution_stmts[NGX_SANDBOX_SQL_EXECUTION_FINISH]);

    ngx_sandbox_op_string(f, &result->status_name);

    if (result->has_exit_code) {
        ngx_sandbox_op_int(f, result->exit_code);

    } else {
        ngx_sandbox_op_null(f);
    }

    ngx_sandbox_op_string(f, &result->error_message);

    if (result->stdout_text.data) {
        ngx_sandbox_op_string(f, &result->stdout_text);

    } else {
        ngx_sandbox_op_literal(f, "");
    }

    if (result->stderr_text.data) {
        ngx_sandbox_op_string(f, &result->stderr_text);

    } else {
        ngx_sandbox_op_literal(f, "");
    }

    ngx_sandbox_op_int(f, result->stdout_dropped > 0);
    ngx_sandbox_op_int(f, result->stderr_dropped > 0);

    if (result->return_value.len) {
        ngx_sandbox_op_string(f, &result->return_value);

    } else {
        ngx_sandbox_op_null(f);
    }

    ngx_sandbox_op_string(f, &result->duration_ms);
    ngx_sandbox_op_string(f, &result->metrics);
    ngx_sandbox_op_string(f, id);
    ngx_sandbox_op_string(f, session_id);

    return ngx_sandbox_op_query(f);
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

    ngx_sandbox_op_statement(f,
                 &ngx_sandbox_execution_stmts[NGX_SANDBOX_SQL_EXECUTION_GET]);
    ngx_sandbox_op_string(f, &e->id);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_execute_shown(ngx_sandbox_flow_t *f)
{
    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_sandbox_op_result(f)->rows == 0) {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_SESSION_NOT_FOUND,
                                     "the session was deleted meanwhile");
    }

    return NGX_OK;
}
