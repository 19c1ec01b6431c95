
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Packages: the client's request for them, and what the executor tells and asks
 * while they are installed.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_sandbox.h"
#include "ngx_sandbox_api.h"
#include "ngx_sandbox_dependency.h"
#include "ngx_sandbox_id.h"
#include "ngx_sandbox_install_flow.h"
#include "ngx_sandbox_op.h"


#define NGX_SANDBOX_INSTALL_ID  "install_"


typedef struct {
    ngx_sandbox_fields_t   fields;
    ngx_sandbox_items_t    dependencies;
    ngx_str_t              index_url;
} ngx_sandbox_install_body_t;


typedef struct {
    ngx_sandbox_fields_t   fields;
    ngx_str_t              install_id;
    ngx_uint_t             status;
    ngx_sandbox_items_t    installed;
    ngx_str_t              error;
} ngx_sandbox_installed_body_t;


static void ngx_sandbox_install_flow(ngx_sandbox_api_t *a,
    const ngx_sandbox_step_t *steps);
static void ngx_sandbox_install_show(ngx_sandbox_flow_t *f, ngx_int_t rc);
static void ngx_sandbox_package_pass(ngx_sandbox_flow_t *f, ngx_int_t rc);


static ngx_str_t  ngx_sandbox_installed_states[] = {
    ngx_string("completed"),
    ngx_string("failed"),
    ngx_null_string
};


static const ngx_sandbox_field_t  ngx_sandbox_install_body[] = {

    { ngx_string("dependencies"), NGX_SANDBOX_FIELD_DEPENDENCIES,
      NGX_SANDBOX_FIELD_REQUIRED, 0, NGX_SANDBOX_DEPENDENCIES_MAX,
      offsetof(ngx_sandbox_install_body_t, dependencies), NULL, NULL, NULL },

    { ngx_string("python_package_index_url"), NGX_SANDBOX_FIELD_STRING,
      NGX_SANDBOX_FIELD_NULLABLE|NGX_SANDBOX_FIELD_LINE, 0, 512,
      offsetof(ngx_sandbox_install_body_t, index_url), NULL, NULL, NULL },

      ngx_sandbox_null_field
};


#define FIELD(name, type, flags, min, max, member, data)                      \
    { ngx_string(name), NGX_SANDBOX_FIELD_##type, flags, min, max,            \
      offsetof(ngx_sandbox_installed_body_t, member), data, NULL, NULL }

static const ngx_sandbox_field_t  ngx_sandbox_installed_body[] = {
    FIELD("install_id", STRING,
          NGX_SANDBOX_FIELD_REQUIRED|NGX_SANDBOX_FIELD_LINE, 1, 64,
          install_id, NULL),
    FIELD("status", ENUM, NGX_SANDBOX_FIELD_REQUIRED, 0, 0, status,
          ngx_sandbox_installed_states),
    FIELD("installed", DEPENDENCIES,
          NGX_SANDBOX_FIELD_REQUIRED|NGX_SANDBOX_FIELD_REPEAT, 0,
          NGX_SANDBOX_INSTALLED_MAX, installed, NULL),
    FIELD("error", STRING, NGX_SANDBOX_FIELD_NULLABLE, 0,
          NGX_SANDBOX_ERROR_MAX, error, NULL),
      ngx_sandbox_null_field
};

#undef FIELD


void
ngx_sandbox_install_api(ngx_sandbox_api_t *a)
{
    ngx_sandbox_install_body_t      body;
    ngx_sandbox_install_request_t  *in;

    if (!ngx_sandbox_id_valid(&a->params[0])) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_SESSION_NOT_FOUND,
                                  "no session has such an id");
        return;
    }

    ngx_memzero(&body, sizeof(ngx_sandbox_install_body_t));

    if (ngx_sandbox_api_body(a, ngx_sandbox_install_body, &body) != NGX_OK) {
        return;
    }

    if (body.dependencies.nelts == 0) {
        ngx_sandbox_install_refuse(a, "dependencies: must not be empty");
        return;
    }

    in = ngx_pcalloc(a->request->pool, sizeof(ngx_sandbox_install_request_t));

    if (in == NULL) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INTERNAL_ERROR, "no memory");
        return;
    }

    in->id = a->params[0];
    in->asked = body.dependencies;
    in->index_url = body.index_url;

    if (in->index_url.data == NULL) {
        ngx_str_set(&in->index_url, "");
    }

    ngx_sandbox_op_flow(a->request, a->node,
                        ngx_sandbox_install_request_steps, in, 1,
                        ngx_sandbox_install_show);
}


void
ngx_sandbox_install_refuse(ngx_sandbox_api_t *a, char *detail)
{
    ngx_sandbox_error_t  error;

    ngx_memzero(&error, sizeof(ngx_sandbox_error_t));

    error.id = NGX_SANDBOX_INVALID_PARAMETER;
    error.status = 422;
    error.detail.data = (u_char *) detail;
    error.detail.len = ngx_strlen(detail);

    ngx_sandbox_api_fail(a, &error);
}


