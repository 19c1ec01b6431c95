
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * A module for the benchmark alone: "sandbox_bench_insert" in a location makes
 * a request there one durable INSERT through the module's own pool, and nothing
 * else.  It is what a submission is measured against, so the statement is that
 * of a submission; the row is one that has ended, which nobody looks after.
 * The query is the session's id.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_sandbox_module.h"
#include "ngx_sandbox_execution_store.h"
#include "ngx_sandbox_op.h"


static char *ngx_http_sandbox_bench(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_http_sandbox_bench_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_sandbox_bench_insert(ngx_sandbox_flow_t *f);
static void ngx_http_sandbox_bench_done(ngx_sandbox_flow_t *f, ngx_int_t rc);


static ngx_command_t  ngx_http_sandbox_bench_commands[] = {

    { ngx_string("sandbox_bench_insert"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_sandbox_bench,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_sandbox_bench_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_sandbox_bench_module = {
    NGX_MODULE_V1,
    &ngx_http_sandbox_bench_module_ctx,    /* module context */
    ngx_http_sandbox_bench_commands,       /* module directives */
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


/* what nginx's own build would write */

ngx_module_t  *ngx_modules[] = { &ngx_http_sandbox_bench_module, NULL };
char  *ngx_module_names[] = { "ngx_http_sandbox_bench_module", NULL };
char  *ngx_module_order[] = { NULL };


static const ngx_sandbox_step_t  ngx_http_sandbox_bench_steps[] = {

    { "inserting a row", ngx_http_sandbox_bench_insert, NULL, NULL },

      ngx_sandbox_null_step
};


static char *
ngx_http_sandbox_bench(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_sandbox_bench_handler;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_sandbox_bench_handler(ngx_http_request_t *r)
{
    ngx_int_t                      rc;
    ngx_http_sandbox_main_conf_t  *smcf;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    smcf = ngx_http_get_module_main_conf(r, ngx_http_sandbox_module);

    r->main->count++;

    ngx_sandbox_op_flow(r, &smcf->node, ngx_http_sandbox_bench_steps, NULL, 1,
                        ngx_http_sandbox_bench_done);

    return NGX_DONE;
}


static ngx_int_t
ngx_http_sandbox_bench_insert(ngx_sandbox_flow_t *f)
{
    u_char     *p;
    ngx_str_t   id;

    static ngx_uint_t  number;

    p = ngx_pnalloc(f->pool, NGX_SANDBOX_ID_MAX);
    if (p == NULL) {
        return NGX_ERROR;
    }

    id.data = p;
    id.len = ngx_snprintf(p, NGX_SANDBOX_ID_MAX, "bench-%P-%T-%ui", ngx_pid,
                          ngx_time(), number++)
             - p;

    ngx_sandbox_op_statement(f,
              &ngx_sandbox_execution_stmts[NGX_SANDBOX_SQL_EXECUTION_INSERT]);
    ngx_sandbox_op_string(f, &id);
    ngx_sandbox_op_literal(f, "completed");
    ngx_sandbox_op_literal(f, "shell");
    ngx_sandbox_op_literal(f, ":");
    ngx_sandbox_op_int(f, 30);
    ngx_sandbox_op_null(f);
    ngx_sandbox_op_literal(f, "{}");
    ngx_sandbox_op_null(f);
    ngx_sandbox_op_null(f);
    ngx_sandbox_op_int(f, 3);
    ngx_sandbox_op_literal(f, "completed");
    ngx_sandbox_op_int(f, 15000000);
    ngx_sandbox_op_string(f, &f->request->args);

    return ngx_sandbox_op_query(f);
}


/* no row: there is no such session, or it does not run */

static void
ngx_http_sandbox_bench_done(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    ngx_http_request_t  *r;

    r = f->request;

    r->headers_out.status = (rc == NGX_OK && ngx_sandbox_op_result(f)->rows)
                            ? NGX_HTTP_CREATED : NGX_HTTP_SERVICE_UNAVAILABLE;
    r->headers_out.content_length_n = 0;
    r->header_only = 1;

    ngx_http_finalize_request(r, ngx_http_send_header(r));
}
