
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Sessions: create, read, list, terminate, delete.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_sandbox.h"
#include "ngx_sandbox_api.h"
#include "ngx_sandbox_id.h"
#include "ngx_sandbox_op.h"
#include "ngx_sandbox_quantity.h"
#include "ngx_sandbox_session_flow.h"
#include "ngx_sandbox_session_store.h"


#define NGX_SANDBOX_OFFSET_MAX    1000000
#define NGX_SANDBOX_CURSOR_TIME   (sizeof("1970-01-01 00:00:00.000") - 1)


typedef struct {
    ngx_sandbox_fields_t   fields;
    ngx_str_t              id;
    ngx_str_t              template_id;
    ngx_int_t              timeout;
    ngx_uint_t             cpu;
    ngx_uint_t             memory;
    ngx_uint_t             disk;
    ngx_sandbox_items_t    env_vars;
    ngx_str_t              event;
    ngx_sandbox_items_t    dependencies;
    ngx_int_t              install_timeout;
    ngx_uint_t             fail_on_error;
    ngx_uint_t             allow_conflicts;
    ngx_str_t              index_url;
    ngx_uint_t             mode;
    ngx_str_t              agent_id;
    ngx_sandbox_items_t    metadata;
    ngx_uint_t             network;
} ngx_sandbox_session_body_t;


typedef struct {
    ngx_sandbox_fields_t   fields;
    ngx_uint_t             status;
    ngx_str_t              template_id;
    ngx_int_t              limit;
    ngx_int_t              offset;
    ngx_sandbox_items_t    metadata;
    ngx_str_t              cursor;
    ngx_uint_t             filters;
    ngx_str_t              cursor_time;
    ngx_str_t              cursor_id;
} ngx_sandbox_session_query_t;


static void ngx_sandbox_session_show(ngx_sandbox_flow_t *f, ngx_int_t rc);
static void ngx_sandbox_session_created(ngx_sandbox_flow_t *f, ngx_int_t rc);
static void ngx_sandbox_session_hidden(ngx_sandbox_flow_t *f, ngx_int_t rc);
static void ngx_sandbox_session_listed(ngx_sandbox_flow_t *f, ngx_int_t rc);
static ngx_int_t ngx_sandbox_session_by_id_api(ngx_sandbox_api_t *a,
    const ngx_sandbox_step_t *steps, ngx_uint_t changes,
    ngx_sandbox_flow_done_pt done);
static ngx_int_t ngx_sandbox_session_select(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_session_count(ngx_sandbox_flow_t *f);
static void ngx_sandbox_session_filters(ngx_sandbox_flow_t *f,
    ngx_sandbox_session_query_t *q);
static ngx_int_t ngx_sandbox_session_cursor_parse(ngx_pool_t *pool,
    const ngx_sandbox_field_t *field, void *value);
static ngx_int_t ngx_sandbox_session_cursor_split(ngx_pool_t *pool,
    ngx_sandbox_session_query_t *q);
static ngx_int_t ngx_sandbox_session_cursor_make(ngx_sandbox_flow_t *f,
    ngx_sandbox_listing_t *l);
static ngx_int_t ngx_sandbox_session_unsupported(ngx_pool_t *pool,
    const ngx_sandbox_field_t *field, void *value);
static void ngx_sandbox_render_resources(ngx_sandbox_json_t *json,
    ngx_str_t *row);
static ngx_uint_t ngx_sandbox_session_number(ngx_str_t *value);


static ngx_str_t  ngx_sandbox_session_modes[] = {
    ngx_string("ephemeral"),
    ngx_string("persistent"),
    ngx_null_string
};


static ngx_str_t  ngx_sandbox_session_networks[] = {
    ngx_string("none"),
    ngx_string("egress"),
    ngx_null_string
};


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
      offsetof(ngx_sandbox_session_body_t, member), data, check, rule }

