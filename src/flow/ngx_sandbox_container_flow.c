
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Reading containers: the row, and what the container has printed.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_container_flow.h"
#include "ngx_sandbox_container_store.h"
#include "ngx_sandbox_op.h"


static ngx_int_t ngx_sandbox_container_read(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_container_found(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_container_present(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_container_logs(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_container_logs_read(ngx_sandbox_flow_t *f);


const ngx_sandbox_step_t  ngx_sandbox_container_read_steps[] = {

    { "reading the container",
      ngx_sandbox_container_read,
      ngx_sandbox_container_found, NULL },

      ngx_sandbox_null_step
};


const ngx_sandbox_step_t  ngx_sandbox_container_logs_steps[] = {

    { "reading the container",
      ngx_sandbox_container_read,
      ngx_sandbox_container_present, NULL },

    { "reading the container's logs",
      ngx_sandbox_container_logs,
      ngx_sandbox_container_logs_read, NULL },

      ngx_sandbox_null_step
};


static ngx_int_t
ngx_sandbox_container_read(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_container_t  *c;

    c = f->data;

    ngx_sandbox_op_statement(f,
                 &ngx_sandbox_container_stmts[NGX_SANDBOX_SQL_CONTAINER_GET]);
    ngx_sandbox_op_string(f, &c->id);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_container_found(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_container_t  *c;

    c = f->data;

    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_sandbox_op_result(f)->rows == 0) {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_CONTAINER_NOT_FOUND,
                                     "no container \"%V\"", &c->id);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_container_present(ngx_sandbox_flow_t *f)
{
    ngx_str_t  *status;

    if (ngx_sandbox_container_found(f) != NGX_OK) {
        return NGX_ERROR;
    }

    status = ngx_sandbox_op_value(f, NGX_SANDBOX_CONTAINER_STATUS);

    if (ngx_sandbox_value_is(status, "removed")) {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_CONTAINER_NOT_FOUND,
                                     "the container has been removed, and its "
                                     "logs with it");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_container_logs(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_container_t  *c;

    c = f->data;
    c->call = ngx_sandbox_op_runtime(f);

    if (c->call == NULL) {
        return NGX_ERROR;
    }

    return f->node->runtime->verbs->logs(c->call, &c->id, c->tail, c->since);
}


static ngx_int_t
ngx_sandbox_container_logs_read(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_container_t  *c;

    c = f->data;

    if (c->call->status == NGX_SANDBOX_RUNTIME_NOT_FOUND) {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_CONTAINER_NOT_FOUND,
                                     "the engine has no container \"%V\"",
                                     &c->id);
    }

    return f->op_rc;
}
