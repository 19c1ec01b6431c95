
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The heartbeat of a session's executor: the leases of what it has are renewed,
 * and it is told to end what nobody wants any more: a row that was cancelled or
 * settled while it could not be reached, or that is gone.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_execution_flow.h"
#include "ngx_sandbox_execution_store.h"
#include "ngx_sandbox_op.h"


#define NGX_SANDBOX_HEARTBEAT_ASK_MS  2000


static ngx_int_t ngx_sandbox_heartbeat_renew(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_heartbeat_renewed(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_heartbeat_find(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_heartbeat_found(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_heartbeat_end(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_heartbeat_ended(ngx_sandbox_flow_t *f);


const ngx_sandbox_step_t  ngx_sandbox_heartbeat_steps[] = {

    { "renewing the leases of executions",
      ngx_sandbox_heartbeat_renew,
      ngx_sandbox_heartbeat_renewed, NULL },

    { "finding what nobody wants",
      ngx_sandbox_heartbeat_find,
      ngx_sandbox_heartbeat_found, NULL },

    { "telling the executor to end it",
      ngx_sandbox_heartbeat_end,
      ngx_sandbox_heartbeat_ended, NULL },

      ngx_sandbox_null_step
};


static ngx_int_t
ngx_sandbox_heartbeat_renew(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_heartbeat_t  *h;

    h = f->data;

    ngx_sandbox_op_statement(f,
               &ngx_sandbox_execution_stmts[NGX_SANDBOX_SQL_EXECUTION_RENEW]);
    ngx_sandbox_op_int(f, (int64_t) f->node->execution_lease * 1000);
    ngx_sandbox_op_string(f, &h->session_id);
    ngx_sandbox_op_string(f, &h->attempts);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_heartbeat_renewed(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_heartbeat_t  *h;

    h = f->data;

    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_sandbox_op_result(f)->affected == h->n ? NGX_DONE : NGX_OK;
}


static ngx_int_t
ngx_sandbox_heartbeat_find(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_heartbeat_t  *h;

    h = f->data;

    ngx_sandbox_op_statement(f,
            &ngx_sandbox_execution_stmts[NGX_SANDBOX_SQL_EXECUTION_UNWANTED]);
    ngx_sandbox_op_string(f, &h->ids);
    ngx_sandbox_op_string(f, &h->session_id);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_heartbeat_found(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_db_op_t      *op;
    ngx_sandbox_heartbeat_t  *h;

    h = f->data;

    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    op = ngx_sandbox_op_result(f);

    h->unwanted = op->values;
    h->n = op->rows;

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_heartbeat_end(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_heartbeat_t  *h;

    h = f->data;

    if (h->next == h->n) {
        return NGX_OK;
    }

    ngx_memzero(&h->call, sizeof(ngx_sandbox_call_t));

    h->call.timeout = NGX_SANDBOX_HEARTBEAT_ASK_MS;

    return ngx_sandbox_execute_ask(f, &h->call, &h->unwanted[h->next++],
                                   "cancel", 0, &h->session_id);
}


/* if it did not hear, it will say again that it has it */

static ngx_int_t
ngx_sandbox_heartbeat_ended(ngx_sandbox_flow_t *f)
{
    return f->op_rc == NGX_OK ? ngx_sandbox_heartbeat_end(f) : NGX_OK;
}