static const ngx_sandbox_field_t  ngx_sandbox_session_body[] = {
    FIELD("template_id", ID, NGX_SANDBOX_FIELD_REQUIRED, 0, 0, template_id,
          NULL, NULL, NULL),
    FIELD("id", ID, 0, 0, 0, id, NULL, NULL, NULL),
    FIELD("timeout", INT, 0, 1, NGX_SANDBOX_TIMEOUT_MAX, timeout, NULL, NULL,
          NULL),
    FIELD("cpu", CPU, 0, 100, 4000, cpu, NULL, NULL, NULL),
    FIELD("memory", SIZE, 0, 128, 8192, memory, NULL, NULL, NULL),
    FIELD("disk", SIZE, 0, 256, 51200, disk, NULL, NULL, NULL),
    FIELD("env_vars", MAP, NGX_SANDBOX_FIELD_ENV, NGX_SANDBOX_ENV_MAX_KEYS,
          NGX_SANDBOX_ENV_MAX_BYTES, env_vars, NULL, NULL, NULL),
    FIELD("event", OBJECT, NGX_SANDBOX_FIELD_NULLABLE, 0,
          NGX_SANDBOX_EVENT_MAX, event, NULL, NULL, NULL),
    FIELD("dependencies", DEPENDENCIES, 0, 0, 100, dependencies, NULL,
          ngx_sandbox_session_unsupported,
          "must be empty: this version does not install packages"),
    FIELD("install_timeout", INT, 0, 30, 1800, install_timeout, NULL, NULL,
          NULL),
    FIELD("fail_on_dependency_error", BOOL, 0, 0, 0, fail_on_error, NULL,
          NULL, NULL),
    FIELD("allow_version_conflicts", BOOL, 0, 0, 0, allow_conflicts, NULL,
          NULL, NULL),
    FIELD("python_package_index_url", STRING,
          NGX_SANDBOX_FIELD_NULLABLE|NGX_SANDBOX_FIELD_LINE, 0, 512,
          index_url, NULL, ngx_sandbox_session_unsupported,
          "must be empty: this version does not install packages"),
    FIELD("mode", ENUM, 0, 0, 0, mode, ngx_sandbox_session_modes, NULL, NULL),
    FIELD("agent_id", STRING,
          NGX_SANDBOX_FIELD_NULLABLE|NGX_SANDBOX_FIELD_LINE, 1, 128,
          agent_id, NULL, NULL, NULL),
    FIELD("metadata", MAP, 0, 32, 8192, metadata, NULL, NULL, NULL),
    FIELD("network", ENUM, 0, 0, 0, network, ngx_sandbox_session_networks,
          ngx_sandbox_session_unsupported,
          "must be \"none\": no template of this version allows more"),
      ngx_sandbox_null_field
};

#undef FIELD


#define FIELD(name, type, flags, min, max, member, data, check, rule)         \
    { ngx_string(name), NGX_SANDBOX_FIELD_##type, flags, min, max,            \
      offsetof(ngx_sandbox_session_query_t, member), data, check, rule }

static const ngx_sandbox_field_t  ngx_sandbox_session_query[] = {
    FIELD("status", ENUM, 0, 0, 0, status, ngx_sandbox_session_states, NULL,
          NULL),
    FIELD("template_id", ID, 0, 0, 0, template_id, NULL, NULL, NULL),
    FIELD("limit", INT, NGX_SANDBOX_FIELD_CLAMP, 1, 200, limit, NULL, NULL,
          NULL),
    FIELD("offset", INT, 0, 0, NGX_SANDBOX_OFFSET_MAX, offset, NULL, NULL,
          NULL),
    FIELD("metadata.", PREFIX, 0, 256, 1, metadata, NULL, NULL, NULL),
    FIELD("cursor", STRING, 0, 1, 256, cursor, NULL,
          ngx_sandbox_session_cursor_parse,
          "must be the next_cursor of an earlier answer"),
      ngx_sandbox_null_field
};

#undef FIELD


