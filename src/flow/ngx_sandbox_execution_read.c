
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Reading an execution.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_execution_flow.h"
#include "ngx_sandbox_execution_store.h"
#include "ngx_sandbox_op.h"


static ngx_int_t ngx_sandbox_execution_read(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execution_locate(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execution_found(ngx_sandbox_flow_t *f);


const ngx_sandbox_step_t  ngx_sandbox_execution_read_steps[] = {

    { "reading the execution",
      ngx_sandbox_execution_read,
      ngx_sandbox_execution_found, NULL },

      ngx_sandbox_null_step
};


const ngx_sandbox_step_t  ngx_sandbox_execution_watch_steps[] = {

    { "reading where the execution's output is",
      ngx_sandbox_execution_locate,
      ngx_sandbox_execution_found, NULL },

      ngx_sandbox_null_step
};


static ngx_int_t
ngx_sandbox_execution_read(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execution_id_t  *e;

    e = f->data;

    ngx_sandbox_op_statement(f,
                 &ngx_sandbox_execution_stmts[NGX_SANDBOX_SQL_EXECUTION_GET]);
    ngx_sandbox_op_string(f, &e->id);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_execution_locate(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execution_id_t  *e;

    e = f->data;

    ngx_sandbox_op_statement(f,
               &ngx_sandbox_execution_stmts[NGX_SANDBOX_SQL_EXECUTION_WATCH]);
    ngx_sandbox_op_string(f, &e->id);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_execution_found(ngx_sandbox_flow_t *f)
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
