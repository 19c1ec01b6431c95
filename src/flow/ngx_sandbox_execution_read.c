
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Reading an execution, and settling one that has no result although its
 * deadline is over, for whoever looks first: a reader or the reconciler.
 *
 * The executor is asked before: after an outage of MariaDB or of nginx it may
 * still hold the result and be about to report it.  Only what it does not know
 * is given up.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_execution_flow.h"
#include "ngx_sandbox_execution_store.h"
#include "ngx_sandbox_op.h"


#define NGX_SANDBOX_EXECUTION_ASK_MS  2000


static ngx_int_t ngx_sandbox_execution_get(ngx_sandbox_flow_t *f,
    ngx_uint_t stmt);
static ngx_int_t ngx_sandbox_execution_read(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execution_read_any(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execution_found(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execution_exists(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execution_ask(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execution_asked(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execution_give_up(ngx_sandbox_flow_t *f);


const ngx_sandbox_step_t  ngx_sandbox_execution_read_steps[] = {

    { "reading the execution",
      ngx_sandbox_execution_read,
      ngx_sandbox_execution_found, NULL },

    { "asking the executor for an overdue execution",
      ngx_sandbox_execution_ask,
      ngx_sandbox_execution_asked, NULL },

    { "giving up an overdue execution",
      ngx_sandbox_execution_give_up, NULL, NULL },

    { "reading the execution again",
      ngx_sandbox_execution_read,
      ngx_sandbox_execution_exists, NULL },

      ngx_sandbox_null_step
};


const ngx_sandbox_step_t  ngx_sandbox_execution_settle_steps[] = {

    { "reading the execution to settle",
      ngx_sandbox_execution_read_any,
      ngx_sandbox_execution_found, NULL },

    { "asking the executor for an overdue execution",
      ngx_sandbox_execution_ask,
      ngx_sandbox_execution_asked, NULL },

    { "giving up an overdue execution",
      ngx_sandbox_execution_give_up, NULL, NULL },

      ngx_sandbox_null_step
};


static ngx_int_t
ngx_sandbox_execution_get(ngx_sandbox_flow_t *f, ngx_uint_t stmt)
{
    ngx_sandbox_execution_id_t  *e;

    e = f->data;

    ngx_sandbox_op_statement(f, &ngx_sandbox_execution_stmts[stmt]);
    ngx_sandbox_op_string(f, &e->id);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_execution_read(ngx_sandbox_flow_t *f)
{
    return ngx_sandbox_execution_get(f, NGX_SANDBOX_SQL_EXECUTION_GET);
}


static ngx_int_t
ngx_sandbox_execution_read_any(ngx_sandbox_flow_t *f)
{
    return ngx_sandbox_execution_get(f, NGX_SANDBOX_SQL_EXECUTION_ANY);
}


static ngx_int_t
ngx_sandbox_execution_found(ngx_sandbox_flow_t *f)
{
    ngx_int_t                    rc;
    ngx_str_t                   *overdue;
    ngx_sandbox_execution_id_t  *e;

    e = f->data;

    rc = ngx_sandbox_execution_exists(f);
    if (rc != NGX_OK) {
        return rc;
    }

    overdue = ngx_sandbox_op_value(f, NGX_SANDBOX_EXECUTION_OVERDUE);

    if (!ngx_sandbox_value_is(overdue, "1")) {
        return NGX_DONE;
    }

    e->session_id = *ngx_sandbox_op_value(f, NGX_SANDBOX_EXECUTION_SESSION);

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_execution_exists(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execution_id_t  *e;

    e = f->data;

    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_sandbox_op_result(f)->rows == 0) {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_EXECUTION_NOT_FOUND,
                                     "no execution \"%V\"", &e->id);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_execution_ask(ngx_sandbox_flow_t *f)
{
    u_char                      *p;
    ngx_sandbox_execution_id_t  *e;

    e = f->data;

    p = ngx_pnalloc(f->pool, sizeof("/v1/executions/") + e->id.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    e->call.method = "GET";
    e->call.uri.data = p;
    e->call.uri.len = ngx_sprintf(p, "/v1/executions/%V", &e->id) - p;
    e->call.timeout = NGX_SANDBOX_EXECUTION_ASK_MS;
    e->call.max_body = 4096;

    return ngx_sandbox_op_executor(f, &e->call, &e->session_id);
}


/*
 * Known: it runs on, or its report is under way.  No answer: whether the
 * sandbox is dead is for its settling to find, and else it ends with its
 * session.  The row is as it was read.
 */

static ngx_int_t
ngx_sandbox_execution_asked(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execution_id_t  *e;

    e = f->data;

    if (f->op_rc == NGX_OK && e->call.status == NGX_HTTP_NOT_FOUND) {
        return NGX_OK;
    }

    if (f->op_rc != NGX_OK) {
        (void) ngx_sandbox_op_hand_over(f, "sessions", &e->session_id,
                                        "settle");
    }

    return NGX_DONE;
}


static ngx_int_t
ngx_sandbox_execution_give_up(ngx_sandbox_flow_t *f)
{
    return ngx_sandbox_execution_get(f, NGX_SANDBOX_SQL_EXECUTION_SETTLE);
}
