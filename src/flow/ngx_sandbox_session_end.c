
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Terminate and delete: state first, then the answer, then the container,
 * which the flow that is handed over removes.  Both may be repeated: a second
 * call hands the removal over again, so one that was cut short is completed.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_op.h"
#include "ngx_sandbox_session_flow.h"
#include "ngx_sandbox_session_store.h"


static ngx_int_t ngx_sandbox_session_by_id(ngx_sandbox_flow_t *f,
    ngx_uint_t stmt);
static ngx_int_t ngx_sandbox_session_terminate(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_session_hide(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_session_read_visible(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_session_read_any(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_session_exists(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_session_clean_up(ngx_sandbox_flow_t *f);


const ngx_sandbox_step_t  ngx_sandbox_session_terminate_steps[] = {

    { "terminating the session",
      ngx_sandbox_session_terminate, NULL, NULL },

    { "reading the session back",
      ngx_sandbox_session_read_visible,
      ngx_sandbox_session_exists, NULL },

    { "handing over the clean-up",
      ngx_sandbox_session_clean_up, NULL, NULL },

      ngx_sandbox_null_step
};


const ngx_sandbox_step_t  ngx_sandbox_session_delete_steps[] = {

    { "hiding the session",
      ngx_sandbox_session_hide, NULL, NULL },

    { "looking whether it ever existed",
      ngx_sandbox_session_read_any,
      ngx_sandbox_session_exists, NULL },

    { "handing over the clean-up",
      ngx_sandbox_session_clean_up, NULL, NULL },

      ngx_sandbox_null_step
};


static ngx_int_t
ngx_sandbox_session_by_id(ngx_sandbox_flow_t *f, ngx_uint_t stmt)
{
    ngx_sandbox_session_id_t  *s;

    s = f->data;

    ngx_sandbox_op_statement(f, &ngx_sandbox_session_stmts[stmt]);
    ngx_sandbox_op_string(f, &s->id);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_session_terminate(ngx_sandbox_flow_t *f)
{
    return ngx_sandbox_session_by_id(f, NGX_SANDBOX_SQL_SESSION_TERMINATE);
}


static ngx_int_t
ngx_sandbox_session_hide(ngx_sandbox_flow_t *f)
{
    return ngx_sandbox_session_by_id(f, NGX_SANDBOX_SQL_SESSION_HIDE);
}


static ngx_int_t
ngx_sandbox_session_read_visible(ngx_sandbox_flow_t *f)
{
    return ngx_sandbox_session_by_id(f, NGX_SANDBOX_SQL_SESSION_GET);
}


static ngx_int_t
ngx_sandbox_session_read_any(ngx_sandbox_flow_t *f)
{
    return ngx_sandbox_session_by_id(f, NGX_SANDBOX_SQL_SESSION_ANY);
}


static ngx_int_t
ngx_sandbox_session_exists(ngx_sandbox_flow_t *f)
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


static ngx_int_t
ngx_sandbox_session_clean_up(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_id_t  *s;

    s = f->data;

    return ngx_sandbox_op_hand_over(f, "sessions", &s->id, "settle");
}