#define FIELD(name, column, kind)                                             \
    { ngx_string(name), NGX_SANDBOX_SESSION_##column,                         \
      NGX_SANDBOX_RENDER_##kind }

static const ngx_sandbox_render_t  ngx_sandbox_session_head[] = {
    FIELD("id", ID, STRING),
    FIELD("template_id", TEMPLATE, STRING),
    FIELD("status", STATUS, STRING),
      ngx_sandbox_null_render
};

static const ngx_sandbox_render_t  ngx_sandbox_session_tail[] = {
    FIELD("workspace_path", WORKSPACE, STRING),
    FIELD("language_runtime", LANGUAGE_RUNTIME, STRING),
    FIELD("runtime_type", LANGUAGE_RUNTIME, STRING),
    FIELD("runtime_backend", BACKEND, STRING),
    FIELD("runtime_node", NODE, STRING),
    FIELD("container_id", CONTAINER, STRING),
    FIELD("env_vars", ENV, JSON),
    FIELD("timeout", TIMEOUT, NUMBER),
    FIELD("mode", MODE, STRING),
    FIELD("agent_id", AGENT, STRING),
    FIELD("metadata", METADATA, JSON),
    FIELD("start_kind", START_KIND, STRING),
    FIELD("failure", FAILURE, JSON),
    FIELD("created_at", CREATED, TIME),
    FIELD("updated_at", UPDATED, TIME),
    FIELD("started_at", STARTED, TIME),
    FIELD("completed_at", COMPLETED, TIME),
    FIELD("last_activity_at", ACTIVITY, TIME),
    FIELD("expires_at", EXPIRES, TIME),
      ngx_sandbox_null_render
};

#undef FIELD


static ngx_str_t  ngx_sandbox_empty_object = ngx_string("{}");


void
ngx_sandbox_session_create_api(ngx_sandbox_api_t *a)
{
    ngx_pool_t                    *pool;
    ngx_sandbox_session_body_t     body;
    ngx_sandbox_session_create_t  *s;

    ngx_memzero(&body, sizeof(ngx_sandbox_session_body_t));

    if (ngx_sandbox_api_body(a, ngx_sandbox_session_body, &body) != NGX_OK) {
        return;
    }

    pool = a->request->pool;

    s = ngx_pcalloc(pool, sizeof(ngx_sandbox_session_create_t));

    if (s == NULL
        || (body.id.len == 0
            && ngx_sandbox_id_session(pool, &body.id) != NGX_OK))
    {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INTERNAL_ERROR, "no memory");
        return;
    }

    s->id = body.id;
    s->template_id = body.template_id;
    s->mode = ngx_sandbox_session_modes[body.mode];
    s->agent_id = body.agent_id;
    s->cpu_milli = body.cpu;
    s->memory_mb = body.memory;
    s->disk_mb = body.disk;
    s->timeout_sec = body.timeout;
    s->event = body.event;
    s->env_vars = body.env_vars.json.len ? body.env_vars.json
                                         : ngx_sandbox_empty_object;
    s->metadata = body.metadata.json.len ? body.metadata.json
                                         : ngx_sandbox_empty_object;
    s->metadata_pairs = body.metadata.nelts;

    a->data = s;

    ngx_sandbox_op_flow(a->request, a->node, ngx_sandbox_session_create_steps,
                        s, 1, ngx_sandbox_session_created);
}


void
ngx_sandbox_session_get_api(ngx_sandbox_api_t *a)
{
    (void) ngx_sandbox_session_by_id_api(a, ngx_sandbox_session_read_steps, 0,
                                         ngx_sandbox_session_show);
}


void
ngx_sandbox_session_terminate_api(ngx_sandbox_api_t *a)
{
    (void) ngx_sandbox_session_by_id_api(a,
                                         ngx_sandbox_session_terminate_steps,
                                         1, ngx_sandbox_session_show);
}


void
ngx_sandbox_session_delete_api(ngx_sandbox_api_t *a)
{
    (void) ngx_sandbox_session_by_id_api(a, ngx_sandbox_session_delete_steps,
                                         1, ngx_sandbox_session_hidden);
}


void
ngx_sandbox_session_list_api(ngx_sandbox_api_t *a)
{
    ngx_pool_t                   *pool;
    ngx_sandbox_listing_t        *l;
    ngx_sandbox_session_query_t  *q;

    pool = a->request->pool;

    l = ngx_pcalloc(pool, sizeof(ngx_sandbox_listing_t));
    q = ngx_pcalloc(pool, sizeof(ngx_sandbox_session_query_t));

    if (l == NULL || q == NULL) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INTERNAL_ERROR, "no memory");
        return;
    }

    q->limit = 50;

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
    }

    if (q->cursor.len) {
        q->filters |= NGX_SANDBOX_SESSION_AFTER;
        (void) ngx_sandbox_session_cursor_split(pool, q);
    }

    l->list.limit = q->limit;
    l->list.offset = q->offset;
    l->select = ngx_sandbox_session_select;
    l->count = ngx_sandbox_session_count;
    l->data = q;

    ngx_sandbox_op_flow(a->request, a->node, ngx_sandbox_listing_steps, l, 0,
                        ngx_sandbox_session_listed);
}


static ngx_int_t
ngx_sandbox_session_by_id_api(ngx_sandbox_api_t *a,
    const ngx_sandbox_step_t *steps, ngx_uint_t changes,
    ngx_sandbox_flow_done_pt done)
{
    ngx_sandbox_session_id_t  *s;

    if (!ngx_sandbox_id_valid(&a->params[0])) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_SESSION_NOT_FOUND,
                                  "no session has such an id");
        return NGX_DECLINED;
    }

    s = ngx_palloc(a->request->pool, sizeof(ngx_sandbox_session_id_t));

    if (s == NULL) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INTERNAL_ERROR, "no memory");
        return NGX_ERROR;
    }

    s->id = a->params[0];

    ngx_sandbox_op_flow(a->request, a->node, steps, s, changes, done);

    return NGX_OK;
}


