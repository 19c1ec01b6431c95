
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Runs code in a session while the client waits.
 *
 * It gets its result over the connection that asked for it; the executor keeps
 * it until it is told that it has been stored, and otherwise reports it to the
 * internal API like that of an asynchronous one.  So neither a worker that dies
 * nor a caller that leaves loses a result, and the one that comes second finds
 * the row closed.
 *
 * Somebody waits for it, so it has two statements only, one that accepts it
 * and one that stores its result; what they have made of the row is known
 * without reading it.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox.h"
#include "ngx_sandbox_execution_flow.h"
#include "ngx_sandbox_execution_store.h"
#include "ngx_sandbox_op.h"
#include "ngx_sandbox_time.h"


/*
 * What an execution may take beyond its time-out: SIGTERM, 2 s, SIGKILL, and
 * the way of the result.
 */
#define NGX_SANDBOX_EXECUTE_GRACE_MS   10000

/* the client's connection is not free meanwhile; then a report comes anyway */
#define NGX_SANDBOX_EXECUTE_ACK_MS     1000

/* for the same request that came before */
#define NGX_SANDBOX_EXECUTE_WAIT_MS    1000


static ngx_int_t ngx_sandbox_execute_insert_running(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_wait(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_waited(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_read(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_is_over(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_expire(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_expired(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_await(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_run(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_ran(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_is_its(const ngx_sandbox_execute_t *e,
    ngx_str_t *reason);
static ngx_int_t ngx_sandbox_execute_store(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_stored(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_ack(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execute_acked(ngx_sandbox_flow_t *f);


const ngx_sandbox_step_t  ngx_sandbox_execute_sync_steps[] = {

    { "keeping the idempotency key",
      ngx_sandbox_idempotency_keep, NULL,
      ngx_sandbox_execute_release_key },

    { "inserting the execution",
      ngx_sandbox_execute_insert_running,
      ngx_sandbox_execute_inserted,
      ngx_sandbox_execute_fail },

    { "looking why the session takes none",
      ngx_sandbox_execute_look,
      ngx_sandbox_execute_why, NULL },

    { "waiting for what the same request has begun before",
      ngx_sandbox_execute_wait,
      ngx_sandbox_execute_waited, NULL },

    { "reading what became of it",
      ngx_sandbox_execute_read,
      ngx_sandbox_execute_is_over, NULL },

    { "running the code",
      ngx_sandbox_execute_run,
      ngx_sandbox_execute_ran, NULL },

    { "having an execution looked after to which the way is lost",
      ngx_sandbox_execute_expire,
      ngx_sandbox_execute_expired, NULL },

    { "waiting for its end",
      ngx_sandbox_execute_await,
      ngx_sandbox_execute_waited, NULL },

    { "storing the result",
      ngx_sandbox_execute_store,
      ngx_sandbox_execute_stored, NULL },

    { "reading what was stored before",
      ngx_sandbox_execute_reread,
      ngx_sandbox_execute_is_over, NULL },

      ngx_sandbox_null_step
};


const ngx_sandbox_step_t  ngx_sandbox_execute_ack_steps[] = {

    { "telling the executor that the result is stored",
      ngx_sandbox_execute_ack,
      ngx_sandbox_execute_acked, NULL },

      ngx_sandbox_null_step
};


static ngx_int_t
ngx_sandbox_execute_insert_running(ngx_sandbox_flow_t *f)
{
    return ngx_sandbox_execute_insert(f, "running");
}


static ngx_int_t
ngx_sandbox_execute_wait(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execute_t  *e;

    e = f->data;

    if (e->accepted) {
        return NGX_OK;
    }

    e->wait.kind = NGX_SANDBOX_WAIT_EXECUTION;
    e->wait.id = e->id;
    e->wait.timeout = NGX_SANDBOX_EXECUTE_WAIT_MS;

    return ngx_sandbox_wait_start(f, &e->wait);
}


static ngx_int_t
ngx_sandbox_execute_waited(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execute_t  *e;

    e = f->data;

    return ngx_sandbox_wait_next(f, &e->wait);
}


static ngx_int_t
ngx_sandbox_execute_read(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execute_t  *e;

    e = f->data;

    return e->accepted ? NGX_OK : ngx_sandbox_execute_reread(f);
}


/* its end is everybody's answer */

static ngx_int_t
ngx_sandbox_execute_is_over(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execute_t  *e;

    e = f->data;

    if (ngx_sandbox_execute_shown(f) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_sandbox_execution_is_over(&e->row[NGX_SANDBOX_EXECUTION_STATUS])) {
        return NGX_DONE;
    }

    if (e->accepted) {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_EXEC_TIMEOUT,
                                     "it goes on");
    }

    (void) ngx_sandbox_flow_fail(f, NGX_SANDBOX_CONFLICT,
                                 "Idempotency-Key: what the same request has "
                                 "begun before, execution %V, is not over",
                                 &e->id);

    ngx_str_set(&f->error.solution, "Send the same request again later, or "
                "read the execution.");

    return NGX_ERROR;
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

    /* 409: another attempt has taken its place meanwhile */

    if ((e->call.rc == NGX_ERROR && !e->call.malformed && e->max_retries)
        || (e->call.rc == NGX_OK && e->call.status == NGX_HTTP_CONFLICT))
    {
        e->unknown = 1;
        e->broken = 1;

        return NGX_OK;
    }

    if (f->op_rc != NGX_OK || e->call.status != NGX_HTTP_OK) {
        return ngx_sandbox_execute_refused(f);
    }

    rc = ngx_sandbox_result_decode(f->pool, &e->call.answer, &e->result,
                                   &reason);

    /* it has run: if the result cannot be stored now, it is reported */

    e->unknown = 1;

    if (rc == NGX_OK) {
        rc = ngx_sandbox_execute_is_its(e, &reason);
    }

    if (rc == NGX_DECLINED) {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_RUNTIME_UNAVAILABLE,
                                     "the executor sent a result that cannot "
                                     "be read: %V", &reason);
    }

    return rc;
}


static ngx_int_t
ngx_sandbox_execute_is_its(const ngx_sandbox_execute_t *e, ngx_str_t *reason)
{
    const ngx_sandbox_result_t  *r;

    r = &e->result;

    if (r->execution_id.len != e->id.len
        || ngx_memcmp(r->execution_id.data, e->id.data, e->id.len) != 0)
    {
        ngx_str_set(reason, "it is another execution's");
        return NGX_DECLINED;
    }

    if (r->attempt != e->attempt) {
        ngx_str_set(reason, "it is another attempt's");
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* its lease ends now */

static ngx_int_t
ngx_sandbox_execute_expire(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execute_t  *e;

    e = f->data;

    return e->broken ? ngx_sandbox_execution_renew(f, e, 0) : NGX_OK;
}


static ngx_int_t
ngx_sandbox_execute_expired(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execute_t  *e;

    e = f->data;

    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    (void) ngx_sandbox_op_hand_over(f, "executions", &e->id, "settle");

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_execute_await(ngx_sandbox_flow_t *f)
{
    ngx_msec_t              passed;
    ngx_sandbox_execute_t  *e;

    e = f->data;

    if (!e->broken) {
        return NGX_OK;
    }

    passed = ngx_current_msec - e->started;

    e->wait.kind = NGX_SANDBOX_WAIT_EXECUTION;
    e->wait.id = e->id;
    e->wait.timeout = e->call.timeout > passed ? e->call.timeout - passed : 0;

    return ngx_sandbox_wait_start(f, &e->wait);
}


/* the end is told in MariaDB's time, whatever nginx's clock says */

static ngx_int_t
ngx_sandbox_execute_store(ngx_sandbox_flow_t *f)
{
    u_char                 *p;
    ngx_sandbox_execute_t  *e;

    e = f->data;

    if (e->broken) {
        return NGX_OK;
    }

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

        return e->row ? NGX_DONE : NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_execute_ack(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execute_t  *e;

    e = f->data;

    ngx_memzero(&e->call, sizeof(ngx_sandbox_call_t));

    e->call.timeout = NGX_SANDBOX_EXECUTE_ACK_MS;

    return ngx_sandbox_execute_ask(f, &e->call, &e->id, "ack", e->attempt,
                                   &e->session_id);
}


static ngx_int_t
ngx_sandbox_execute_acked(ngx_sandbox_flow_t *f)
{
    /* if it did not hear, it will report, and learn it then */

    return NGX_OK;
}
