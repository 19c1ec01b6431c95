
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Templates: each use case is one statement, and a second that reads the row
 * back or finds out why the first affected none.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_op.h"
#include "ngx_sandbox_template_flow.h"
#include "ngx_sandbox_template_store.h"


#define NGX_SANDBOX_TEMPLATE_LIST_MAX  1000


static ngx_int_t ngx_sandbox_template_insert(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_template_inserted(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_template_update(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_template_written(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_template_read(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_template_found(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_template_list(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_template_delete(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_template_deleted(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_template_in_use(ngx_sandbox_flow_t *f);
static void ngx_sandbox_template_values(ngx_sandbox_flow_t *f,
    ngx_sandbox_template_t *t);
static void ngx_sandbox_template_number(ngx_sandbox_flow_t *f, ngx_int_t n);


const ngx_sandbox_step_t  ngx_sandbox_template_create_steps[] = {

    { "inserting the template",
      ngx_sandbox_template_insert,
      ngx_sandbox_template_inserted, NULL },

    { "reading the template back",
      ngx_sandbox_template_read,
      ngx_sandbox_template_found, NULL },

      ngx_sandbox_null_step
};


const ngx_sandbox_step_t  ngx_sandbox_template_update_steps[] = {

    { "changing the template",
      ngx_sandbox_template_update,
      ngx_sandbox_template_written, NULL },

    { "reading the template back",
      ngx_sandbox_template_read,
      ngx_sandbox_template_found, NULL },

      ngx_sandbox_null_step
};


const ngx_sandbox_step_t  ngx_sandbox_template_read_steps[] = {

    { "reading the template",
      ngx_sandbox_template_read,
      ngx_sandbox_template_found, NULL },

      ngx_sandbox_null_step
};


const ngx_sandbox_step_t  ngx_sandbox_template_list_steps[] = {

    { "listing the templates",
      ngx_sandbox_template_list, NULL, NULL },

      ngx_sandbox_null_step
};


const ngx_sandbox_step_t  ngx_sandbox_template_delete_steps[] = {

    { "deleting the template",
      ngx_sandbox_template_delete,
      ngx_sandbox_template_deleted, NULL },

    { "looking why the template is still there",
      ngx_sandbox_template_read,
      ngx_sandbox_template_in_use, NULL },

      ngx_sandbox_null_step
};


static ngx_int_t
ngx_sandbox_template_insert(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_template_t  *t;

    t = f->data;

    ngx_sandbox_idempotency_statement(f, t->key, &t->id,
            &ngx_sandbox_template_stmts[NGX_SANDBOX_SQL_TEMPLATE_INSERT],
            &ngx_sandbox_template_stmts[NGX_SANDBOX_SQL_TEMPLATE_INSERT_ONCE]);
    ngx_sandbox_op_string(f, &t->id);
    ngx_sandbox_template_values(f, t);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_template_inserted(ngx_sandbox_flow_t *f)
{
    ngx_int_t                rc;
    ngx_sandbox_template_t  *t;

    t = f->data;

    rc = ngx_sandbox_template_written(f);

    if (rc != NGX_OK || t->key == NULL) {
        return rc;
    }

    rc = ngx_sandbox_idempotency_claimed(f, t->key, &t->id);

    return rc == NGX_AGAIN ? NGX_OK : rc;
}


static ngx_int_t
ngx_sandbox_template_update(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_template_t  *t;

    t = f->data;

    ngx_sandbox_op_statement(f,
                &ngx_sandbox_template_stmts[NGX_SANDBOX_SQL_TEMPLATE_UPDATE]);
    ngx_sandbox_template_values(f, t);
    ngx_sandbox_op_string(f, &t->id);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_template_written(ngx_sandbox_flow_t *f)
{
    ngx_str_t               *message;
    ngx_sandbox_template_t  *t;

    t = f->data;

    if (f->op_rc != NGX_DECLINED) {
        return f->op_rc;
    }

    /* it ends with the name of the key, which is the column's or PRIMARY */

    message = &ngx_sandbox_op_result(f)->message;

    if (message->len > 5
        && ngx_memcmp(message->data + message->len - 5, "name'", 5) == 0)
    {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_CONFLICT,
                                     "name: another template has the name "
                                     "\"%V\"", &t->name);
    }

    return ngx_sandbox_flow_fail(f, NGX_SANDBOX_CONFLICT,
                                 "id: another template has the id \"%V\"",
                                 &t->id);
}


static ngx_int_t
ngx_sandbox_template_read(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_template_t  *t;

    t = f->data;

    ngx_sandbox_op_statement(f,
                   &ngx_sandbox_template_stmts[NGX_SANDBOX_SQL_TEMPLATE_GET]);
    ngx_sandbox_op_string(f, &t->id);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_template_found(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_template_t  *t;

    t = f->data;

    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_sandbox_op_result(f)->rows == 0) {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_TEMPLATE_NOT_FOUND,
                                     "no template \"%V\"", &t->id);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_template_list(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_op_statement(f,
                  &ngx_sandbox_template_stmts[NGX_SANDBOX_SQL_TEMPLATE_LIST]);
    ngx_sandbox_op_int(f, NGX_SANDBOX_TEMPLATE_LIST_MAX);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_template_delete(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_template_t  *t;

    t = f->data;

    ngx_sandbox_op_statement(f,
                &ngx_sandbox_template_stmts[NGX_SANDBOX_SQL_TEMPLATE_DELETE]);
    ngx_sandbox_op_string(f, &t->id);
    ngx_sandbox_op_string(f, &t->id);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_template_deleted(ngx_sandbox_flow_t *f)
{
    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_sandbox_op_result(f)->affected ? NGX_DONE : NGX_OK;
}


static ngx_int_t
ngx_sandbox_template_in_use(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_template_t  *t;

    t = f->data;

    if (ngx_sandbox_template_found(f) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_sandbox_flow_fail(f, NGX_SANDBOX_TEMPLATE_IN_USE,
                                 "active sessions use the template \"%V\"",
                                 &t->id);
}


/* name to is_active, in the order of the columns */

static void
ngx_sandbox_template_values(ngx_sandbox_flow_t *f, ngx_sandbox_template_t *t)
{
    ngx_sandbox_op_string(f, &t->name);
    ngx_sandbox_op_string(f, &t->description);
    ngx_sandbox_op_string(f, &t->image_url);
    ngx_sandbox_op_string(f, &t->runtime_type);
    ngx_sandbox_template_number(f, t->cpu_milli);
    ngx_sandbox_template_number(f, t->memory_mb);
    ngx_sandbox_template_number(f, t->disk_mb);
    ngx_sandbox_template_number(f, t->timeout_sec);
    ngx_sandbox_op_string(f, &t->env_vars);
    ngx_sandbox_op_string(f, &t->packages);
    ngx_sandbox_op_string(f, &t->security);
    ngx_sandbox_op_string(f, &t->warm_pool);
    ngx_sandbox_op_string(f, &t->prestart);
    ngx_sandbox_template_number(f, t->max_runs);
    ngx_sandbox_template_number(f, t->active);
}


static void
ngx_sandbox_template_number(ngx_sandbox_flow_t *f, ngx_int_t n)
{
    if (n == -1) {
        ngx_sandbox_op_null(f);
        return;
    }

    ngx_sandbox_op_int(f, n);
}
