
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The list of sessions: filters, pages by offset or by cursor.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_sandbox.h"
#include "ngx_sandbox_api.h"
#include "ngx_sandbox_id.h"
#include "ngx_sandbox_listing.h"
#include "ngx_sandbox_op.h"
#include "ngx_sandbox_session_store.h"


#define NGX_SANDBOX_METADATA_FILTERS  8
#define NGX_SANDBOX_CURSOR_TIME       (sizeof("1970-01-01 00:00:00.000") - 1)


typedef struct {
    ngx_sandbox_fields_t   fields;
    ngx_uint_t             status;
    ngx_str_t              template_id;
    ngx_int_t              limit;
    ngx_int_t              offset;
    ngx_sandbox_items_t    metadata;
    ngx_str_t              pairs;        /* the same as JSON */
    ngx_str_t              cursor;
    ngx_uint_t             filters;
    ngx_str_t              cursor_time;
    ngx_str_t              cursor_id;
} ngx_sandbox_session_query_t;


static ngx_int_t ngx_sandbox_session_select(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_session_count(ngx_sandbox_flow_t *f);
static void ngx_sandbox_session_filters(ngx_sandbox_flow_t *f,
    ngx_sandbox_session_query_t *q);
static ngx_int_t ngx_sandbox_session_pairs(ngx_pool_t *pool,
    ngx_sandbox_items_t *metadata, ngx_str_t *ret_json);
static ngx_int_t ngx_sandbox_session_cursor_parse(ngx_pool_t *pool,
    const ngx_sandbox_field_t *field, void *value);
static ngx_int_t ngx_sandbox_session_cursor_split(ngx_pool_t *pool,
    ngx_sandbox_session_query_t *q);
static ngx_int_t ngx_sandbox_session_cursor_make(ngx_pool_t *pool,
    ngx_str_t *row, ngx_str_t *ret_cursor);


static ngx_str_t  ngx_sandbox_session_states[] = {
    ngx_string("creating"),
    ngx_string("running"),
    ngx_string("completed"),
    ngx_string("failed"),
    ngx_string("timeout"),
    ngx_string("terminated"),
    ngx_null_string
};


#define FIELD(name, type, flags, min, max, member, data, check, rule)         \
    { ngx_string(name), NGX_SANDBOX_FIELD_##type, flags, min, max,            \
      offsetof(ngx_sandbox_session_query_t, member), data, check, rule }

static const ngx_sandbox_field_t  ngx_sandbox_session_query[] = {
    FIELD("status", ENUM, 0, 0, 0, status, ngx_sandbox_session_states, NULL,
          NULL),
    FIELD("template_id", ID, 0, 0, 0, template_id, NULL, NULL, NULL),
    FIELD("limit", INT, NGX_SANDBOX_FIELD_CLAMP, 1,
          NGX_SANDBOX_LISTING_LIMIT_MAX, limit, NULL, NULL, NULL),
    FIELD("offset", INT, 0, 0, NGX_SANDBOX_LISTING_OFFSET_MAX, offset, NULL,
          NULL, NULL),
    FIELD("metadata.", PREFIX, 0, 256, NGX_SANDBOX_METADATA_FILTERS, metadata,
          NULL, NULL, NULL),
    FIELD("cursor", STRING, 0, 1, 256, cursor, NULL,
          ngx_sandbox_session_cursor_parse,
          "must be the next_cursor of an earlier answer"),
      ngx_sandbox_null_field
};

#undef FIELD


void
ngx_sandbox_session_list_api(ngx_sandbox_api_t *a)
{
    ngx_pool_t                   *pool;
    ngx_sandbox_listing_t        *l;
    ngx_sandbox_session_query_t  *q;

    pool = a->request->pool;

    l = ngx_sandbox_listing_create(a, sizeof(ngx_sandbox_session_query_t));
    if (l == NULL) {
        return;
    }

    q = l->query;
    q->limit = NGX_SANDBOX_LISTING_LIMIT;

    if (ngx_sandbox_api_query(a, ngx_sandbox_session_query, q) != NGX_OK) {
        return;
    }

    if (ngx_sandbox_is_set(ngx_sandbox_session_query, q, status)) {
        q->filters |= NGX_SANDBOX_SESSION_BY_STATUS;
    }

    if (q->template_id.len) {
        q->filters |= NGX_SANDBOX_SESSION_BY_TEMPLATE;
    }

    if (q->metadata.nelts) {
        q->filters |= NGX_SANDBOX_SESSION_BY_METADATA;

        if (ngx_sandbox_session_pairs(pool, &q->metadata, &q->pairs)
            != NGX_OK)
        {
            ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INTERNAL_ERROR,
                                      "no memory");
            return;
        }
    }

    if (q->cursor.len) {
        q->filters |= NGX_SANDBOX_SESSION_AFTER;
        l->behind_cursor = 1;
        (void) ngx_sandbox_session_cursor_split(pool, q);
    }

    l->limit = q->limit;
    l->offset = q->offset;
    l->select = ngx_sandbox_session_select;
    l->count = ngx_sandbox_session_count;
    l->cursor = ngx_sandbox_session_cursor_make;
    l->render = ngx_sandbox_render_session;
    l->row_size = 1200;

    ngx_sandbox_listing_run(a, l);
}


