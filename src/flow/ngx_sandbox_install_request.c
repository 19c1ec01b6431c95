
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * An install is asked for: what was installed before belongs to it, so that all
 * packages of a session are chosen together, and one failed install changes
 * nothing.  It is handed over after the answer; one whose report does not come
 * is ended by the reconciler.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox.h"
#include "ngx_sandbox_dependency.h"
#include "ngx_sandbox_install_flow.h"
#include "ngx_sandbox_install_store.h"
#include "ngx_sandbox_op.h"
#include "ngx_sandbox_session_store.h"


static ngx_int_t ngx_sandbox_install_read(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_install_found(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_install_merge(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_install_request(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_install_requested(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_install_hand_over(ngx_sandbox_flow_t *f);


const ngx_sandbox_step_t  ngx_sandbox_install_request_steps[] = {

    { "reading the session to install for",
      ngx_sandbox_install_read,
      ngx_sandbox_install_found, NULL },

    { "requesting the install",
      ngx_sandbox_install_request,
      ngx_sandbox_install_requested, NULL },

    { "reading the session back",
      ngx_sandbox_install_read, NULL, NULL },

    { "handing over the install",
      ngx_sandbox_install_hand_over, NULL, NULL },

      ngx_sandbox_null_step
};


static ngx_int_t
ngx_sandbox_install_read(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_install_request_t  *in;

    in = f->data;

    ngx_sandbox_op_statement(f,
                     &ngx_sandbox_session_stmts[NGX_SANDBOX_SQL_SESSION_GET]);
    ngx_sandbox_op_string(f, &in->id);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_install_found(ngx_sandbox_flow_t *f)
{
    ngx_str_t                      *status, *overdue, *runtime;
    ngx_sandbox_install_request_t  *in;

    in = f->data;

    if (f->op_rc != NGX_OK) {
        return f->op_rc;
    }

    if (ngx_sandbox_op_result(f)->rows == 0) {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_SESSION_NOT_FOUND,
                                     "no session \"%V\"", &in->id);
    }

    status = ngx_sandbox_op_value(f, NGX_SANDBOX_SESSION_STATUS);
    overdue = ngx_sandbox_op_value(f, NGX_SANDBOX_SESSION_OVERDUE);

    if (!ngx_sandbox_value_is(status, "running")
        || ngx_sandbox_value_is(overdue, "1"))
    {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_SESSION_NOT_RUNNING,
                                     "the session is %V", status);
    }

    status = ngx_sandbox_op_value(f, NGX_SANDBOX_SESSION_INSTALL_STATUS);

    if (ngx_sandbox_value_is(status, "installing")) {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_CONFLICT,
                                     "packages are being installed for the "
                                     "session already");
    }

    runtime = ngx_sandbox_op_value(f, NGX_SANDBOX_SESSION_LANGUAGE_RUNTIME);

    if (ngx_sandbox_install_check(f, runtime, &in->asked, &in->index_url,
                                  &in->kind)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    in->epoch = *ngx_sandbox_op_value(f, NGX_SANDBOX_SESSION_INSTALL_EPOCH);

    return ngx_sandbox_install_merge(f);
}


static ngx_int_t
ngx_sandbox_install_merge(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_items_t             kept;
    ngx_sandbox_install_request_t  *in;

    in = f->data;

    if (ngx_sandbox_dependencies_read(f->pool,
                        ngx_sandbox_op_value(f, NGX_SANDBOX_SESSION_KEPT),
                        &kept)
        != NGX_OK)
    {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_INTERNAL_ERROR,
                                     "the session's packages cannot be read");
    }

    if (kept.nelts + in->asked.nelts > NGX_SANDBOX_INSTALLED_MAX) {
        (void) ngx_sandbox_flow_fail(f, NGX_SANDBOX_INVALID_PARAMETER,
                                     "dependencies: %d packages at most can "
                                     "be asked for in a session",
                                     NGX_SANDBOX_INSTALLED_MAX);
        f->error.status = 422;

        return NGX_ERROR;
    }

    return ngx_sandbox_dependencies_merge(f->pool, in->kind, &kept, &in->asked,
                                          &in->packages);
}


static ngx_int_t
ngx_sandbox_install_request(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_install_request_t  *in;

    in = f->data;

    ngx_sandbox_op_statement(f,
                 &ngx_sandbox_install_stmts[NGX_SANDBOX_SQL_INSTALL_REQUEST]);
    ngx_sandbox_op_string(f, &in->packages);
    ngx_sandbox_op_int(f, NGX_SANDBOX_INSTALL_GRACE);
    ngx_sandbox_op_string(f, &in->index_url);
    ngx_sandbox_op_string(f, &in->id);
    ngx_sandbox_op_string(f, &in->epoch);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_install_requested(ngx_sandbox_flow_t *f)
{
    if (f->op_rc != NGX_OK) {
        return f->op_rc;
    }

    if (ngx_sandbox_op_result(f)->affected == 0) {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_CONFLICT,
                                     "the session has changed just now");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_install_hand_over(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_install_request_t  *in;

    in = f->data;

    return ngx_sandbox_op_hand_over(f, "sessions", &in->id, "install");
}