static void
ngx_sandbox_session_answer(ngx_sandbox_flow_t *f, ngx_int_t rc,
    ngx_uint_t status)
{
    ngx_sandbox_api_t   *a;
    ngx_sandbox_json_t   json;

    a = ngx_http_get_module_ctx(f->request, ngx_http_sandbox_module);

    if (rc != NGX_OK) {
        ngx_sandbox_api_fail(a, &f->error);
        return;
    }

    ngx_sandbox_json_init(&json, f->pool, 1536);
    ngx_sandbox_render_session(&json, ngx_sandbox_op_value(f, 0));

    ngx_sandbox_api_send_json(a, status, &json);
}


static void
ngx_sandbox_session_show(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    ngx_sandbox_session_answer(f, rc, NGX_HTTP_OK);
}


static void
ngx_sandbox_session_created(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    ngx_sandbox_session_answer(f, rc, NGX_HTTP_CREATED);
}


static void
ngx_sandbox_session_hidden(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    ngx_sandbox_api_t  *a;

    a = ngx_http_get_module_ctx(f->request, ngx_http_sandbox_module);

    if (rc != NGX_OK) {
        ngx_sandbox_api_fail(a, &f->error);
        return;
    }

    ngx_sandbox_api_send(a, NGX_HTTP_NO_CONTENT, NULL);
}


static void
ngx_sandbox_session_listed(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    ngx_uint_t              i;
    ngx_sandbox_api_t      *a;
    ngx_sandbox_json_t      json;
    ngx_sandbox_listing_t  *l;

    a = ngx_http_get_module_ctx(f->request, ngx_http_sandbox_module);
    l = f->data;

    if (rc != NGX_OK || ngx_sandbox_session_cursor_make(f, l) != NGX_OK) {
        ngx_sandbox_api_fail(a, &f->error);
        return;
    }

    ngx_sandbox_json_init(&json, f->pool, 256 + l->page.rows * 1200);

    ngx_sandbox_json_object_start(&json);
    ngx_sandbox_json_literal_key(&json, "items");
    ngx_sandbox_json_array_start(&json);

    for (i = 0; i < l->page.rows; i++) {
        ngx_sandbox_render_session(&json,
                       &l->page.values[i * NGX_SANDBOX_SESSION_COLUMNS]);
    }

    ngx_sandbox_json_array_end(&json);
    ngx_sandbox_render_list(&json, &l->list);
    ngx_sandbox_json_object_end(&json);

    ngx_sandbox_api_send_json(a, NGX_HTTP_OK, &json);
}


static ngx_int_t
ngx_sandbox_session_select(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_listing_t        *l;
    ngx_sandbox_session_query_t  *q;

    l = f->data;
    q = l->data;

    ngx_sandbox_op_statement(f, &ngx_sandbox_session_list_stmts[q->filters]);

    ngx_sandbox_session_filters(f, q);

    if (q->filters & NGX_SANDBOX_SESSION_AFTER) {
        ngx_sandbox_op_string(f, &q->cursor_time);
        ngx_sandbox_op_string(f, &q->cursor_time);
        ngx_sandbox_op_string(f, &q->cursor_id);
    }

    ngx_sandbox_op_int(f, l->list.limit + 1);
    ngx_sandbox_op_int(f, l->list.offset);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_session_count(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_listing_t        *l;
    ngx_sandbox_session_query_t  *q;

    l = f->data;
    q = l->data;

    ngx_sandbox_op_statement(f, &ngx_sandbox_session_count_stmts[
                             q->filters & ~NGX_SANDBOX_SESSION_AFTER]);

    ngx_sandbox_session_filters(f, q);
    ngx_sandbox_op_int(f, l->list.total_limit);

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
    }

    if (q->filters & NGX_SANDBOX_SESSION_BY_STATUS) {
        ngx_sandbox_op_string(f, &ngx_sandbox_session_states[q->status]);
    }

    if (q->filters & NGX_SANDBOX_SESSION_BY_TEMPLATE) {
        ngx_sandbox_op_string(f, &q->template_id);
    }
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
ngx_sandbox_session_cursor_make(ngx_sandbox_flow_t *f,
    ngx_sandbox_listing_t *l)
{
    ngx_str_t  *row, *created, *id, text;

    if (!l->list.more) {
        return NGX_OK;
    }

    row = &l->page.values[(l->page.rows - 1) * NGX_SANDBOX_SESSION_COLUMNS];
    created = &row[NGX_SANDBOX_SESSION_CREATED];
    id = &row[NGX_SANDBOX_SESSION_ID];

    text.len = created->len + id->len;
    text.data = ngx_pnalloc(f->pool, text.len);
    l->list.next_cursor.data = ngx_pnalloc(f->pool,
                                          ngx_base64_encoded_length(text.len));

    if (text.data == NULL || l->list.next_cursor.data == NULL) {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_INTERNAL_ERROR,
                                     "no memory for a cursor");
    }

    ngx_memcpy(ngx_cpymem(text.data, created->data, created->len), id->data,
               id->len);

    ngx_encode_base64url(&l->list.next_cursor, &text);

    return NGX_OK;
}


