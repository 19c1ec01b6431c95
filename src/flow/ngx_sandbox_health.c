
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Health: a real call of the engine and a real statement through the pool, each
 * bound by a short time-out of its own.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_health.h"
#include "ngx_sandbox_health_store.h"
#include "ngx_sandbox_op.h"


#define NGX_SANDBOX_HEALTH_MS  1500


static ngx_int_t ngx_sandbox_health_runtime(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_health_runtime_done(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_health_database(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_health_database_done(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_health_isolation(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_health_isolation_done(ngx_sandbox_flow_t *f);
static void ngx_sandbox_health_begin(ngx_sandbox_check_t *check);
static ngx_int_t ngx_sandbox_health_end(ngx_sandbox_flow_t *f,
    ngx_sandbox_check_t *check);


const ngx_sandbox_step_t  ngx_sandbox_health_steps[] = {

    { "asking the container engine",
      ngx_sandbox_health_runtime,
      ngx_sandbox_health_runtime_done, NULL },

    { "asking the database",
      ngx_sandbox_health_database,
      ngx_sandbox_health_database_done, NULL },

    { "asking what confines the code",
      ngx_sandbox_health_isolation,
      ngx_sandbox_health_isolation_done, NULL },

      ngx_sandbox_null_step
};


static ngx_int_t
ngx_sandbox_health_runtime(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_health_t  *h;

    h = f->data;

    ngx_sandbox_health_begin(&h->runtime);
    h->call = ngx_sandbox_op_runtime(f);

    return h->call ? f->node->runtime->verbs->ping(h->call) : NGX_ERROR;
}


static ngx_int_t
ngx_sandbox_health_runtime_done(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_health_t  *h;

    h = f->data;

    return ngx_sandbox_health_end(f, &h->runtime);
}


static ngx_int_t
ngx_sandbox_health_database(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_health_t  *h;

    h = f->data;

    ngx_sandbox_health_begin(&h->database);
    ngx_sandbox_op_statement(f,
                       &ngx_sandbox_health_stmts[NGX_SANDBOX_SQL_HEALTH_PING]);
    ngx_sandbox_op_result(f)->timeout = NGX_SANDBOX_HEALTH_MS;

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_health_database_done(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_health_t  *h;

    h = f->data;

    return ngx_sandbox_health_end(f, &h->database);
}


/* only an executor knows what the kernel lets it have: the newest one's word */

static ngx_int_t
ngx_sandbox_health_isolation(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_health_t  *h;

    h = f->data;

    if (!h->detailed || h->database.detail.len) {
        return NGX_OK;
    }

    ngx_sandbox_op_statement(f,
                  &ngx_sandbox_health_stmts[NGX_SANDBOX_SQL_HEALTH_ISOLATION]);
    ngx_sandbox_op_result(f)->timeout = NGX_SANDBOX_HEALTH_MS;

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_health_isolation_done(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_health_t  *h;

    h = f->data;

    if (f->op_rc == NGX_OK && ngx_sandbox_op_result(f)->rows) {
        h->isolation = *ngx_sandbox_op_value(f, 0);
    }

    return NGX_OK;
}


static void
ngx_sandbox_health_begin(ngx_sandbox_check_t *check)
{
    check->started = ngx_current_msec;
}


static ngx_int_t
ngx_sandbox_health_end(ngx_sandbox_flow_t *f, ngx_sandbox_check_t *check)
{
    check->took = ngx_current_msec - check->started;

    if (f->op_rc != NGX_OK) {
        check->detail = f->error.detail;
    }

    return NGX_OK;
}
