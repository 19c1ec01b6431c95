
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Containers: list, read, logs.  They are made and removed by the flows of
 * sessions only.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_sandbox.h"
#include "ngx_sandbox_api.h"
#include "ngx_sandbox_container_flow.h"
#include "ngx_sandbox_container_store.h"
#include "ngx_sandbox_listing.h"
#include "ngx_sandbox_op.h"


typedef struct {
    ngx_sandbox_fields_t   fields;
    ngx_uint_t             status;
    ngx_uint_t             runtime_type;
    ngx_int_t              limit;
    ngx_int_t              offset;
    ngx_uint_t             by_status;
    ngx_uint_t             none;       /* no row can match */
} ngx_sandbox_container_query_t;


typedef struct {
    ngx_sandbox_fields_t   fields;
    ngx_int_t              tail;
    ngx_int_t              since;
} ngx_sandbox_logs_query_t;


static ngx_sandbox_container_t *ngx_sandbox_container_path(
    ngx_sandbox_api_t *a);
static ngx_int_t ngx_sandbox_container_select(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_container_count(ngx_sandbox_flow_t *f);
static void ngx_sandbox_container_filters(ngx_sandbox_flow_t *f,
    ngx_uint_t all, ngx_uint_t by_status);
static void ngx_sandbox_container_show(ngx_sandbox_flow_t *f, ngx_int_t rc);
static void ngx_sandbox_container_logged(ngx_sandbox_flow_t *f, ngx_int_t rc);
static void ngx_sandbox_render_container(ngx_sandbox_json_t *json,
    ngx_str_t *row);


static ngx_str_t  ngx_sandbox_container_states[] = {
    ngx_string("creating"),
    ngx_string("idle"),
    ngx_string("running"),
    ngx_string("exited"),
    ngx_string("removed"),
    ngx_null_string
};


static ngx_str_t  ngx_sandbox_container_backends[] = {
    ngx_string("docker"),
    ngx_string("kubernetes"),
    ngx_null_string
};


static const ngx_sandbox_field_t  ngx_sandbox_container_query[] = {

    { ngx_string("status"), NGX_SANDBOX_FIELD_ENUM, 0, 0, 0,
      offsetof(ngx_sandbox_container_query_t, status),
      ngx_sandbox_container_states, NULL, NULL },

    { ngx_string("runtime_type"), NGX_SANDBOX_FIELD_ENUM, 0, 0, 0,
      offsetof(ngx_sandbox_container_query_t, runtime_type),
      ngx_sandbox_container_backends, NULL, NULL },

    { ngx_string("limit"), NGX_SANDBOX_FIELD_INT, NGX_SANDBOX_FIELD_CLAMP, 1,
      NGX_SANDBOX_LISTING_LIMIT_MAX,
      offsetof(ngx_sandbox_container_query_t, limit), NULL, NULL, NULL },

    { ngx_string("offset"), NGX_SANDBOX_FIELD_INT, 0, 0,
      NGX_SANDBOX_LISTING_OFFSET_MAX,
      offsetof(ngx_sandbox_container_query_t, offset), NULL, NULL, NULL },

      ngx_sandbox_null_field
};


static const ngx_sandbox_field_t  ngx_sandbox_logs_query[] = {

    { ngx_string("tail"), NGX_SANDBOX_FIELD_INT, 0, 1, 1000,
      offsetof(ngx_sandbox_logs_query_t, tail), NULL, NULL, NULL },

    /* seconds since the epoch, as the engine takes it */

    { ngx_string("since"), NGX_SANDBOX_FIELD_INT, 0, 0, 9999999999,
      offsetof(ngx_sandbox_logs_query_t, since), NULL, NULL, NULL },

      ngx_sandbox_null_field
};


#define FIELD(name, column, kind)                                             \
    { ngx_string(name), NGX_SANDBOX_CONTAINER_##column,                       \
      NGX_SANDBOX_RENDER_##kind }

static const ngx_sandbox_render_t  ngx_sandbox_container_fields[] = {
    FIELD("id", ID, STRING),
    FIELD("session_id", SESSION, STRING),
    FIELD("template_id", TEMPLATE, STRING),
    FIELD("node_id", NODE, STRING),
    FIELD("runtime_type", RUNTIME_TYPE, STRING),
    FIELD("image", IMAGE, STRING),
    FIELD("status", STATUS, STRING),
    FIELD("created_at", CREATED, TIME),
    FIELD("started_at", STARTED, TIME),
    FIELD("exited_at", EXITED, TIME),
    FIELD("exit_code", EXIT_CODE, NUMBER),
    FIELD("oom_killed", OOM, BOOL),
      ngx_sandbox_null_render
};

#undef FIELD


void
ngx_sandbox_container_list_api(ngx_sandbox_api_t *a)
{
    ngx_sandbox_listing_t          *l;
    ngx_sandbox_container_query_t  *q;

    l = ngx_sandbox_listing_create(a, sizeof(ngx_sandbox_container_query_t));
    if (l == NULL) {
        return;
    }

    q = l->query;
    q->limit = NGX_SANDBOX_LISTING_LIMIT;

    if (ngx_sandbox_api_query(a, ngx_sandbox_container_query, q) != NGX_OK) {
        return;
    }

    q->by_status = ngx_sandbox_is_set(ngx_sandbox_container_query, q, status);

    /* docker's are all that this version makes */

    q->none = (q->runtime_type != 0);

    l->limit = q->limit;
    l->offset = q->offset;
    l->select = ngx_sandbox_container_select;
    l->count = ngx_sandbox_container_count;
    l->render = ngx_sandbox_render_container;
    l->row_size = 512;

    ngx_sandbox_listing_run(a, l);
}


void
ngx_sandbox_container_get_api(ngx_sandbox_api_t *a)
{
    ngx_sandbox_container_t  *c;

    c = ngx_sandbox_container_path(a);

    if (c) {
        ngx_sandbox_op_flow(a->request, a->node,
                            ngx_sandbox_container_read_steps, c, 0,
                            ngx_sandbox_container_show);
    }
}


void
ngx_sandbox_container_logs_api(ngx_sandbox_api_t *a)
{
    ngx_sandbox_container_t   *c;
    ngx_sandbox_logs_query_t   q;

    ngx_memzero(&q, sizeof(ngx_sandbox_logs_query_t));
    q.tail = 100;

    if (ngx_sandbox_api_query(a, ngx_sandbox_logs_query, &q) != NGX_OK) {
        return;
    }

    c = ngx_sandbox_container_path(a);
    if (c == NULL) {
        return;
    }

    c->tail = q.tail;
    c->since = q.since;

    ngx_sandbox_op_flow(a->request, a->node, ngx_sandbox_container_logs_steps,
                        c, 0, ngx_sandbox_container_logged);
}


/* longer than other ids: it is made of a session's and a number */

static ngx_sandbox_container_t *
ngx_sandbox_container_path(ngx_sandbox_api_t *a)
{
    u_char                    c;
    size_t                    i;
    ngx_str_t                *id;
    ngx_sandbox_container_t  *container;

    id = &a->params[0];

    for (i = 0; i < id->len; i++) {
        c = id->data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9') || c == '_' || c == '-'))
        {
            break;
        }
    }

    if (i < id->len || id->len > NGX_SANDBOX_CONTAINER_ID_MAX) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_CONTAINER_NOT_FOUND,
                                  "no container has such an id");
        return NULL;
    }

    container = ngx_pcalloc(a->request->pool, sizeof(ngx_sandbox_container_t));

    if (container == NULL) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INTERNAL_ERROR, "no memory");
        return NULL;
    }

    container->id = *id;

    return container;
}


