
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * GET /sessions/{id}.  A state that has lapsed (a start that was cut short, a
 * session past its time) is settled by whoever looks first, so what is shown
 * is the truth; its container is removed by the flow that is handed over.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_op.h"
#include "ngx_sandbox_session_flow.h"
#include "ngx_sandbox_session_store.h"


static ngx_int_t ngx_sandbox_session_read(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_session_found(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_session_lapse(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_session_lapsed(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_session_reread(ngx_sandbox_flow_t *f);


const ngx_sandbox_step_t  ngx_sandbox_session_read_steps[] = {

    { "reading the session",
      ngx_sandbox_session_read,
      ngx_sandbox_session_found, NULL },

    { "settling an overdue session",
      ngx_sandbox_session_lapse,
      ngx_sandbox_session_lapsed, NULL },

    { "reading the session again",
      ngx_sandbox_session_read,
      ngx_sandbox_session_reread, NULL },

      ngx_sandbox_null_step
};


static ngx_int_t
ngx_sandbox_session_read(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_id_t  *s;

    s = f->data;

    ngx_sandbox_op_statement(f,
                     &ngx_sandbox_session_stmts[NGX_SANDBOX_SQL_SESSION_GET]);
    ngx_sandbox_op_string(f, &s->id);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_session_found(ngx_sandbox_flow_t *f)
{
    ngx_int_t                  rc;
    ngx_str_t                 *overdue;
    ngx_sandbox_session_id_t  *s;

    s = f->data;

    rc = ngx_sandbox_session_reread(f);
    if (rc != NGX_OK) {
        return rc;
    }

    overdue = ngx_sandbox_op_value(f, NGX_SANDBOX_SESSION_OVERDUE);

    if (!ngx_sandbox_value_is(overdue, "1")) {
        return NGX_DONE;
    }

    ngx_log_error(NGX_LOG_NOTICE, f->log, 0,
                  "sandbox: session %V is overdue", &s->id);

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_session_lapse(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_id_t  *s;

    s = f->data;

    ngx_sandbox_op_statement(f,
                  &ngx_sandbox_session_stmts[NGX_SANDBOX_SQL_SESSION_SETTLE]);
    ngx_sandbox_op_string(f, &s->id);
    ngx_sandbox_op_int(f, f->node->session_restarts);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_session_lapsed(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_id_t  *s;

    s = f->data;

    if (f->op_rc != NGX_OK) {
        return f->op_rc;
    }

    return ngx_sandbox_op_hand_over(f, "sessions", &s->id, "settle");
}


static ngx_int_t
ngx_sandbox_session_reread(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_id_t  *s;

    s = f->data;

    if (f->op_rc != NGX_OK) {
        return f->op_rc;
    }

    if (ngx_sandbox_op_result(f)->rows == 0) {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_SESSION_NOT_FOUND,
                                     "no session \"%V\"", &s->id);
    }

    return NGX_OK;
}
