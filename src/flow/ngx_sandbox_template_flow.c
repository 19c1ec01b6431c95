
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Templates: every change is one statement, so nothing here needs an undo.  A
 * creation whose answer was lost may have happened; repeating it tells, since
 * id and name are unique.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_template_flow.h"


#define NGX_SANDBOX_TEMPLATE_LIST_MAX  1000


static ngx_int_t ngx_sandbox_template_insert(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_template_inserted(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_template_change(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_template_changed(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_template_remove(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_template_removed(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_template_explain(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_template_read(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_template_exists(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_template_select(ngx_sandbox_flow_t *f);
static void ngx_sandbox_template_values(ngx_sandbox_flow_t *f,
    ngx_uint_t first);
static ngx_int_t ngx_sandbox_template_conflict(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_template_absent(ngx_sandbox_flow_t *f);


const ngx_sandbox_step_t  ngx_sandbox_template_create_steps[] = {

    { "inserting the template",
      ngx_sandbox_template_insert,
      ngx_sandbox_template_inserted, NULL },

    { "reading the template back",
      ngx_sandbox_template_read,
      ngx_sandbox_template_exists, NULL },

      ngx_sandbox_null_step
};


const ngx_sandbox_step_t  ngx_sandbox_template_update_steps[] = {

    { "changing the template",
      ngx_sandbox_template_change,
      ngx_sandbox_template_changed, NULL },

    { "reading the template back",
      ngx_sandbox_template_read,
      ngx_sandbox_template_exists, NULL },

      ngx_sandbox_null_step
};


const ngx_sandbox_step_t  ngx_sandbox_template_read_steps[] = {

    { "reading the template",
      ngx_sandbox_template_read,
      ngx_sandbox_template_exists, NULL },

      ngx_sandbox_null_step
};


const ngx_sandbox_step_t  ngx_sandbox_template_delete_steps[] = {

    { "deleting the template",
      ngx_sandbox_template_remove,
      ngx_sandbox_template_removed, NULL },

    { "looking why the template is kept",
      ngx_sandbox_template_read,
      ngx_sandbox_template_explain, NULL },

      ngx_sandbox_null_step
};


const ngx_sandbox_step_t  ngx_sandbox_template_list_steps[] = {

    { "listing the templates",
      ngx_sandbox_template_select, NULL, NULL },

      ngx_sandbox_null_step
};


static ngx_int_t
ngx_sandbox_template_insert(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_op_statement(f,
                &ngx_sandbox_template_stmts[NGX_SANDBOX_SQL_TEMPLATE_INSERT]);
    ngx_sandbox_template_values(f, NGX_SANDBOX_TEMPLATE_ID);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_template_inserted(ngx_sandbox_flow_t *f)
{
    if (f->op_rc == NGX_DECLINED) {
        return ngx_sandbox_template_conflict(f);
    }

    return f->op_rc;
}


static ngx_int_t
ngx_sandbox_template_change(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_template_t  *t;

    t = f->data;

    ngx_sandbox_op_statement(f,
                &ngx_sandbox_template_stmts[NGX_SANDBOX_SQL_TEMPLATE_UPDATE]);
    ngx_sandbox_template_values(f, NGX_SANDBOX_TEMPLATE_NAME);
    ngx_sandbox_op_string(f, &t->id);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_template_changed(ngx_sandbox_flow_t *f)
{
    if (f->op_rc == NGX_DECLINED) {
        return ngx_sandbox_template_conflict(f);
    }

    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    /* rows that were found, whether or not a value differed */

    if (ngx_sandbox_op_result(f)->affected == 0) {
        return ngx_sandbox_template_absent(f);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_template_remove(ngx_sandbox_flow_t *f)
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
ngx_sandbox_template_removed(ngx_sandbox_flow_t *f)
{
    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_sandbox_op_result(f)->affected ? NGX_DONE : NGX_OK;
}


/* it was not deleted: it is absent, or the statement has spared it */

static ngx_int_t
ngx_sandbox_template_explain(ngx_sandbox_flow_t *f)
{
    ngx_int_t                rc;
    ngx_sandbox_template_t  *t;

    t = f->data;

    rc = ngx_sandbox_template_exists(f);
    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_sandbox_flow_fail(f, NGX_SANDBOX_TEMPLATE_IN_USE,
                                 "sessions that are creating or running use "
                                 "the template \"%V\"", &t->id);
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
ngx_sandbox_template_exists(ngx_sandbox_flow_t *f)
{
    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_sandbox_op_result(f)->rows == 0) {
        return ngx_sandbox_template_absent(f);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_template_select(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_op_statement(f,
                  &ngx_sandbox_template_stmts[NGX_SANDBOX_SQL_TEMPLATE_LIST]);
    ngx_sandbox_op_int(f, NGX_SANDBOX_TEMPLATE_LIST_MAX);

    return ngx_sandbox_op_query(f);
}


/* the columns from "first" on, in the order of both statements */

static void
ngx_sandbox_template_values(ngx_sandbox_flow_t *f, ngx_uint_t first)
{
    ngx_uint_t               i;
    ngx_sandbox_template_t  *t;
    ngx_sandbox_db_param_t  *value;

    t = f->data;

    for (i = first; i < NGX_SANDBOX_TEMPLATE_SETTABLE; i++) {
        value = &t->values[i];

        switch (value->type) {

        case NGX_SANDBOX_DB_STRING:
            ngx_sandbox_op_string(f, &value->string);
            break;

        case NGX_SANDBOX_DB_INT:
            ngx_sandbox_op_int(f, value->number);
            break;

        default: /* NGX_SANDBOX_DB_NULL */
            ngx_sandbox_op_null(f);
        }
    }
}


/* MariaDB names the key that refused the row; id is the primary one */

static ngx_int_t
ngx_sandbox_template_conflict(ngx_sandbox_flow_t *f)
{
    ngx_str_t               *message;
    ngx_sandbox_template_t  *t;

    t = f->data;
    message = &ngx_sandbox_op_result(f)->message;

    if (ngx_strlcasestrn(message->data, message->data + message->len,
                         (u_char *) "PRIMARY", sizeof("PRIMARY") - 2)
        != NULL)
    {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_CONFLICT,
                                     "id: a template \"%V\" exists already",
                                     &t->id);
    }

    return ngx_sandbox_flow_fail(f, NGX_SANDBOX_CONFLICT,
                            "name: a template with the name \"%V\" exists "
                            "already",
                            &t->values[NGX_SANDBOX_TEMPLATE_NAME].string);
}


static ngx_int_t
ngx_sandbox_template_absent(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_template_t  *t;

    t = f->data;

    return ngx_sandbox_flow_fail(f, NGX_SANDBOX_TEMPLATE_NOT_FOUND,
                                 "no template \"%V\"", &t->id);
}