static ngx_int_t
ngx_sandbox_container_select(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_listing_t          *l;
    ngx_sandbox_container_query_t  *q;

    l = f->data;
    q = l->query;

    ngx_sandbox_container_filters(f, NGX_SANDBOX_SQL_CONTAINER_LIST,
                                  NGX_SANDBOX_SQL_CONTAINER_LIST_STATUS);

    ngx_sandbox_op_int(f, q->none ? 0 : l->limit + 1);
    ngx_sandbox_op_int(f, l->offset);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_container_count(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_listing_t          *l;
    ngx_sandbox_container_query_t  *q;

    l = f->data;
    q = l->query;

    ngx_sandbox_container_filters(f, NGX_SANDBOX_SQL_CONTAINER_COUNT,
                                  NGX_SANDBOX_SQL_CONTAINER_COUNT_STATUS);

    ngx_sandbox_op_int(f, q->none ? 0 : l->total_limit + 1);

    return ngx_sandbox_op_query(f);
}


static void
ngx_sandbox_container_filters(ngx_sandbox_flow_t *f, ngx_uint_t all,
    ngx_uint_t by_status)
{
    ngx_sandbox_listing_t          *l;
    ngx_sandbox_container_query_t  *q;

    l = f->data;
    q = l->query;

    ngx_sandbox_op_statement(f,
              &ngx_sandbox_container_stmts[q->by_status ? by_status : all]);

    if (q->by_status) {
        ngx_sandbox_op_string(f, &ngx_sandbox_container_states[q->status]);
    }
}


static void
ngx_sandbox_container_show(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    ngx_sandbox_api_show(f, rc, ngx_sandbox_render_container);
}


static void
ngx_sandbox_container_logged(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    ngx_sandbox_api_t        *a;
    ngx_sandbox_json_t        json;
    ngx_sandbox_container_t  *c;

    a = ngx_http_get_module_ctx(f->request, ngx_http_sandbox_module);
    c = f->data;

    if (rc != NGX_OK) {
        ngx_sandbox_api_fail(a, &f->error);
        return;
    }

    ngx_sandbox_json_init(&json, f->pool, 256 + c->call->logs.len);
    ngx_sandbox_json_object_start(&json);
    ngx_sandbox_json_literal_key(&json, "id");
    ngx_sandbox_json_string(&json, &c->id);
    ngx_sandbox_json_literal_key(&json, "tail");
    ngx_sandbox_json_int(&json, c->tail);
    ngx_sandbox_json_literal_key(&json, "logs");
    ngx_sandbox_json_string(&json, &c->call->logs);
    ngx_sandbox_json_object_end(&json);

    ngx_sandbox_api_send_json(a, NGX_HTTP_OK, &json);
}


static void
ngx_sandbox_render_container(ngx_sandbox_json_t *json, ngx_str_t *row)
{
    ngx_sandbox_json_object_start(json);
    ngx_sandbox_render(json, ngx_sandbox_container_fields, row);
    ngx_sandbox_json_object_end(json);
}
