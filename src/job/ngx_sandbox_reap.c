
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Reaping: three short looks into one index.  Settling looks again and decides,
 * so the job may run twice, late, or on two hosts at once; what one run does
 * not reach, the next one does.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_execution_store.h"
#include "ngx_sandbox_op.h"
#include "ngx_sandbox_reap.h"


#define NGX_SANDBOX_REAP_BATCH  100    /* of a state in one run */


static ngx_int_t ngx_sandbox_reap_find(ngx_sandbox_flow_t *f, ngx_uint_t stmt);
static ngx_int_t ngx_sandbox_reap_running(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_reap_pending(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_reap_crashed(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_reap_found(ngx_sandbox_flow_t *f);


const ngx_sandbox_step_t  ngx_sandbox_reap_steps[] = {

    { "finding running executions that are due",
      ngx_sandbox_reap_running,
      ngx_sandbox_reap_found, NULL },

    { "finding pending executions that are due",
      ngx_sandbox_reap_pending,
      ngx_sandbox_reap_found, NULL },

    { "finding crashed executions that are due",
      ngx_sandbox_reap_crashed,
      ngx_sandbox_reap_found, NULL },

      ngx_sandbox_null_step
};


static ngx_int_t
ngx_sandbox_reap_find(ngx_sandbox_flow_t *f, ngx_uint_t stmt)
{
    ngx_sandbox_op_statement(f, &ngx_sandbox_execution_stmts[stmt]);
    ngx_sandbox_op_int(f, NGX_SANDBOX_REAP_BATCH);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_reap_running(ngx_sandbox_flow_t *f)
{
    return ngx_sandbox_reap_find(f, NGX_SANDBOX_SQL_EXECUTION_DUE_RUNNING);
}


static ngx_int_t
ngx_sandbox_reap_pending(ngx_sandbox_flow_t *f)
{
    return ngx_sandbox_reap_find(f, NGX_SANDBOX_SQL_EXECUTION_DUE_PENDING);
}


static ngx_int_t
ngx_sandbox_reap_crashed(ngx_sandbox_flow_t *f)
{
    return ngx_sandbox_reap_find(f, NGX_SANDBOX_SQL_EXECUTION_DUE_CRASHED);
}


static ngx_int_t
ngx_sandbox_reap_found(ngx_sandbox_flow_t *f)
{
    ngx_uint_t            i;
    ngx_sandbox_db_op_t  *op;

    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    op = ngx_sandbox_op_result(f);

    for (i = 0; i < op->rows; i++) {
        (void) ngx_sandbox_op_hand_over(f, "executions", &op->values[i],
                                        "settle");
    }

    return NGX_OK;
}
