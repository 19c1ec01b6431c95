
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * What an executor reports of an execution: its result, or a question whether
 * it is still wanted.  A report may come twice, or too late; the row decides.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_execution_flow.h"
#include "ngx_sandbox_execution_store.h"
#include "ngx_sandbox_op.h"


static ngx_int_t ngx_sandbox_report_store(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_report_stored(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_report_read(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_report_owner(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_report_compare(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_report_wanted(ngx_sandbox_flow_t *f);


const ngx_sandbox_step_t  ngx_sandbox_report_result_steps[] = {

    { "storing a reported result",
      ngx_sandbox_report_store,
      ngx_sandbox_report_stored, NULL },

    { "reading the execution that was reported",
      ngx_sandbox_report_read,
      ngx_sandbox_report_compare, NULL },

      ngx_sandbox_null_step
};


const ngx_sandbox_step_t  ngx_sandbox_report_status_steps[] = {

    { "reading the execution that was asked for",
      ngx_sandbox_report_read,
      ngx_sandbox_report_wanted, NULL },

      ngx_sandbox_null_step
};


static ngx_int_t
ngx_sandbox_report_store(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_report_result_t  *e;

    e = f->data;

    return ngx_sandbox_execution_store(f, &e->id, &e->session_id, NULL,
                                       &e->result);
}


static ngx_int_t
ngx_sandbox_report_stored(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_report_result_t  *e;

    e = f->data;

    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    e->first = (ngx_sandbox_op_result(f)->affected > 0);

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_report_read(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_report_result_t  *e;

    e = f->data;

    ngx_sandbox_op_statement(f,
                 &ngx_sandbox_execution_stmts[NGX_SANDBOX_SQL_EXECUTION_GET]);
    ngx_sandbox_op_string(f, &e->id);

    return ngx_sandbox_op_query(f);
}


/* the token's session must be the execution's */

static ngx_int_t
ngx_sandbox_report_owner(ngx_sandbox_flow_t *f)
{
    ngx_str_t                    *session;
    ngx_sandbox_report_result_t  *e;

    e = f->data;

    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_sandbox_op_result(f)->rows == 0) {
        return ngx_sandbox_flow_fail(f,
                                     NGX_SANDBOX_INTERNAL_INVALID_EXECUTION,
                                     "no execution \"%V\"", &e->id);
    }

    session = ngx_sandbox_op_value(f, NGX_SANDBOX_EXECUTION_SESSION);

    if (session->len != e->session_id.len
        || ngx_memcmp(session->data, e->session_id.data, session->len) != 0)
    {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_INTERNAL_UNAUTHORIZED,
                                     "the token is another session's");
    }

    return NGX_OK;
}


/*
 * A row that another result has closed is told again, so that a report which is
 * repeated ends well.  One that was closed without has no metrics.
 */

static ngx_int_t
ngx_sandbox_report_compare(ngx_sandbox_flow_t *f)
{
    ngx_int_t                     attempt;
    ngx_str_t                    *status, *metrics;
    ngx_sandbox_report_result_t  *e;

    e = f->data;

    if (ngx_sandbox_report_owner(f) != NGX_OK) {
        return NGX_ERROR;
    }

    if (e->first) {
        return NGX_OK;
    }

    status = ngx_sandbox_op_value(f, NGX_SANDBOX_EXECUTION_STATUS);
    metrics = ngx_sandbox_op_value(f, NGX_SANDBOX_EXECUTION_METRICS);
    attempt = ngx_sandbox_value_number(ngx_sandbox_op_value(f,
                                          NGX_SANDBOX_EXECUTION_RETRIES)) + 1;

    if (attempt != e->result.attempt
        || !ngx_sandbox_execution_is_over(status)
        || metrics->data == NULL)
    {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_INTERNAL_STATE_CONFLICT,
                                     "the execution is %V, attempt %i of it "
                                     "was given up", status,
                                     e->result.attempt);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_report_wanted(ngx_sandbox_flow_t *f)
{
    ngx_str_t  *status;

    if (ngx_sandbox_report_owner(f) != NGX_OK) {
        return NGX_ERROR;
    }

    status = ngx_sandbox_op_value(f, NGX_SANDBOX_EXECUTION_STATUS);

    if (ngx_sandbox_execution_is_over(status)) {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_INTERNAL_STATE_CONFLICT,
                                     "the execution is %V", status);
    }

    return NGX_OK;
}
