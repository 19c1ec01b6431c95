
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The internal location through which statements go to MariaDB: the operation
 * is the subrequest's context, and so is its result; there is no body.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_sandbox_module.h"
#include "ngx_sandbox_subrequest.h"


static ngx_int_t ngx_http_sandbox_database_handler(ngx_http_request_t *r);
static void ngx_http_sandbox_database_done(ngx_sandbox_db_op_t *op);
static void ngx_http_sandbox_database_cancel(void *data);
static char *ngx_http_sandbox_database_pass(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);


static ngx_command_t  ngx_http_sandbox_database_commands[] = {

    { ngx_string("sandbox_database_pass"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_sandbox_database_pass,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_sandbox_database_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_sandbox_database_module = {
    NGX_MODULE_V1,
    &ngx_http_sandbox_database_module_ctx, /* module context */
    ngx_http_sandbox_database_commands,    /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_sandbox_database_handler(ngx_http_request_t *r)
{
    ngx_int_t                      rc;
    ngx_sandbox_db_op_t           *op;
    ngx_http_sandbox_main_conf_t  *smcf;

    op = ngx_http_get_module_ctx(r, ngx_http_sandbox_database_module);

    if (op == NULL || r == r->main) {
        return NGX_HTTP_NOT_FOUND;
    }

    smcf = ngx_http_get_module_main_conf(r, ngx_http_sandbox_module);

    op->handler = ngx_http_sandbox_database_done;
    op->data = r;

    /* held first: the operation may not end before the request can wait */

    rc = ngx_sandbox_subrequest_hold(r, ngx_http_sandbox_database_cancel, r);

    if (rc != NGX_DONE) {
        return rc;
    }

    if (ngx_sandbox_db_start(smcf->node.database, op) == NGX_DONE) {
        ngx_sandbox_subrequest_release(r);
        return NGX_OK;
    }

    return NGX_DONE;
}


static void
ngx_http_sandbox_database_done(ngx_sandbox_db_op_t *op)
{
    ngx_sandbox_subrequest_finish(op->data);
}


static void
ngx_http_sandbox_database_cancel(void *data)
{
    ngx_http_request_t  *r = data;

    ngx_sandbox_db_op_t           *op;
    ngx_http_sandbox_main_conf_t  *smcf;

    op = ngx_http_get_module_ctx(r, ngx_http_sandbox_database_module);
    smcf = ngx_http_get_module_main_conf(r, ngx_http_sandbox_module);

    ngx_sandbox_db_cancel(smcf->node.database, op);
}


static char *
ngx_http_sandbox_database_pass(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_sandbox_database_handler;

    return NGX_CONF_OK;
}
