
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Joins the step runner to what steps wait for: MariaDB and the executor by
 * subrequests, the container engine and timers directly.
 *
 * An operation belongs to its flow and lives in the request's pool; one that
 * is in flight when the request goes away is cancelled by the request's
 * cleanup.  Whatever comes from outside nginx's own event handlers runs the
 * posted requests last, since nobody else does.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_sandbox_flow.h"
#include "ngx_sandbox_node.h"
#include "ngx_sandbox_op.h"
#include "ngx_sandbox_session_dir.h"
#include "ngx_sandbox_subrequest.h"
#include "ngx_sandbox_token.h"


#define NGX_SANDBOX_OP_RETRIES        3        /* of a deadlock */
#define NGX_SANDBOX_OP_HAND_OVER_MS   120000


typedef struct {
    ngx_sandbox_flow_t       flow;             /* first */
    ngx_sandbox_db_op_t      query;
    ngx_sandbox_db_param_t   params[NGX_SANDBOX_OP_PARAMS];
    ngx_uint_t               nparams;
    ngx_uint_t               retries;
    ngx_msec_t               sent;             /* the first time */
    ngx_event_t              delay;
} ngx_sandbox_op_flow_t;


static void ngx_sandbox_op_gone(void *data);
static void ngx_sandbox_op_resume(ngx_sandbox_flow_t *f, ngx_int_t rc);
static ngx_sandbox_db_param_t *ngx_sandbox_op_param(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_op_query_send(ngx_sandbox_flow_t *f);
static void ngx_sandbox_op_query_done(void *data, ngx_int_t rc);
static void ngx_sandbox_op_query_publish(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_op_query_failed(ngx_sandbox_flow_t *f);
static void ngx_sandbox_op_runtime_done(ngx_sandbox_runtime_call_t *call);
static void ngx_sandbox_op_runtime_cancel(ngx_sandbox_flow_t *f);
static void ngx_sandbox_op_executor_done(void *data, ngx_int_t rc);
static ngx_int_t ngx_sandbox_op_waiter(ngx_sandbox_flow_t *f,
    ngx_sandbox_waiter_t *w, ngx_int_t rc);
static void ngx_sandbox_op_wait_handler(ngx_sandbox_waiter_t *w);
static void ngx_sandbox_op_wait_cancel(ngx_sandbox_flow_t *f);
static void ngx_sandbox_op_delay_handler(ngx_event_t *ev);
static void ngx_sandbox_op_delay_cancel(ngx_sandbox_flow_t *f);


static ngx_str_t  ngx_sandbox_database_uri =
    ngx_string("/_sandbox/database");
static ngx_str_t  ngx_sandbox_executor_uri =
    ngx_string("/_sandbox/executor");


void
ngx_sandbox_op_flow(ngx_http_request_t *r, ngx_sandbox_node_t *node,
    const ngx_sandbox_step_t *steps, void *data, ngx_uint_t changes,
    ngx_sandbox_flow_done_pt done)
{
    ngx_sandbox_flow_t     *f;
    ngx_http_cleanup_t     *cln;
    ngx_sandbox_op_flow_t  *of;

    of = ngx_pcalloc(r->pool, sizeof(ngx_sandbox_op_flow_t));
    cln = ngx_http_cleanup_add(r, 0);

    if (of == NULL || cln == NULL) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    f = &of->flow;

    f->steps = steps;
    f->pool = r->pool;
    f->log = r->connection->log;
    f->connection = r->connection;
    f->request = r;
    f->node = node;
    f->data = data;
    f->done = done;

    cln->handler = ngx_sandbox_op_gone;
    cln->data = f;

    if (changes) {
        r->read_event_handler = ngx_http_block_reading;

    } else {
        r->read_event_handler = ngx_http_test_reading;

        if (r->connection->read->ready) {
            ngx_post_event(r->connection->read, &ngx_posted_events);
        }
    }

    ngx_sandbox_flow_start(f);
}


ngx_int_t
ngx_sandbox_op_statement(ngx_sandbox_flow_t *f, ngx_sandbox_db_stmt_t *stmt)
{
    ngx_sandbox_op_flow_t  *of = (ngx_sandbox_op_flow_t *) f;

    ngx_memzero(&of->query, sizeof(ngx_sandbox_db_op_t));

    of->query.stmt = stmt;
    of->query.params = of->params;
    of->query.pool = f->pool;
    of->query.log = f->log;

    of->nparams = 0;
    of->retries = 0;
    of->sent = ngx_current_msec;

    return NGX_OK;
}


void
ngx_sandbox_op_string(ngx_sandbox_flow_t *f, const ngx_str_t *value)
{
    ngx_sandbox_db_param_t  *param;

    param = ngx_sandbox_op_param(f);

    if (value == NULL || value->data == NULL) {
        param->type = NGX_SANDBOX_DB_NULL;
        return;
    }

    param->type = NGX_SANDBOX_DB_STRING;
    param->string = *value;
}


void
ngx_sandbox_op_literal(ngx_sandbox_flow_t *f, char *value)
{
    ngx_str_t  string;

    string.data = (u_char *) value;
    string.len = ngx_strlen(value);

    ngx_sandbox_op_string(f, &string);
}


void
ngx_sandbox_op_int(ngx_sandbox_flow_t *f, int64_t value)
{
    ngx_sandbox_db_param_t  *param;

    param = ngx_sandbox_op_param(f);

    param->type = NGX_SANDBOX_DB_INT;
    param->number = value;
}


void
ngx_sandbox_op_null(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_op_param(f)->type = NGX_SANDBOX_DB_NULL;
}


ngx_int_t
ngx_sandbox_op_query(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_op_flow_t  *of = (ngx_sandbox_op_flow_t *) f;

    if (of->nparams != of->query.stmt->params) {
        ngx_log_error(NGX_LOG_ALERT, f->log, 0,
                      "sandbox: \"%s\" takes %ui parameters, not %ui",
                      of->query.stmt->name, of->query.stmt->params,
                      of->nparams);

        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_INTERNAL_ERROR,
                                     "a statement was called wrongly");
    }

    return ngx_sandbox_op_query_send(f);
}


ngx_sandbox_db_op_t *
ngx_sandbox_op_result(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_op_flow_t  *of = (ngx_sandbox_op_flow_t *) f;

    return &of->query;
}


ngx_str_t *
ngx_sandbox_op_value(ngx_sandbox_flow_t *f, ngx_uint_t column)
{
    ngx_sandbox_op_flow_t  *of = (ngx_sandbox_op_flow_t *) f;

    return &of->query.values[column];
}


ngx_sandbox_runtime_call_t *
ngx_sandbox_op_runtime(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_runtime_call_t  *call;

    call = ngx_pcalloc(f->pool, sizeof(ngx_sandbox_runtime_call_t));
    if (call == NULL) {
        return NULL;
    }

    call->pool = f->pool;
    call->log = f->log;
    call->runtime = f->node->runtime;
    call->handler = ngx_sandbox_op_runtime_done;
    call->data = f;

    f->op = call;
    f->cancel = ngx_sandbox_op_runtime_cancel;

    return call;
}


ngx_int_t
ngx_sandbox_op_executor(ngx_sandbox_flow_t *f, ngx_sandbox_call_t *call,
    ngx_str_t *session_id)
{
    call->pool = f->pool;
    call->log = f->log;

    if (ngx_sandbox_session_dir_socket(f->pool,
                                       &f->node->state_path->name, session_id,
                                       &call->socket)
        != NGX_OK
        || ngx_sandbox_token_make(f->pool, &f->node->secret, session_id,
                                  &call->token)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    f->op = call;

    if (ngx_sandbox_subrequest(f->request, &ngx_sandbox_executor_uri,
                               f->node->executor_module, call, 1,
                               ngx_sandbox_op_executor_done, f)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_AGAIN;
}


ngx_int_t
ngx_sandbox_op_turn(ngx_sandbox_flow_t *f, ngx_sandbox_waiter_t *w)
{
    return ngx_sandbox_op_waiter(f, w, ngx_sandbox_waiter_turn(w));
}


ngx_int_t
ngx_sandbox_op_wait(ngx_sandbox_flow_t *f, ngx_sandbox_waiter_t *w)
{
    return ngx_sandbox_op_waiter(f, w, ngx_sandbox_waiter_wait(w));
}


/* its handler is not called before this turn of the event loop is over */

static ngx_int_t
ngx_sandbox_op_waiter(ngx_sandbox_flow_t *f, ngx_sandbox_waiter_t *w,
    ngx_int_t rc)
{
    if (rc == NGX_AGAIN) {
        w->handler = ngx_sandbox_op_wait_handler;
        w->data = f;

        f->op = w;
        f->cancel = ngx_sandbox_op_wait_cancel;
    }

    return rc;
}


ngx_int_t
ngx_sandbox_op_delay(ngx_sandbox_flow_t *f, ngx_msec_t delay)
{
    ngx_sandbox_op_flow_t  *of = (ngx_sandbox_op_flow_t *) f;

    of->delay.data = f->connection;
    of->delay.handler = ngx_sandbox_op_delay_handler;
    of->delay.log = f->log;

    f->cancel = ngx_sandbox_op_delay_cancel;

    ngx_add_timer(&of->delay, delay);

    return NGX_AGAIN;
}


ngx_int_t
ngx_sandbox_op_hand_over(ngx_sandbox_flow_t *f, char *kind, ngx_str_t *id,
    char *verb)
{
    char       *slash;
    u_char     *p;
    ngx_str_t   uri;

    slash = verb ? "/" : "";
    verb = verb ? verb : "";

    p = ngx_pnalloc(f->pool, sizeof("/internal///") + ngx_strlen(kind)
                             + id->len + ngx_strlen(verb));
    if (p == NULL) {
        return NGX_ERROR;
    }

    uri.data = p;
    uri.len = ngx_sprintf(p, "/internal/%s/%V%s%s", kind, id, slash, verb) - p;

    return ngx_sandbox_http_post_detached(f->node->http, &f->node->loopback,
                                          &uri, &f->node->loopback_token,
                                          NGX_SANDBOX_OP_HAND_OVER_MS,
                                          ngx_cycle->log);
}


static void
ngx_sandbox_op_gone(void *data)
{
    ngx_sandbox_flow_abort(data);
}


static void
ngx_sandbox_op_resume(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    ngx_connection_t  *c;

    c = f->connection;

    ngx_sandbox_flow_resume(f, rc);
    ngx_http_run_posted_requests(c);
}


static ngx_sandbox_db_param_t *
ngx_sandbox_op_param(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_op_flow_t  *of = (ngx_sandbox_op_flow_t *) f;

    if (of->nparams == NGX_SANDBOX_OP_PARAMS) {
        /* the count is found wrong when the query is sent */
        return &of->params[NGX_SANDBOX_OP_PARAMS - 1];
    }

    return &of->params[of->nparams++];
}


static ngx_int_t
ngx_sandbox_op_query_send(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_op_flow_t  *of = (ngx_sandbox_op_flow_t *) f;

    if (ngx_sandbox_subrequest(f->request, &ngx_sandbox_database_uri,
                               f->node->database_module, &of->query, 0,
                               ngx_sandbox_op_query_done, f)
        != NGX_OK)
    {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_INTERNAL_ERROR,
                                     "no memory for a query");
    }

    return NGX_AGAIN;
}


static void
ngx_sandbox_op_query_done(void *data, ngx_int_t rc)
{
    ngx_sandbox_flow_t     *f = data;
    ngx_sandbox_op_flow_t  *of = data;

    if (f->node->closing) {
        return;
    }

    if (rc != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, f->log, 0,
                      "sandbox: the location \"%V\" does not serve the "
                      "database: is sandbox_locations.conf included?",
                      &ngx_sandbox_database_uri);

        of->query.status = NGX_SANDBOX_DB_ERROR;
    }

    if (of->query.status == NGX_SANDBOX_DB_RETRY
        && of->retries++ < NGX_SANDBOX_OP_RETRIES
        && ngx_current_msec - of->sent < f->node->db.query_timeout * 3 / 5
        && ngx_sandbox_op_query_send(f) == NGX_AGAIN)
    {
        return;
    }

    ngx_sandbox_op_query_publish(f);

    ngx_sandbox_flow_resume(f, ngx_sandbox_op_query_failed(f));
}


/* for every flow, so that none can forget it; what is lost may have happened */

static void
ngx_sandbox_op_query_publish(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_op_flow_t  *of = (ngx_sandbox_op_flow_t *) f;

    ngx_uint_t  id;

    id = of->query.stmt->changes;

    if (id == 0) {
        return;
    }

    if ((of->query.status == NGX_SANDBOX_DB_OK && of->query.affected > 0)
        || of->query.status == NGX_SANDBOX_DB_LOST)
    {
        ngx_sandbox_waiters_publish(f->node->waiters,
                                    &of->params[id - 1].string);
    }
}


static ngx_int_t
ngx_sandbox_op_query_failed(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_op_flow_t  *of = (ngx_sandbox_op_flow_t *) f;

    switch (of->query.status) {

    case NGX_SANDBOX_DB_OK:
        return NGX_OK;

    case NGX_SANDBOX_DB_DUPLICATE:
    case NGX_SANDBOX_DB_REFERENCE:
        return NGX_DECLINED;

    case NGX_SANDBOX_DB_UNAVAILABLE:
    case NGX_SANDBOX_DB_RETRY:
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_DATABASE_UNAVAILABLE,
                                     "MariaDB did not take the statement");

    case NGX_SANDBOX_DB_LOST:
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_DATABASE_UNAVAILABLE,
                                     "MariaDB did not answer in time");

    case NGX_SANDBOX_DB_SCHEMA:
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_DATABASE_UNAVAILABLE,
                                     "%V", &of->query.message);

    default:
        ngx_log_error(NGX_LOG_ERR, f->log, 0,
                      "sandbox: MariaDB refused \"%s\": %ui %V",
                      of->query.stmt->name, of->query.error,
                      &of->query.message);

        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_INTERNAL_ERROR,
                                     "the database refused a statement");
    }
}


