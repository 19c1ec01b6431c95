
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The list of a session's executions.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_sandbox_api.h"
#include "ngx_sandbox_execution_store.h"
#include "ngx_sandbox_id.h"
#include "ngx_sandbox_listing.h"
#include "ngx_sandbox_op.h"
#include "ngx_sandbox_session_store.h"


typedef struct {
    ngx_sandbox_fields_t   fields;
    ngx_uint_t             status;
    ngx_int_t              limit;
    ngx_int_t              offset;
    ngx_uint_t             by_status;
    ngx_str_t              session_id;
} ngx_sandbox_execution_query_t;


static ngx_int_t ngx_sandbox_execution_owner(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execution_select(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execution_count(ngx_sandbox_flow_t *f);
static void ngx_sandbox_execution_filters(ngx_sandbox_flow_t *f,
    ngx_uint_t all, ngx_uint_t by_status);
static void ngx_sandbox_render_listed(ngx_sandbox_json_t *json,
    ngx_str_t *row);


static ngx_str_t  ngx_sandbox_execution_states[] = {
    ngx_string("pending"),
    ngx_string("running"),
    ngx_string("completed"),
    ngx_string("failed"),
    ngx_string("timeout"),
    ngx_string("crashed"),
    ngx_string("cancelled"),
    ngx_null_string
};


static const ngx_sandbox_field_t  ngx_sandbox_execution_query[] = {

    { ngx_string("status"), NGX_SANDBOX_FIELD_ENUM, 0, 0, 0,
      offsetof(ngx_sandbox_execution_query_t, status),
      ngx_sandbox_execution_states, NULL, NULL },

    { ngx_string("limit"), NGX_SANDBOX_FIELD_INT, NGX_SANDBOX_FIELD_CLAMP, 1,
      NGX_SANDBOX_LISTING_LIMIT_MAX,
      offsetof(ngx_sandbox_execution_query_t, limit), NULL, NULL, NULL },

    { ngx_string("offset"), NGX_SANDBOX_FIELD_INT, 0, 0,
      NGX_SANDBOX_LISTING_OFFSET_MAX,
      offsetof(ngx_sandbox_execution_query_t, offset), NULL, NULL, NULL },

      ngx_sandbox_null_field
};


void
ngx_sandbox_execution_list_api(ngx_sandbox_api_t *a)
{
    ngx_sandbox_listing_t          *l;
    ngx_sandbox_execution_query_t  *q;

    if (!ngx_sandbox_id_valid(&a->params[0])) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_SESSION_NOT_FOUND,
                                  "no session has such an id");
        return;
    }

    l = ngx_sandbox_listing_create(a, sizeof(ngx_sandbox_execution_query_t));
    if (l == NULL) {
        return;
    }

    q = l->query;
    q->limit = NGX_SANDBOX_LISTING_LIMIT;

    if (ngx_sandbox_api_query(a, ngx_sandbox_execution_query, q) != NGX_OK) {
        return;
    }

    q->by_status = ngx_sandbox_is_set(ngx_sandbox_execution_query, q, status);
    q->session_id = a->params[0];

    l->limit = q->limit;
    l->offset = q->offset;
    l->owner = ngx_sandbox_execution_owner;
    l->no_owner = NGX_SANDBOX_SESSION_NOT_FOUND;
    l->select = ngx_sandbox_execution_select;
    l->count = ngx_sandbox_execution_count;
    l->render = ngx_sandbox_render_listed;
    l->row_size = 1024;

    ngx_sandbox_listing_run(a, l);
}


static ngx_int_t
ngx_sandbox_execution_owner(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_listing_t          *l;
    ngx_sandbox_execution_query_t  *q;

    l = f->data;
    q = l->query;

    ngx_sandbox_op_statement(f,
                     &ngx_sandbox_session_stmts[NGX_SANDBOX_SQL_SESSION_GET]);
    ngx_sandbox_op_string(f, &q->session_id);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_execution_select(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_listing_t  *l;

    l = f->data;

    ngx_sandbox_execution_filters(f, NGX_SANDBOX_SQL_EXECUTION_LIST,
                                  NGX_SANDBOX_SQL_EXECUTION_LIST_STATUS);

    ngx_sandbox_op_int(f, l->limit + 1);
    ngx_sandbox_op_int(f, l->offset);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_execution_count(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_listing_t  *l;

    l = f->data;

    ngx_sandbox_execution_filters(f, NGX_SANDBOX_SQL_EXECUTION_COUNT,
                                  NGX_SANDBOX_SQL_EXECUTION_COUNT_STATUS);

    ngx_sandbox_op_int(f, l->total_limit + 1);

    return ngx_sandbox_op_query(f);
}


static void
ngx_sandbox_execution_filters(ngx_sandbox_flow_t *f, ngx_uint_t all,
    ngx_uint_t by_status)
{
    ngx_sandbox_listing_t          *l;
    ngx_sandbox_execution_query_t  *q;

    l = f->data;
    q = l->query;

    ngx_sandbox_op_statement(f,
              &ngx_sandbox_execution_stmts[q->by_status ? by_status : all]);

    ngx_sandbox_op_string(f, &q->session_id);

    if (q->by_status) {
        ngx_sandbox_op_string(f, &ngx_sandbox_execution_states[q->status]);
    }
}


static void
ngx_sandbox_render_listed(ngx_sandbox_json_t *json, ngx_str_t *row)
{
    ngx_sandbox_json_object_start(json);
    ngx_sandbox_render_execution_fields(json, row, 1);

    ngx_sandbox_json_literal_key(json, "return_value_omitted");
    ngx_sandbox_json_bool(json,
              ngx_sandbox_value_is(&row[NGX_SANDBOX_EXECUTION_OMITTED], "1"));
    ngx_sandbox_json_literal_key(json, "code_truncated");
    ngx_sandbox_json_bool(json,
             ngx_sandbox_value_is(&row[NGX_SANDBOX_EXECUTION_CODE_CUT], "1"));

    ngx_sandbox_json_object_end(json);
}