void
ngx_sandbox_install_run_api(ngx_sandbox_api_t *a)
{
    ngx_sandbox_install_flow(a, ngx_sandbox_install_run_steps);
}


void
ngx_sandbox_install_begin_api(ngx_sandbox_api_t *a)
{
    ngx_sandbox_install_flow(a, ngx_sandbox_install_begin_steps);
}


void
ngx_sandbox_install_settle_api(ngx_sandbox_api_t *a)
{
    ngx_sandbox_install_flow(a, ngx_sandbox_install_settle_steps);
}


static void
ngx_sandbox_install_flow(ngx_sandbox_api_t *a,
    const ngx_sandbox_step_t *steps)
{
    ngx_sandbox_install_run_t  *in;

    in = ngx_pcalloc(a->request->pool, sizeof(ngx_sandbox_install_run_t));

    if (in == NULL || !ngx_sandbox_id_valid(&a->params[0])) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_SESSION_NOT_FOUND,
                                  "no session has such an id");
        return;
    }

    in->id = a->params[0];

    ngx_sandbox_op_flow(a->request, a->node, steps, in, 1,
                        ngx_sandbox_api_done);
}


void
ngx_sandbox_installed_api(ngx_sandbox_api_t *a)
{
    size_t                         prefix;
    ngx_sandbox_install_report_t  *in;
    ngx_sandbox_installed_body_t   body;

    ngx_memzero(&body, sizeof(ngx_sandbox_installed_body_t));

    if (ngx_sandbox_api_body(a, ngx_sandbox_installed_body, &body) != NGX_OK) {
        return;
    }

    in = ngx_pcalloc(a->request->pool, sizeof(ngx_sandbox_install_report_t));

    if (in == NULL) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INTERNAL_ERROR, "no memory");
        return;
    }

    prefix = sizeof(NGX_SANDBOX_INSTALL_ID) - 1;

    in->id = a->session_id;
    in->epoch = body.install_id.len > prefix
                && ngx_strncmp(body.install_id.data, NGX_SANDBOX_INSTALL_ID,
                               prefix)
                   == 0
                ? ngx_atoi(body.install_id.data + prefix,
                           body.install_id.len - prefix)
                : NGX_ERROR;

    if (in->epoch == NGX_ERROR) {
        ngx_sandbox_install_refuse(a, "install_id: is none of ours");
        return;
    }

    if (body.status == 0) {

        /* written anew: only what is known is shown to others */

        if (ngx_sandbox_dependencies_write(a->request->pool, &body.installed,
                                           &in->installed)
            != NGX_OK)
        {
            ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INTERNAL_ERROR,
                                      "no memory");
            return;
        }

    } else {
        in->error = body.error;

        if (in->error.len == 0) {
            ngx_str_set(&in->error, "the sandbox does not say why");
        }
    }

    ngx_sandbox_op_flow(a->request, a->node, ngx_sandbox_install_report_steps,
                        in, 1, ngx_sandbox_api_done);
}


/* the rest is nginx's: conf/sandbox_packages.conf */

void
ngx_sandbox_package_api(ngx_sandbox_api_t *a)
{
    ngx_sandbox_install_package_t  *in;

    in = ngx_pcalloc(a->request->pool, sizeof(ngx_sandbox_install_package_t));

    if (in == NULL) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INTERNAL_ERROR, "no memory");
        return;
    }

    in->id = a->session_id;

    if (ngx_sandbox_package_target(a->request->pool, a->node->packages,
                                   &a->request->uri, &in->target)
        != NGX_OK)
    {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_FORBIDDEN,
                                  "no package index has this");
        return;
    }

    ngx_sandbox_op_flow(a->request, a->node,
                        ngx_sandbox_install_package_steps, in, 0,
                        ngx_sandbox_package_pass);
}


static void
ngx_sandbox_package_pass(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    ngx_str_t            uri;
    ngx_sandbox_api_t   *a;
    ngx_http_request_t  *r;

    r = f->request;
    a = ngx_http_get_module_ctx(r, ngx_http_sandbox_module);

    if (rc != NGX_OK) {
        ngx_sandbox_api_fail(a, &f->error);
        return;
    }

    uri.len = sizeof("/_sandbox") - 1 + r->uri.len;
    uri.data = ngx_pnalloc(r->pool, uri.len);

    if (uri.data == NULL) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INTERNAL_ERROR, "no memory");
        return;
    }

    ngx_sprintf(uri.data, "/_sandbox%V", &r->uri);

    (void) ngx_http_internal_redirect(r, &uri, NULL);

    ngx_http_finalize_request(r, NGX_DONE);
}


static void
ngx_sandbox_install_show(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    ngx_sandbox_api_show(f, rc, ngx_sandbox_render_session);
}
