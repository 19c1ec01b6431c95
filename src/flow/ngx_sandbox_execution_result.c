
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * A result on its way: to the statement that stores it, and to the row that
 * this makes.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_execution_flow.h"
#include "ngx_sandbox_execution_store.h"
#include "ngx_sandbox_op.h"


static ngx_int_t ngx_sandbox_execution_number(ngx_pool_t *pool,
    ngx_str_t *value, ngx_int_t number);


static ngx_str_t  ngx_sandbox_execution_empty = ngx_string("");


ngx_int_t
ngx_sandbox_execution_store(ngx_sandbox_flow_t *f, const ngx_str_t *id,
    const ngx_str_t *session_id, const ngx_str_t *completed_at,
    const ngx_sandbox_result_t *result)
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
    ngx_sandbox_op_string(f, result->stdout_text.data
                             ? &result->stdout_text
                             : &ngx_sandbox_execution_empty);
    ngx_sandbox_op_string(f, result->stderr_text.data
                             ? &result->stderr_text
                             : &ngx_sandbox_execution_empty);

    ngx_sandbox_op_int(f, result->stdout_dropped > 0);
    ngx_sandbox_op_int(f, result->stderr_dropped > 0);
    ngx_sandbox_op_string(f, result->events.len ? &result->events : NULL);

    ngx_sandbox_op_string(f, result->return_value.len ? &result->return_value
                                                      : NULL);
    ngx_sandbox_op_string(f, &result->duration_ms);
    ngx_sandbox_op_string(f, &result->metrics);
    ngx_sandbox_op_string(f, completed_at);
    ngx_sandbox_op_string(f, id);
    ngx_sandbox_op_string(f, session_id);
    ngx_sandbox_op_int(f, result->attempt);

    return ngx_sandbox_op_query(f);
}


ngx_uint_t
ngx_sandbox_execution_is_over(const ngx_str_t *status)
{
    return !ngx_sandbox_value_is(status, "pending")
           && !ngx_sandbox_value_is(status, "running")
           && !ngx_sandbox_value_is(status, "crashed");
}


ngx_str_t *
ngx_sandbox_execution_row(ngx_pool_t *pool, const ngx_sandbox_execute_t *e)
{
    ngx_str_t                   *row;
    const ngx_sandbox_result_t  *r;

    static ngx_str_t  no = ngx_string("0");
    static ngx_str_t  yes = ngx_string("1");

    r = &e->result;

    row = ngx_pcalloc(pool, NGX_SANDBOX_EXECUTION_COLUMNS * sizeof(ngx_str_t));
    if (row == NULL) {
        return NULL;
    }

    if (ngx_sandbox_execution_number(pool, &row[NGX_SANDBOX_EXECUTION_TIMEOUT],
                                     e->timeout_sec)
        != NGX_OK
        || ngx_sandbox_execution_number(pool,
                                      &row[NGX_SANDBOX_EXECUTION_MAX_RETRIES],
                                        e->max_retries)
           != NGX_OK)
    {
        return NULL;
    }

    if (r->has_exit_code
        && ngx_sandbox_execution_number(pool,
                                        &row[NGX_SANDBOX_EXECUTION_EXIT_CODE],
                                        r->exit_code)
           != NGX_OK)
    {
        return NULL;
    }

    row[NGX_SANDBOX_EXECUTION_ID] = e->id;
    row[NGX_SANDBOX_EXECUTION_SESSION] = e->session_id;
    row[NGX_SANDBOX_EXECUTION_STATUS] = r->status_name;
    row[NGX_SANDBOX_EXECUTION_CODE] = e->code;
    row[NGX_SANDBOX_EXECUTION_LANGUAGE] = e->language;
    row[NGX_SANDBOX_EXECUTION_ERROR] = r->error_message;
    row[NGX_SANDBOX_EXECUTION_DURATION] = r->duration_ms;
    row[NGX_SANDBOX_EXECUTION_STDOUT] = r->stdout_text.data
                                        ? r->stdout_text
                                        : ngx_sandbox_execution_empty;
    row[NGX_SANDBOX_EXECUTION_STDERR] = r->stderr_text.data
                                        ? r->stderr_text
                                        : ngx_sandbox_execution_empty;
    row[NGX_SANDBOX_EXECUTION_STDOUT_CUT] = r->stdout_dropped ? yes : no;
    row[NGX_SANDBOX_EXECUTION_STDERR_CUT] = r->stderr_dropped ? yes : no;
    row[NGX_SANDBOX_EXECUTION_METRICS] = r->metrics;
    row[NGX_SANDBOX_EXECUTION_RETRIES] = no;
    row[NGX_SANDBOX_EXECUTION_CREATED] = e->created_at;
    row[NGX_SANDBOX_EXECUTION_STARTED] = e->created_at;
    row[NGX_SANDBOX_EXECUTION_COMPLETED] = e->completed_at;
    row[NGX_SANDBOX_EXECUTION_DUE] = no;

    if (r->return_value.len) {
        row[NGX_SANDBOX_EXECUTION_RETURN] = r->return_value;
    }

    return row;
}


static ngx_int_t
ngx_sandbox_execution_number(ngx_pool_t *pool, ngx_str_t *value,
    ngx_int_t number)
{
    value->data = ngx_pnalloc(pool, NGX_INT_T_LEN);
    if (value->data == NULL) {
        return NGX_ERROR;
    }

    value->len = ngx_sprintf(value->data, "%i", number) - value->data;

    return NGX_OK;
}
