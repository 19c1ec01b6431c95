
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Rows to JSON, and lists, which are the same for every resource: a page of
 * rows, then the total, counted up to a limit so that a list costs the same at
 * a million rows as at a thousand.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_api.h"
#include "ngx_sandbox_op.h"


static ngx_int_t ngx_sandbox_listing_owner(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_listing_owned(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_listing_select(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_listing_selected(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_listing_count(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_listing_counted(ngx_sandbox_flow_t *f);
static void ngx_sandbox_listing_total(ngx_sandbox_list_t *list, ngx_uint_t n);


const ngx_sandbox_step_t  ngx_sandbox_listing_steps[] = {

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


void
ngx_sandbox_render(ngx_sandbox_json_t *json,
    const ngx_sandbox_render_t *fields, ngx_str_t *row)
{
    ngx_str_t                   *value;
    const ngx_sandbox_render_t  *field;

    for (field = fields; field->name.len; field++) {
        value = &row[field->column];

        ngx_sandbox_json_key(json, &field->name);

        if (value->data == NULL) {
            ngx_sandbox_json_null(json);
            continue;
        }

        switch (field->kind) {

        case NGX_SANDBOX_RENDER_STRING:
            ngx_sandbox_json_string(json, value);
            break;

        case NGX_SANDBOX_RENDER_NUMBER:
            ngx_sandbox_json_number(json, value);
            break;

        case NGX_SANDBOX_RENDER_BOOL:
            ngx_sandbox_json_bool(json, value->len == 1
                                        && value->data[0] == '1');
            break;

        case NGX_SANDBOX_RENDER_TIME:
            ngx_sandbox_json_time(json, value);
            break;

        case NGX_SANDBOX_RENDER_JSON:
            ngx_sandbox_json_raw(json, value);
            break;
        }
    }
}


void
ngx_sandbox_render_list(ngx_sandbox_json_t *json, ngx_sandbox_list_t *list)
{
    ngx_sandbox_json_literal_key(json, "total");
    ngx_sandbox_json_int(json, list->total);

    if (list->total_is_lower_bound) {
        ngx_sandbox_json_literal_key(json, "total_is_lower_bound");
        ngx_sandbox_json_bool(json, 1);
    }

    ngx_sandbox_json_literal_key(json, "limit");
    ngx_sandbox_json_int(json, list->limit);
    ngx_sandbox_json_literal_key(json, "offset");
    ngx_sandbox_json_int(json, list->offset);
    ngx_sandbox_json_literal_key(json, "has_more");
    ngx_sandbox_json_bool(json, list->more);

    ngx_sandbox_json_literal_key(json, "next_cursor");

    if (list->more && list->next_cursor.data) {
        ngx_sandbox_json_string(json, &list->next_cursor);

    } else {
        ngx_sandbox_json_null(json);
    }
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
    ngx_sandbox_listing_t  *l;

    l = f->data;

    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    l->page = *ngx_sandbox_op_result(f);

    if (l->page.rows > l->list.limit) {
        l->page.rows = l->list.limit;
        l->list.more = 1;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_listing_count(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_listing_t  *l;

    l = f->data;
    l->list.total_limit = f->node->list_total_limit;

    /* the last page has told it already, if it is known where that begins */

    if (!l->list.more && !l->behind_cursor
        && (l->page.rows || l->list.offset == 0))
    {
        ngx_sandbox_listing_total(&l->list, l->list.offset + l->page.rows);
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

    ngx_sandbox_listing_total(&l->list, n == NGX_ERROR ? 0 : n);

    return NGX_OK;
}


/* counting stops at one more than the limit */

static void
ngx_sandbox_listing_total(ngx_sandbox_list_t *list, ngx_uint_t n)
{
    list->total = ngx_min(n, list->total_limit);
    list->total_is_lower_bound = (n > list->total_limit);
}