static ngx_int_t
ngx_sandbox_session_select(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_listing_t        *l;
    ngx_sandbox_session_query_t  *q;

    l = f->data;
    q = l->query;

    ngx_sandbox_op_statement(f, &ngx_sandbox_session_list_stmts[q->filters]);

    ngx_sandbox_session_filters(f, q);

    if (q->filters & NGX_SANDBOX_SESSION_AFTER) {
        ngx_sandbox_op_string(f, &q->cursor_time);
        ngx_sandbox_op_string(f, &q->cursor_time);
        ngx_sandbox_op_string(f, &q->cursor_id);
    }

    ngx_sandbox_op_int(f, l->limit + 1);
    ngx_sandbox_op_int(f, l->offset);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_session_count(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_listing_t        *l;
    ngx_sandbox_session_query_t  *q;

    l = f->data;
    q = l->query;

    ngx_sandbox_op_statement(f, &ngx_sandbox_session_count_stmts[
                             q->filters & ~NGX_SANDBOX_SESSION_AFTER]);

    ngx_sandbox_session_filters(f, q);
    ngx_sandbox_op_int(f, l->total_limit + 1);

    return ngx_sandbox_op_query(f);
}


static void
ngx_sandbox_session_filters(ngx_sandbox_flow_t *f,
    ngx_sandbox_session_query_t *q)
{
    ngx_keyval_t  *pair;

    if (q->filters & NGX_SANDBOX_SESSION_BY_METADATA) {
        pair = q->metadata.elts;
        ngx_sandbox_op_string(f, &pair->key);
        ngx_sandbox_op_string(f, &pair->value);
        ngx_sandbox_op_int(f, q->metadata.nelts);
        ngx_sandbox_op_int(f, q->metadata.nelts);
        ngx_sandbox_op_string(f, &q->pairs);
    }

    if (q->filters & NGX_SANDBOX_SESSION_BY_STATUS) {
        ngx_sandbox_op_string(f, &ngx_sandbox_session_states[q->status]);
    }

    if (q->filters & NGX_SANDBOX_SESSION_BY_TEMPLATE) {
        ngx_sandbox_op_string(f, &q->template_id);
    }
}


static ngx_int_t
ngx_sandbox_session_pairs(ngx_pool_t *pool, ngx_sandbox_items_t *metadata,
    ngx_str_t *ret_json)
{
    ngx_uint_t           i;
    ngx_keyval_t        *pair;
    ngx_sandbox_json_t   json;

    pair = metadata->elts;

    ngx_sandbox_json_init(&json, pool, 128);
    ngx_sandbox_json_array_start(&json);

    for (i = 0; i < metadata->nelts; i++) {
        ngx_sandbox_json_object_start(&json);
        ngx_sandbox_json_literal_key(&json, "k");
        ngx_sandbox_json_string(&json, &pair[i].key);
        ngx_sandbox_json_literal_key(&json, "v");
        ngx_sandbox_json_string(&json, &pair[i].value);
        ngx_sandbox_json_object_end(&json);
    }

    ngx_sandbox_json_array_end(&json);

    return ngx_sandbox_json_finish(&json, ret_json);
}


/*
 * A cursor is base64url of the last row's created_at and id: opaque to
 * clients, and checked as anything else that comes from them.
 */

static ngx_int_t
ngx_sandbox_session_cursor_parse(ngx_pool_t *pool,
    const ngx_sandbox_field_t *field, void *value)
{
    ngx_sandbox_session_query_t  q;

    q.cursor = *(ngx_str_t *) value;

    return ngx_sandbox_session_cursor_split(pool, &q);
}


static ngx_int_t
ngx_sandbox_session_cursor_split(ngx_pool_t *pool,
    ngx_sandbox_session_query_t *q)
{
    ngx_uint_t   i;
    ngx_str_t    text;
    const char  *form;

    text.len = ngx_base64_decoded_length(q->cursor.len);
    text.data = ngx_pnalloc(pool, text.len);

    if (text.data == NULL) {
        return NGX_ERROR;
    }

    if (ngx_decode_base64url(&text, &q->cursor) != NGX_OK
        || text.len <= NGX_SANDBOX_CURSOR_TIME)
    {
        return NGX_DECLINED;
    }

    form = "dddd-dd-dd dd:dd:dd.ddd";

    for (i = 0; i < NGX_SANDBOX_CURSOR_TIME; i++) {
        if (form[i] == 'd' ? (text.data[i] < '0' || text.data[i] > '9')
                           : text.data[i] != (u_char) form[i])
        {
            return NGX_DECLINED;
        }
    }

    q->cursor_time.data = text.data;
    q->cursor_time.len = NGX_SANDBOX_CURSOR_TIME;
    q->cursor_id.data = text.data + NGX_SANDBOX_CURSOR_TIME;
    q->cursor_id.len = text.len - NGX_SANDBOX_CURSOR_TIME;

    return ngx_sandbox_id_valid(&q->cursor_id) ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_sandbox_session_cursor_make(ngx_pool_t *pool, ngx_str_t *row,
    ngx_str_t *ret_cursor)
{
    ngx_str_t  *created, *id, text;

    created = &row[NGX_SANDBOX_SESSION_CREATED];
    id = &row[NGX_SANDBOX_SESSION_ID];

    text.len = created->len + id->len;
    text.data = ngx_pnalloc(pool, text.len);
    ret_cursor->data = ngx_pnalloc(pool, ngx_base64_encoded_length(text.len));

    if (text.data == NULL || ret_cursor->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(ngx_cpymem(text.data, created->data, created->len), id->data,
               id->len);

    ngx_encode_base64url(ret_cursor, &text);

    return NGX_OK;
}
