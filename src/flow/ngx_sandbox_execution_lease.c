
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The lease of an attempt: until when nobody else has to look after it.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_execution_flow.h"
#include "ngx_sandbox_execution_store.h"
#include "ngx_sandbox_op.h"


ngx_int_t
ngx_sandbox_execution_attempt(ngx_sandbox_flow_t *f,
    const ngx_sandbox_execute_t *e, ngx_str_t *ret_name)
{
    ret_name->data = ngx_pnalloc(f->pool, e->id.len + 2 + NGX_INT_T_LEN);
    if (ret_name->data == NULL) {
        return NGX_ERROR;
    }

    ret_name->len = ngx_sprintf(ret_name->data, "%V.%i%Z", &e->id, e->attempt)
                    - ret_name->data - 1;

    return NGX_OK;
}


ngx_int_t
ngx_sandbox_execution_renew(ngx_sandbox_flow_t *f,
    const ngx_sandbox_execute_t *e, ngx_msec_t lease)
{
    ngx_str_t  attempt;

    if (ngx_sandbox_execution_attempt(f, e, &attempt) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_sandbox_op_statement(f,
               &ngx_sandbox_execution_stmts[NGX_SANDBOX_SQL_EXECUTION_RENEW]);
    ngx_sandbox_op_int(f, (int64_t) lease * 1000);
    ngx_sandbox_op_string(f, &e->session_id);
    ngx_sandbox_op_string(f, &attempt);

    return ngx_sandbox_op_query(f);
}