/* a field of the contract that may be given, but asks for nothing yet */

static ngx_int_t
ngx_sandbox_session_unsupported(ngx_pool_t *pool,
    const ngx_sandbox_field_t *field, void *value)
{
    ngx_uint_t  asked;

    switch (field->type) {

    case NGX_SANDBOX_FIELD_DEPENDENCIES:
        asked = ((ngx_sandbox_items_t *) value)->nelts;
        break;

    case NGX_SANDBOX_FIELD_STRING:
        asked = ((ngx_str_t *) value)->len;
        break;

    default:
        asked = *(ngx_uint_t *) value;
        break;
    }

    return asked ? NGX_DECLINED : NGX_OK;
}


void
ngx_sandbox_render_session(ngx_sandbox_json_t *json, ngx_str_t *row)
{
    static ngx_str_t  none = ngx_string("[]");

    ngx_sandbox_json_object_start(json);

    ngx_sandbox_render(json, ngx_sandbox_session_head, row);
    ngx_sandbox_render_resources(json, row);
    ngx_sandbox_render(json, ngx_sandbox_session_tail, row);

    /* what older clients read of packages and pods */

    ngx_sandbox_json_literal_key(json, "pod_name");
    ngx_sandbox_json_null(json);
    ngx_sandbox_json_literal_key(json, "requested_dependencies");
    ngx_sandbox_json_raw(json, &none);
    ngx_sandbox_json_literal_key(json, "installed_dependencies");
    ngx_sandbox_json_raw(json, &none);
    ngx_sandbox_json_literal_key(json, "dependency_install_status");
    ngx_sandbox_json_literal(json, "completed");
    ngx_sandbox_json_literal_key(json, "dependency_install_error");
    ngx_sandbox_json_null(json);
    ngx_sandbox_json_literal_key(json, "dependency_install_started_at");
    ngx_sandbox_json_null(json);
    ngx_sandbox_json_literal_key(json, "dependency_install_completed_at");
    ngx_sandbox_json_null(json);
    ngx_sandbox_json_literal_key(json, "python_package_index_url");
    ngx_sandbox_json_literal(json, "");

    ngx_sandbox_json_object_end(json);
}


static void
ngx_sandbox_render_resources(ngx_sandbox_json_t *json, ngx_str_t *row)
{
    ngx_str_t  cpu, memory, disk;

    ngx_sandbox_json_literal_key(json, "resource_limit");

    if (ngx_sandbox_quantity_cpu_text(json->pool,
             ngx_sandbox_session_number(&row[NGX_SANDBOX_SESSION_CPU]), &cpu)
        != NGX_OK
        || ngx_sandbox_quantity_mb_text(json->pool,
             ngx_sandbox_session_number(&row[NGX_SANDBOX_SESSION_MEMORY]),
                                        &memory)
           != NGX_OK
        || ngx_sandbox_quantity_mb_text(json->pool,
             ngx_sandbox_session_number(&row[NGX_SANDBOX_SESSION_DISK]), &disk)
           != NGX_OK)
    {
        ngx_sandbox_json_null(json);
        return;
    }

    ngx_sandbox_json_object_start(json);
    ngx_sandbox_json_literal_key(json, "cpu");
    ngx_sandbox_json_string(json, &cpu);
    ngx_sandbox_json_literal_key(json, "memory");
    ngx_sandbox_json_string(json, &memory);
    ngx_sandbox_json_literal_key(json, "disk");
    ngx_sandbox_json_string(json, &disk);
    ngx_sandbox_json_literal_key(json, "max_processes");
    ngx_sandbox_json_number(json, &row[NGX_SANDBOX_SESSION_PROCESSES]);
    ngx_sandbox_json_object_end(json);
}


static ngx_uint_t
ngx_sandbox_session_number(ngx_str_t *value)
{
    ngx_int_t  n;

    n = value->data ? ngx_atoi(value->data, value->len) : 0;

    return n == NGX_ERROR ? 0 : n;
}