static void
ngx_sandbox_op_runtime_done(ngx_sandbox_runtime_call_t *call)
{
    ngx_sandbox_flow_t  *f;

    f = call->data;

    if (f->node->closing) {
        return;
    }

    if (call->status == NGX_SANDBOX_RUNTIME_OK) {
        ngx_sandbox_op_resume(f, NGX_OK);
        return;
    }

    (void) ngx_sandbox_flow_fail(f, NGX_SANDBOX_RUNTIME_UNAVAILABLE, "%V",
                                 &call->message);

    ngx_sandbox_op_resume(f, NGX_ERROR);
}


static void
ngx_sandbox_op_runtime_cancel(ngx_sandbox_flow_t *f)
{
    f->node->runtime->verbs->cancel(f->op);
}


static void
ngx_sandbox_op_executor_done(void *data, ngx_int_t rc)
{
    ngx_sandbox_flow_t  *f = data;

    ngx_sandbox_call_t  *call;

    call = f->op;

    if (rc != NGX_OK && call->rc == NGX_OK) {
        call->rc = NGX_ERROR;
        ngx_str_set(&call->error, "the location for executors is missing");
    }

    if (call->rc == NGX_OK) {
        ngx_sandbox_flow_resume(f, NGX_OK);
        return;
    }

    (void) ngx_sandbox_flow_fail(f, NGX_SANDBOX_RUNTIME_UNAVAILABLE, "%V",
                                 &call->error);

    ngx_sandbox_flow_resume(f, NGX_ERROR);
}


static void
ngx_sandbox_op_wait_handler(ngx_sandbox_waiter_t *w)
{
    ngx_sandbox_op_resume(w->data, NGX_OK);
}


static void
ngx_sandbox_op_wait_cancel(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_waiter_remove(f->op);
}


static void
ngx_sandbox_op_delay_handler(ngx_event_t *ev)
{
    ngx_sandbox_op_flow_t  *of;

    of = ngx_queue_data(ev, ngx_sandbox_op_flow_t, delay);

    ngx_sandbox_op_resume(&of->flow, NGX_OK);
}


static void
ngx_sandbox_op_delay_cancel(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_op_flow_t  *of = (ngx_sandbox_op_flow_t *) f;

    if (of->delay.timer_set) {
        ngx_del_timer(&of->delay);
    }
}
