
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Reconciling: what was cut short in between is found here.  Nothing is
 * changed but executions whose deadline is over; each session that is found
 * goes to the settling flow, which looks again and decides.  So the job may
 * run twice, late, or on two hosts at once.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_container_store.h"
#include "ngx_sandbox_execution_store.h"
#include "ngx_sandbox_id.h"
#include "ngx_sandbox_node.h"
#include "ngx_sandbox_op.h"
#include "ngx_sandbox_reconcile.h"
#include "ngx_sandbox_session_store.h"


#define NGX_SANDBOX_RECONCILE_BATCH  20    /* rows of a kind in one run */


static ngx_int_t ngx_sandbox_reconcile_query(ngx_sandbox_flow_t *f,
    ngx_sandbox_db_stmt_t *stmt);
static ngx_int_t ngx_sandbox_reconcile_starts(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_reconcile_runs(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_reconcile_settle(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_reconcile_orphans(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_reconcile_orphaned(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_reconcile_running(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_reconcile_pending(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_reconcile_list(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_reconcile_listed(ngx_sandbox_flow_t *f);


const ngx_sandbox_step_t  ngx_sandbox_reconcile_steps[] = {

    { "finding lapsed starts",
      ngx_sandbox_reconcile_starts,
      ngx_sandbox_reconcile_settle, NULL },

    { "finding lapsed sessions",
      ngx_sandbox_reconcile_runs,
      ngx_sandbox_reconcile_settle, NULL },

    { "finding containers of ended sessions",
      ngx_sandbox_reconcile_orphans,
      ngx_sandbox_reconcile_orphaned, NULL },

    { "ending lapsed executions",
      ngx_sandbox_reconcile_running, NULL, NULL },

    { "ending executions that were never dispatched",
      ngx_sandbox_reconcile_pending, NULL, NULL },

    { "listing the engine's containers",
      ngx_sandbox_reconcile_list,
      ngx_sandbox_reconcile_listed, NULL },

      ngx_sandbox_null_step
};


static ngx_int_t
ngx_sandbox_reconcile_query(ngx_sandbox_flow_t *f,
    ngx_sandbox_db_stmt_t *stmt)
{
    ngx_sandbox_op_statement(f, stmt);
    ngx_sandbox_op_int(f, NGX_SANDBOX_RECONCILE_BATCH);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_reconcile_starts(ngx_sandbox_flow_t *f)
{
    return ngx_sandbox_reconcile_query(f,
           &ngx_sandbox_session_stmts[NGX_SANDBOX_SQL_SESSION_LAPSED_STARTS]);
}


static ngx_int_t
ngx_sandbox_reconcile_runs(ngx_sandbox_flow_t *f)
{
    return ngx_sandbox_reconcile_query(f,
             &ngx_sandbox_session_stmts[NGX_SANDBOX_SQL_SESSION_LAPSED_RUNS]);
}


static ngx_int_t
ngx_sandbox_reconcile_settle(ngx_sandbox_flow_t *f)
{
    ngx_uint_t            i;
    ngx_sandbox_db_op_t  *op;

    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    op = ngx_sandbox_op_result(f);

    for (i = 0; i < op->rows; i++) {
        (void) ngx_sandbox_op_hand_over(f, "sessions",
                                        &op->values[i * op->stmt->columns],
                                        "settle");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_reconcile_orphans(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_op_statement(f,
             &ngx_sandbox_container_stmts[NGX_SANDBOX_SQL_CONTAINER_ORPHANS]);
    ngx_sandbox_op_string(f, &f->node->name);
    ngx_sandbox_op_int(f, NGX_SANDBOX_RECONCILE_BATCH);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_reconcile_orphaned(ngx_sandbox_flow_t *f)
{
    ngx_str_t            *row;
    ngx_uint_t            i;
    ngx_sandbox_db_op_t  *op;

    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    op = ngx_sandbox_op_result(f);

    for (i = 0; i < op->rows; i++) {
        row = &op->values[i * NGX_SANDBOX_CONTAINER_COLUMNS];

        (void) ngx_sandbox_op_hand_over(f, "sessions",
                                        &row[NGX_SANDBOX_CONTAINER_SESSION],
                                        "settle");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_reconcile_running(ngx_sandbox_flow_t *f)
{
    return ngx_sandbox_reconcile_query(f,
       &ngx_sandbox_execution_stmts[NGX_SANDBOX_SQL_EXECUTION_LAPSED]);
}


static ngx_int_t
ngx_sandbox_reconcile_pending(ngx_sandbox_flow_t *f)
{
    return ngx_sandbox_reconcile_query(f,
       &ngx_sandbox_execution_stmts[NGX_SANDBOX_SQL_EXECUTION_LAPSED_PENDING]);
}


static ngx_int_t
ngx_sandbox_reconcile_list(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_reconcile_t  *job;

    job = f->data;
    job->call = ngx_sandbox_op_runtime(f);

    return ngx_sandbox_op_verb(f, list, job->call, &f->node->name);
}


/*
 * Containers that have ended, whatever their rows say: a sandbox that died is
 * found here even if nobody uses it.  One that no row knows at all is not
 * possible, since the row comes first.
 */

static ngx_int_t
ngx_sandbox_reconcile_listed(ngx_sandbox_flow_t *f)
{
    ngx_uint_t                      i;
    ngx_sandbox_reconcile_t        *job;
    ngx_sandbox_container_state_t  *state;

    job = f->data;

    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    state = job->call->list->elts;

    for (i = 0; i < job->call->list->nelts; i++) {

        if (state[i].exited && ngx_sandbox_id_valid(&state[i].session_id)) {
            (void) ngx_sandbox_op_hand_over(f, "sessions",
                                            &state[i].session_id, "settle");
        }
    }

    return NGX_OK;
}
