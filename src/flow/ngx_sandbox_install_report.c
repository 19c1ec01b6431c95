
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * What an executor tells and asks while it installs.  Its report may come
 * twice, or when another install has begun: the number decides.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox.h"
#include "ngx_sandbox_install_flow.h"
#include "ngx_sandbox_install_store.h"
#include "ngx_sandbox_op.h"
#include "ngx_sandbox_session_store.h"


#define NGX_SANDBOX_INSTALL_TRIES  40
#define NGX_SANDBOX_INSTALL_PAUSE  500    /* ms */


static ngx_int_t ngx_sandbox_install_store(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_install_stored(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_install_repeated(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_install_compare(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_install_ask(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_install_pause(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_install_allowed(ngx_sandbox_flow_t *f);


const ngx_sandbox_step_t  ngx_sandbox_install_report_steps[] = {

    { "storing an install",
      ngx_sandbox_install_store,
      ngx_sandbox_install_stored, NULL },

    { "looking what was stored before",
      ngx_sandbox_install_repeated,
      ngx_sandbox_install_compare, NULL },

      ngx_sandbox_null_step
};


const ngx_sandbox_step_t  ngx_sandbox_install_package_steps[] = {

    { "looking whether the session installs",
      ngx_sandbox_install_ask,
      ngx_sandbox_install_allowed, NULL },

      ngx_sandbox_null_step
};


static ngx_int_t
ngx_sandbox_install_store(ngx_sandbox_flow_t *f)
{
    ngx_uint_t                     stmt;
    ngx_sandbox_install_report_t  *in;

    in = f->data;

    stmt = in->error.data ? NGX_SANDBOX_SQL_INSTALL_FAIL
                          : NGX_SANDBOX_SQL_INSTALL_COMPLETE;

    ngx_sandbox_op_statement(f, &ngx_sandbox_install_stmts[stmt]);
    ngx_sandbox_op_string(f, in->error.data ? &in->error : &in->installed);
    ngx_sandbox_op_string(f, &in->id);
    ngx_sandbox_op_int(f, in->epoch);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_install_stored(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_install_report_t  *in;

    in = f->data;

    if (f->op_rc != NGX_OK) {
        return f->op_rc;
    }

    if (ngx_sandbox_op_result(f)->affected == 0) {
        return NGX_OK;
    }

    /* the session may have failed with it */

    if (in->error.data
        && ngx_sandbox_op_hand_over(f, "sessions", &in->id, "settle")
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_DONE;
}


static ngx_int_t
ngx_sandbox_install_repeated(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_install_report_t  *in;

    in = f->data;

    ngx_sandbox_op_statement(f,
                     &ngx_sandbox_session_stmts[NGX_SANDBOX_SQL_SESSION_ANY]);
    ngx_sandbox_op_string(f, &in->id);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_install_compare(ngx_sandbox_flow_t *f)
{
    ngx_str_t                     *epoch;
    ngx_sandbox_install_report_t  *in;

    in = f->data;

    if (f->op_rc != NGX_OK) {
        return f->op_rc;
    }

    if (ngx_sandbox_op_result(f)->rows == 0) {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_SESSION_NOT_FOUND,
                                     "no session \"%V\"", &in->id);
    }

    epoch = ngx_sandbox_op_value(f, NGX_SANDBOX_SESSION_INSTALL_EPOCH);

    if (ngx_sandbox_value_number(epoch) != in->epoch) {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_INTERNAL_STATE_CONFLICT,
                                     "it is not the session's install %V",
                                     epoch);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_install_ask(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_install_package_t  *in;

    in = f->data;

    ngx_sandbox_op_statement(f,
                     &ngx_sandbox_session_stmts[NGX_SANDBOX_SQL_SESSION_GET]);
    ngx_sandbox_op_string(f, &in->id);

    return ngx_sandbox_op_query(f);
}


/* an installer has less patience than MariaDB needs to be there again */

static ngx_int_t
ngx_sandbox_install_pause(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_install_package_t  *in;

    in = f->data;

    if (f->error.id != NGX_SANDBOX_DATABASE_UNAVAILABLE
        || in->tries++ == NGX_SANDBOX_INSTALL_TRIES)
    {
        return f->op_rc;
    }

    f->error.id = NGX_SANDBOX_NO_ERROR;
    in->paused = 1;

    return ngx_sandbox_op_delay(f, NGX_SANDBOX_INSTALL_PAUSE);
}


static ngx_int_t
ngx_sandbox_install_allowed(ngx_sandbox_flow_t *f)
{
    ngx_str_t                      *status, *install;
    ngx_sandbox_install_package_t  *in;

    in = f->data;

    if (in->paused) {
        in->paused = 0;
        return ngx_sandbox_install_ask(f);
    }

    if (f->op_rc != NGX_OK) {
        return ngx_sandbox_install_pause(f);
    }

    if (ngx_sandbox_op_result(f)->rows) {
        status = ngx_sandbox_op_value(f, NGX_SANDBOX_SESSION_STATUS);
        install = ngx_sandbox_op_value(f, NGX_SANDBOX_SESSION_INSTALL_STATUS);

        if (ngx_sandbox_value_is(status, "running")
            && ngx_sandbox_value_is(install, "installing")
            && ngx_sandbox_install_index(f) == in->target.index)
        {
            return NGX_OK;
        }
    }

    return ngx_sandbox_flow_fail(f, NGX_SANDBOX_FORBIDDEN,
                                 "the session installs nothing from there "
                                 "now");
}
