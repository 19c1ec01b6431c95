
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Lists, which are the same for every resource: a page of rows, then the
 * total, counted up to a limit so that a list costs the same at a million rows
 * as at a thousand.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_sandbox.h"
#include "ngx_sandbox_listing.h"
#include "ngx_sandbox_op.h"


static ngx_int_t ngx_sandbox_listing_owner(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_listing_owned(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_listing_select(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_listing_selected(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_listing_count(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_listing_counted(ngx_sandbox_flow_t *f);
static void ngx_sandbox_listing_total(ngx_sandbox_listing_t *l, ngx_uint_t n);
static void ngx_sandbox_listing_done(ngx_sandbox_flow_t *f, ngx_int_t rc);
static void ngx_sandbox_listing_end(ngx_sandbox_json_t *json,
    ngx_sandbox_listing_t *l);


static const ngx_sandbox_step_t  ngx_sandbox_listing_steps[] = {

    { "reading what the list belongs to",
      ngx_sandbox_listing_owner,
      ngx_sandbox_listing_owned, NULL },

    { "reading a page",
      ngx_sandbox_listing_select,
      ngx_sandbox_listing_selected, NULL },

    { "counting the rows",
      ngx_sandbox_listing_count,
      ngx_sandbox_listing_counted, NULL },

      ngx_sandbox_null_step
};


ngx_sandbox_listing_t *
ngx_sandbox_listing_create(ngx_sandbox_api_t *a, size_t query_size)
{
    ngx_sandbox_listing_t  *l;

    l = ngx_pcalloc(a->request->pool, sizeof(ngx_sandbox_listing_t));

    if (l) {
        l->query = ngx_pcalloc(a->request->pool, query_size);
    }

    if (l == NULL || l->query == NULL) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INTERNAL_ERROR, "no memory");
        return NULL;
    }

    return l;
}


void
ngx_sandbox_listing_run(ngx_sandbox_api_t *a, ngx_sandbox_listing_t *l)
{
    ngx_sandbox_op_flow(a->request, a->node, ngx_sandbox_listing_steps, l, 0,
                        ngx_sandbox_listing_done);
}


static ngx_int_t
ngx_sandbox_listing_owner(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_listing_t  *l;

    l = f->data;

    return l->owner ? l->owner(f) : NGX_OK;
}


static ngx_int_t
ngx_sandbox_listing_owned(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_listing_t  *l;

    l = f->data;

    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_sandbox_op_result(f)->rows == 0) {
        return ngx_sandbox_flow_fail(f, l->no_owner,
                                     "what the list belongs to is not there");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_listing_select(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_listing_t  *l;

    l = f->data;

    return l->select(f);
}


static ngx_int_t
ngx_sandbox_listing_selected(ngx_sandbox_flow_t *f)
{
    ngx_str_t              *last;
    ngx_sandbox_listing_t  *l;

    l = f->data;

    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    l->page = *ngx_sandbox_op_result(f);

    if (l->page.rows > l->limit) {
        l->page.rows = l->limit;
        l->more = 1;
    }

    if (!l->more || l->cursor == NULL) {
        return NGX_OK;
    }

    last = &l->page.values[(l->limit - 1) * l->page.stmt->columns];

    if (l->cursor(f->pool, last, &l->next_cursor) != NGX_OK) {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_INTERNAL_ERROR,
                                     "no memory for a cursor");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_listing_count(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_listing_t  *l;

    l = f->data;
    l->total_limit = f->node->list_total_limit;

    /* the last page has told it already, if it is known where that begins */

    if (!l->more && !l->behind_cursor
        && (l->page.rows || l->offset == 0))
    {
        ngx_sandbox_listing_total(l, l->offset + l->page.rows);
        return NGX_OK;
    }

    return l->count(f);
}


static ngx_int_t
ngx_sandbox_listing_counted(ngx_sandbox_flow_t *f)
{
    ngx_int_t               n;
    ngx_str_t              *value;
    ngx_sandbox_listing_t  *l;

    l = f->data;

    if (f->op_rc != NGX_OK || ngx_sandbox_op_result(f)->rows == 0) {
        return NGX_ERROR;
    }

    value = ngx_sandbox_op_value(f, 0);
    n = ngx_atoi(value->data, value->len);

    ngx_sandbox_listing_total(l, n == NGX_ERROR ? 0 : n);

    return NGX_OK;
}


/* counting stops at one more than the limit */

static void
ngx_sandbox_listing_total(ngx_sandbox_listing_t *l, ngx_uint_t n)
{
    l->total = ngx_min(n, l->total_limit);
    l->total_is_lower_bound = (n > l->total_limit);
}


static void
ngx_sandbox_listing_done(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    ngx_str_t              *row;
    ngx_uint_t              i;
    ngx_sandbox_api_t      *a;
    ngx_sandbox_json_t      json;
    ngx_sandbox_listing_t  *l;

    a = ngx_http_get_module_ctx(f->request, ngx_http_sandbox_module);
    l = f->data;

    if (rc != NGX_OK) {
        ngx_sandbox_api_fail(a, &f->error);
        return;
    }

    ngx_sandbox_json_init(&json, f->pool, 256 + l->page.rows * l->row_size);
    json.max = NGX_SANDBOX_LISTING_TEXT_MAX;

    ngx_sandbox_json_object_start(&json);
    ngx_sandbox_json_literal_key(&json, "items");
    ngx_sandbox_json_array_start(&json);

    row = l->page.values;

    for (i = 0; i < l->page.rows; i++) {
        l->render(&json, row);
        row += l->page.stmt->columns;
    }

    ngx_sandbox_json_array_end(&json);
    ngx_sandbox_listing_end(&json, l);
    ngx_sandbox_json_object_end(&json);

    ngx_sandbox_api_send_json(a, NGX_HTTP_OK, &json);
}


static void
ngx_sandbox_listing_end(ngx_sandbox_json_t *json, ngx_sandbox_listing_t *l)
{
    ngx_sandbox_json_literal_key(json, "total");
    ngx_sandbox_json_int(json, l->total);

    if (l->total_is_lower_bound) {
        ngx_sandbox_json_literal_key(json, "total_is_lower_bound");
        ngx_sandbox_json_bool(json, 1);
    }

    ngx_sandbox_json_literal_key(json, "limit");
    ngx_sandbox_json_int(json, l->limit);
    ngx_sandbox_json_literal_key(json, "offset");
    ngx_sandbox_json_int(json, l->offset);
    ngx_sandbox_json_literal_key(json, "has_more");
    ngx_sandbox_json_bool(json, l->more);

    ngx_sandbox_json_literal_key(json, "next_cursor");

    if (l->next_cursor.data) {
        ngx_sandbox_json_string(json, &l->next_cursor);

    } else {
        ngx_sandbox_json_null(json);
    }
}
