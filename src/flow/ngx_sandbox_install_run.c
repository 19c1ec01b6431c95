
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The executor is told what to install, and answers at once.  It may be told
 * twice: it knows the number of what it does.  What it does not take has
 * failed.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox.h"
#include "ngx_sandbox_dependency.h"
#include "ngx_sandbox_install_flow.h"
#include "ngx_sandbox_install_store.h"
#include "ngx_sandbox_json_writer.h"
#include "ngx_sandbox_op.h"
#include "ngx_sandbox_session_store.h"


#define NGX_SANDBOX_INSTALL_CALL_MS     10000
#define NGX_SANDBOX_INSTALL_ANSWER_MAX  4096    /* bytes */


static ngx_int_t ngx_sandbox_install_begin(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_install_begun(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_install_look(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_install_seen(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_install_call(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_install_packages(ngx_sandbox_flow_t *f,
    ngx_uint_t kind, ngx_str_t *ret_packages);
static ngx_int_t ngx_sandbox_install_body(ngx_sandbox_flow_t *f,
    const ngx_sandbox_package_index_t *index, ngx_str_t *packages);
static ngx_int_t ngx_sandbox_install_taken(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_install_fail(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_install_overdue(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_install_ended(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_install_settle(ngx_sandbox_flow_t *f);


#define NGX_SANDBOX_INSTALL_RUN                                               \
                                                                              \
    { "reading what to install",                                              \
      ngx_sandbox_install_look,                                               \
      ngx_sandbox_install_seen, NULL },                                       \
                                                                              \
    { "handing the install to the executor",                                  \
      ngx_sandbox_install_call,                                               \
      ngx_sandbox_install_taken, NULL },                                      \
                                                                              \
    { "storing that the install failed",                                      \
      ngx_sandbox_install_fail, NULL, NULL },                                 \
                                                                              \
    { "handing over a session that fails with it",                            \
      ngx_sandbox_install_settle, NULL, NULL },                               \
                                                                              \
      ngx_sandbox_null_step


const ngx_sandbox_step_t  ngx_sandbox_install_run_steps[] = {
    NGX_SANDBOX_INSTALL_RUN
};


const ngx_sandbox_step_t  ngx_sandbox_install_begin_steps[] = {

    { "beginning the session's first install",
      ngx_sandbox_install_begin,
      ngx_sandbox_install_begun, NULL },

    NGX_SANDBOX_INSTALL_RUN
};


const ngx_sandbox_step_t  ngx_sandbox_install_settle_steps[] = {

    { "ending an install that is due",
      ngx_sandbox_install_overdue,
      ngx_sandbox_install_ended, NULL },

    NGX_SANDBOX_INSTALL_RUN
};


const ngx_sandbox_package_index_t *
ngx_sandbox_install_index(ngx_sandbox_flow_t *f)
{
    ngx_str_t   *runtime;
    ngx_uint_t   kind;

    runtime = ngx_sandbox_op_value(f, NGX_SANDBOX_SESSION_LANGUAGE_RUNTIME);

    if (ngx_sandbox_package_kind(runtime, &kind) != NGX_OK) {
        return NULL;
    }

    return ngx_sandbox_package_find(f->node->packages, kind,
                            ngx_sandbox_op_value(f, NGX_SANDBOX_SESSION_INDEX));
}


static ngx_int_t
ngx_sandbox_install_begin(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_install_run_t  *in;

    in = f->data;

    ngx_sandbox_op_statement(f,
                   &ngx_sandbox_install_stmts[NGX_SANDBOX_SQL_INSTALL_BEGIN]);
    ngx_sandbox_op_int(f, NGX_SANDBOX_INSTALL_GRACE);
    ngx_sandbox_op_string(f, &in->id);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_install_begun(ngx_sandbox_flow_t *f)
{
    if (f->op_rc != NGX_OK) {
        return f->op_rc;
    }

    return ngx_sandbox_op_result(f)->affected ? NGX_OK : NGX_DONE;
}


static ngx_int_t
ngx_sandbox_install_look(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_install_run_t  *in;

    in = f->data;

    ngx_sandbox_op_statement(f,
                     &ngx_sandbox_session_stmts[NGX_SANDBOX_SQL_SESSION_GET]);
    ngx_sandbox_op_string(f, &in->id);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_install_seen(ngx_sandbox_flow_t *f)
{
    ngx_str_t                  *status, *install;
    ngx_sandbox_install_run_t  *in;

    in = f->data;

    if (f->op_rc != NGX_OK) {
        return f->op_rc;
    }

    if (ngx_sandbox_op_result(f)->rows == 0) {
        return NGX_DONE;
    }

    status = ngx_sandbox_op_value(f, NGX_SANDBOX_SESSION_STATUS);
    install = ngx_sandbox_op_value(f, NGX_SANDBOX_SESSION_INSTALL_STATUS);

    if (!ngx_sandbox_value_is(status, "running")
        || !ngx_sandbox_value_is(install, "installing"))
    {
        return NGX_DONE;
    }

    in->epoch = *ngx_sandbox_op_value(f, NGX_SANDBOX_SESSION_INSTALL_EPOCH);

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_install_call(ngx_sandbox_flow_t *f)
{
    ngx_str_t                           packages;
    ngx_sandbox_install_run_t          *in;
    const ngx_sandbox_package_index_t  *index;

    in = f->data;
    index = ngx_sandbox_install_index(f);

    if (index == NULL) {
        ngx_str_set(&in->error, "this instance has no package index for it");
        return NGX_OK;
    }

    if (ngx_sandbox_install_packages(f, index->kind, &packages) != NGX_OK
        || ngx_sandbox_install_body(f, index, &packages) != NGX_OK)
    {
        return NGX_ERROR;
    }

    in->kind = index->kind;
    in->call.method = "POST";
    ngx_str_set(&in->call.uri, "/v1/installs");
    in->call.timeout = NGX_SANDBOX_INSTALL_CALL_MS;
    in->call.max_body = NGX_SANDBOX_INSTALL_ANSWER_MAX;

    return ngx_sandbox_op_executor(f, &in->call, &in->id);
}


/* a new container gets the versions that the one before it had */

static ngx_int_t
ngx_sandbox_install_packages(ngx_sandbox_flow_t *f, ngx_uint_t kind,
    ngx_str_t *ret_packages)
{
    ngx_str_t            *asked, *kept, *restarts, *installed;
    ngx_sandbox_items_t   packages, there;

    asked = ngx_sandbox_op_value(f, NGX_SANDBOX_SESSION_REQUESTED);
    kept = ngx_sandbox_op_value(f, NGX_SANDBOX_SESSION_KEPT);
    restarts = ngx_sandbox_op_value(f, NGX_SANDBOX_SESSION_RESTARTS);
    installed = ngx_sandbox_op_value(f, NGX_SANDBOX_SESSION_INSTALLED);

    if (ngx_sandbox_value_number(restarts) == 0
        || asked->len != kept->len
        || ngx_memcmp(asked->data, kept->data, kept->len) != 0)
    {
        *ret_packages = *asked;
        return NGX_OK;
    }

    if (ngx_sandbox_dependencies_read(f->pool, asked, &packages) != NGX_OK
        || ngx_sandbox_dependencies_read(f->pool, installed, &there)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_sandbox_dependencies_pin(f->pool, kind, &packages, &there,
                                        ret_packages);
}


static ngx_int_t
ngx_sandbox_install_body(ngx_sandbox_flow_t *f,
    const ngx_sandbox_package_index_t *index, ngx_str_t *packages)
{
    u_char                      buf[sizeof("install_") + NGX_INT64_LEN];
    ngx_str_t                   id, path, *conflicts;
    ngx_sandbox_json_t          json;
    ngx_sandbox_install_run_t  *in;

    in = f->data;

    if (ngx_sandbox_package_index_path(f->pool, index, &path) != NGX_OK) {
        return NGX_ERROR;
    }

    id.data = buf;
    id.len = ngx_snprintf(buf, sizeof(buf), "install_%V", &in->epoch) - buf;

    conflicts = ngx_sandbox_op_value(f, NGX_SANDBOX_SESSION_CONFLICTS);

    ngx_sandbox_json_init(&json, f->pool, 512 + packages->len);
    ngx_sandbox_json_object_start(&json);
    ngx_sandbox_json_literal_key(&json, "install_id");
    ngx_sandbox_json_string(&json, &id);
    ngx_sandbox_json_literal_key(&json, "kind");
    ngx_sandbox_json_string(&json,
                            &ngx_sandbox_package_installers[index->kind]);
    ngx_sandbox_json_literal_key(&json, "packages");
    ngx_sandbox_json_raw(&json, packages);
    ngx_sandbox_json_literal_key(&json, "index");
    ngx_sandbox_json_string(&json, &path);
    ngx_sandbox_json_literal_key(&json, "timeout");
    ngx_sandbox_json_number(&json,
               ngx_sandbox_op_value(f, NGX_SANDBOX_SESSION_INSTALL_TIMEOUT));
    ngx_sandbox_json_literal_key(&json, "allow_version_conflicts");
    ngx_sandbox_json_bool(&json, ngx_sandbox_value_is(conflicts, "1"));
    ngx_sandbox_json_object_end(&json);

    return ngx_sandbox_json_finish(&json, &in->call.body);
}


static ngx_int_t
ngx_sandbox_install_taken(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_install_run_t  *in;

    static ngx_str_t  no_pip =
        ngx_string("the session's image has no pip: use one that has it, as "
                   "the template python-basic does");
    static ngx_str_t  no_npm =
        ngx_string("the session's image has no npm: use one that has it, as "
                   "the template nodejs-basic does");

    in = f->data;

    if (in->call.rc == NGX_OK && in->call.status == NGX_HTTP_ACCEPTED) {
        return NGX_DONE;
    }

    f->error.id = NGX_SANDBOX_NO_ERROR;

    if (in->again
        && (in->call.rc != NGX_OK || in->call.status == NGX_HTTP_CONFLICT))
    {
        /* it may be at work on it: nothing is given up before it is due */
        return NGX_DONE;
    }

    if (in->call.rc != NGX_OK) {
        ngx_str_set(&in->error, "the sandbox does not answer");

    } else if (in->call.status == NGX_HTTP_NOT_FOUND) {
        in->error = in->kind == NGX_SANDBOX_PACKAGE_NPM ? no_npm : no_pip;

    } else if (in->call.status == NGX_HTTP_CONFLICT) {
        ngx_str_set(&in->error, "an earlier install is still being ended");

    } else if (in->call.status == NGX_HTTP_SERVICE_UNAVAILABLE) {
        ngx_str_set(&in->error, "the sandbox cannot install it: its workspace "
                                "is full, or \".packages\" there is no "
                                "folder, or no process can be started");

    } else {
        ngx_str_set(&in->error, "the sandbox has refused to install it");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_install_fail(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_install_run_t  *in;

    in = f->data;

    ngx_log_error(NGX_LOG_WARN, f->log, 0,
                  "sandbox: nothing is installed for session %V: %V",
                  &in->id, &in->error);

    ngx_sandbox_op_statement(f,
                    &ngx_sandbox_install_stmts[NGX_SANDBOX_SQL_INSTALL_FAIL]);
    ngx_sandbox_op_string(f, &in->error);
    ngx_sandbox_op_string(f, &in->id);
    ngx_sandbox_op_string(f, &in->epoch);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_install_overdue(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_install_run_t  *in;

    in = f->data;
    in->again = 1;

    ngx_sandbox_op_statement(f,
                 &ngx_sandbox_install_stmts[NGX_SANDBOX_SQL_INSTALL_OVERDUE]);
    ngx_sandbox_op_literal(f, "timed out: the sandbox has not told what "
                              "became of it");
    ngx_sandbox_op_string(f, &in->id);

    return ngx_sandbox_op_query(f);
}


/* if it is not, its hand-over may have died with a worker */

static ngx_int_t
ngx_sandbox_install_ended(ngx_sandbox_flow_t *f)
{
    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_sandbox_op_result(f)->affected == 0) {
        return NGX_OK;
    }

    (void) ngx_sandbox_install_settle(f);

    return NGX_DONE;
}


static ngx_int_t
ngx_sandbox_install_settle(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_install_run_t  *in;

    in = f->data;

    return ngx_sandbox_op_hand_over(f, "sessions", &in->id, "settle");
}
