
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The executor reports that it is ready.  Its folder is sealed first: a
 * session that is running has a socket which nothing can replace.  The report
 * may come twice, or after the session has ended; the row decides.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_node.h"
#include "ngx_sandbox_op.h"
#include "ngx_sandbox_session_dir.h"
#include "ngx_sandbox_session_flow.h"
#include "ngx_sandbox_session_store.h"


static ngx_int_t ngx_sandbox_ready_read(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_ready_found(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_ready_seal(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_ready_mark(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_ready_marked(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_ready_reread(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_ready_compare(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_ready_install(ngx_sandbox_flow_t *f);


const ngx_sandbox_step_t  ngx_sandbox_session_ready_steps[] = {

    { "reading the session that is ready",
      ngx_sandbox_ready_read,
      ngx_sandbox_ready_found, NULL },

    { "sealing the session's folder",
      ngx_sandbox_ready_seal, NULL, NULL },

    { "marking session and container running",
      ngx_sandbox_ready_mark,
      ngx_sandbox_ready_marked, NULL },

    { "looking why it was not marked",
      ngx_sandbox_ready_reread,
      ngx_sandbox_ready_compare, NULL },

    { "handing over the install of its packages",
      ngx_sandbox_ready_install, NULL, NULL },

      ngx_sandbox_null_step
};


static ngx_int_t
ngx_sandbox_ready_read(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_start_t  *s;

    s = f->data;

    ngx_sandbox_op_statement(f,
                     &ngx_sandbox_session_stmts[NGX_SANDBOX_SQL_SESSION_ANY]);
    ngx_sandbox_op_string(f, &s->id);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_ready_found(ngx_sandbox_flow_t *f)
{
    ngx_str_t                    *status, *container, *install;
    ngx_sandbox_session_start_t  *s;

    s = f->data;

    if (f->op_rc != NGX_OK) {
        return f->op_rc;
    }

    if (ngx_sandbox_op_result(f)->rows == 0) {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_SESSION_NOT_FOUND,
                                     "no session \"%V\"", &s->id);
    }

    status = ngx_sandbox_op_value(f, NGX_SANDBOX_SESSION_STATUS);
    container = ngx_sandbox_op_value(f, NGX_SANDBOX_SESSION_CONTAINER);

    if (ngx_sandbox_value_is(status, "running")) {
        return NGX_DONE;
    }

    if (!ngx_sandbox_value_is(status, "creating") || container->data == NULL) {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_INTERNAL_STATE_CONFLICT,
                                     "the session is %V", status);
    }

    s->container = *container;

    install = ngx_sandbox_op_value(f, NGX_SANDBOX_SESSION_INSTALL_STATUS);

    /* asked for when it was created, or lost with an earlier container */

    s->installs = ngx_sandbox_value_is(install, "installing");

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_ready_seal(ngx_sandbox_flow_t *f)
{
    ngx_str_t                     path;
    ngx_sandbox_session_start_t  *s;

    s = f->data;

    if (ngx_sandbox_session_dir_path(f->pool, &f->node->state_path->name,
                                     &s->id, &path)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_sandbox_session_dir_seal(&path, f->log) != NGX_OK) {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_INTERNAL_STATE_CONFLICT,
                                     "the session has no folder here");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_ready_mark(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_start_t  *s;

    s = f->data;

    ngx_sandbox_op_statement(f,
                 &ngx_sandbox_session_stmts[NGX_SANDBOX_SQL_SESSION_RUNNING]);
    ngx_sandbox_op_string(f, &s->isolation);
    ngx_sandbox_op_string(f, &s->id);
    ngx_sandbox_op_string(f, &s->container);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_ready_marked(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_start_t  *s;

    s = f->data;

    if (f->op_rc != NGX_OK) {
        return f->op_rc;
    }

    if (ngx_sandbox_op_result(f)->affected == 0) {
        return NGX_OK;
    }

    s->marked = 1;

    return s->installs ? NGX_OK : NGX_DONE;
}


static ngx_int_t
ngx_sandbox_ready_reread(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_start_t  *s;

    s = f->data;

    return s->marked ? NGX_OK : ngx_sandbox_ready_read(f);
}


/*
 * Another report may have been quicker: one of the same executor, whose worker
 * died before it could answer.
 */

static ngx_int_t
ngx_sandbox_ready_compare(ngx_sandbox_flow_t *f)
{
    ngx_str_t  *status;

    if (f->op_rc != NGX_OK) {
        return f->op_rc;
    }

    if (ngx_sandbox_op_result(f)->rows) {
        status = ngx_sandbox_op_value(f, NGX_SANDBOX_SESSION_STATUS);

        if (ngx_sandbox_value_is(status, "running")) {
            return NGX_OK;
        }
    }

    return ngx_sandbox_flow_fail(f, NGX_SANDBOX_INTERNAL_STATE_CONFLICT,
                                 "the session is not being created");
}


/* by the one whose report made it run; if that is lost, it will be due */

static ngx_int_t
ngx_sandbox_ready_install(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_start_t  *s;

    s = f->data;

    if (!s->marked) {
        return NGX_OK;
    }

    return ngx_sandbox_op_hand_over(f, "sessions", &s->id, "install-begin");
}
