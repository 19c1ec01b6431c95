
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Templates: create, read, list, change, delete.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_sandbox.h"
#include "ngx_sandbox_api.h"
#include "ngx_sandbox_id.h"
#include "ngx_sandbox_listing.h"
#include "ngx_sandbox_op.h"
#include "ngx_sandbox_template_flow.h"
#include "ngx_sandbox_template_store.h"


/* what a template is made with when it does not say */
#define NGX_SANDBOX_DEFAULT_CPU_MILLI  1000
#define NGX_SANDBOX_DEFAULT_MEMORY_MB  512
#define NGX_SANDBOX_DEFAULT_DISK_MB    1024
#define NGX_SANDBOX_DEFAULT_TIMEOUT_SEC 300
#define NGX_SANDBOX_DEFAULT_RUNS  4


typedef struct {
    ngx_sandbox_fields_t   fields;
    ngx_int_t              min;
    ngx_int_t              target;
    ngx_int_t              max;
    ngx_int_t              max_idle;
} ngx_sandbox_pool_body_t;


typedef struct {
    ngx_sandbox_fields_t   fields;
    ngx_int_t              python;
    ngx_int_t              javascript;
} ngx_sandbox_prestart_body_t;


typedef struct {
    ngx_sandbox_fields_t         fields;
    ngx_str_t                    id;
    ngx_str_t                    name;
    ngx_str_t                    description;
    ngx_str_t                    image_url;
    ngx_uint_t                   runtime_type;
    double                       cpu_cores;
    ngx_int_t                    memory_mb;
    ngx_int_t                    disk_mb;
    ngx_int_t                    timeout_sec;
    ngx_sandbox_items_t          env_vars;
    ngx_sandbox_items_t          packages;
    ngx_str_t                    security;
    ngx_sandbox_pool_body_t      warm_pool;
    ngx_sandbox_prestart_body_t  prestart;
    ngx_int_t                    max_runs;
    ngx_uint_t                   active;
} ngx_sandbox_template_body_t;


static ngx_sandbox_template_t *ngx_sandbox_template_parse(
    ngx_sandbox_api_t *a, const ngx_sandbox_field_t *fields,
    ngx_sandbox_template_body_t *body);
static ngx_int_t ngx_sandbox_template_json(ngx_pool_t *pool,
    ngx_sandbox_template_body_t *body, const ngx_sandbox_field_t *fields,
    ngx_sandbox_template_t *t);
static void ngx_sandbox_template_defaults(ngx_sandbox_template_t *t);
static ngx_int_t ngx_sandbox_template_image(ngx_pool_t *pool,
    const ngx_sandbox_field_t *field, void *value);
static ngx_int_t ngx_sandbox_template_security(ngx_pool_t *pool,
    const ngx_sandbox_field_t *field, void *value);
static ngx_int_t ngx_sandbox_template_pool(ngx_pool_t *pool,
    const ngx_sandbox_field_t *field, void *value);
static ngx_sandbox_template_t *ngx_sandbox_template_path(
    ngx_sandbox_api_t *a);
static void ngx_sandbox_template_created(ngx_sandbox_flow_t *f, ngx_int_t rc);
static void ngx_sandbox_template_show(ngx_sandbox_flow_t *f, ngx_int_t rc);
static void ngx_sandbox_template_listed(ngx_sandbox_flow_t *f, ngx_int_t rc);
static void ngx_sandbox_template_gone(ngx_sandbox_flow_t *f, ngx_int_t rc);
static void ngx_sandbox_render_template(ngx_sandbox_json_t *json,
    ngx_str_t *row);


static ngx_str_t  ngx_sandbox_runtime_types[] = {
    ngx_string("python3.11"),
    ngx_string("nodejs20"),
    ngx_string("java17"),
    ngx_string("go1.21"),
    ngx_null_string
};


#define FIELD(name, member, max)                                              \
    { ngx_string(name), NGX_SANDBOX_FIELD_INT, 0, 0, max,                     \
      offsetof(ngx_sandbox_pool_body_t, member), NULL, NULL, NULL }

static const ngx_sandbox_field_t  ngx_sandbox_pool_body[] = {
    FIELD("min", min, 1000),
    FIELD("target", target, 1000),
    FIELD("max", max, 1000),
    FIELD("max_idle", max_idle, 86400),
      ngx_sandbox_null_field
};

#undef FIELD


#define FIELD(name, member)                                                   \
    { ngx_string(name), NGX_SANDBOX_FIELD_INT, 0, 0, 16,                      \
      offsetof(ngx_sandbox_prestart_body_t, member), NULL, NULL, NULL }

static const ngx_sandbox_field_t  ngx_sandbox_prestart_body[] = {
    FIELD("python", python),
    FIELD("javascript", javascript),
      ngx_sandbox_null_field
};

#undef FIELD


#define FIELD(name, type, flags, min, max, member, data, check, rule)         \
    { ngx_string(name), NGX_SANDBOX_FIELD_##type, flags, min, max,            \
      offsetof(ngx_sandbox_template_body_t, member), data, check, rule }

/* the three that only a new template must have come first */

#define FIELDS(required)                                                      \
    FIELD("name", TEXT, required|NGX_SANDBOX_FIELD_LINE, 1, 128, name, NULL,  \
          NULL, NULL),                                                        \
    FIELD("image_url", STRING, required, 1, 255, image_url, NULL,             \
          ngx_sandbox_template_image,                                         \
          "must be an image's name, like \"registry/name:tag\""),             \
    FIELD("runtime_type", ENUM, required, 0, 0, runtime_type,                 \
          ngx_sandbox_runtime_types, NULL, NULL),                             \
    FIELD("description", STRING, 0, 0, 4096, description, NULL, NULL, NULL),  \
    FIELD("default_cpu_cores", NUMBER, 0, 100, 4000, cpu_cores, NULL, NULL,   \
          NULL),                                                              \
    FIELD("default_memory_mb", INT, 0, 128, 8192, memory_mb, NULL, NULL,      \
          NULL),                                                              \
    FIELD("default_disk_mb", INT, 0, 256, 51200, disk_mb, NULL, NULL, NULL),  \
    FIELD("default_timeout_sec", INT, 0, 1, NGX_SANDBOX_TIMEOUT_MAX,          \
          timeout_sec, NULL, NULL, NULL),                                     \
    FIELD("default_timeout", INT, 0, 1, NGX_SANDBOX_TIMEOUT_MAX,              \
          timeout_sec, NULL, NULL, NULL),                                     \
    FIELD("default_env_vars", MAP, NGX_SANDBOX_FIELD_ENV,                     \
          NGX_SANDBOX_ENV_MAX_KEYS, NGX_SANDBOX_ENV_MAX_BYTES, env_vars,      \
          NULL, NULL, NULL),                                                  \
    FIELD("pre_installed_packages", LIST, NGX_SANDBOX_FIELD_LINE, 128, 256,   \
          packages, NULL, NULL, NULL),                                        \
    FIELD("security_context", OBJECT, 0, 0, 4096, security, NULL,             \
          ngx_sandbox_template_security,                                      \
          "must be empty: the isolation of a sandbox cannot be relaxed"),     \
    FIELD("warm_pool", NESTED, 0, 0, 0, warm_pool, ngx_sandbox_pool_body,     \
          ngx_sandbox_template_pool, "needs min <= target <= max"),           \
    FIELD("prestart", NESTED, 0, 0, 0, prestart, ngx_sandbox_prestart_body,   \
          NULL, NULL),                                                        \
    FIELD("max_concurrent_executions", INT, 0, 1, 64, max_runs, NULL, NULL,   \
          NULL),                                                              \
    FIELD("is_active", BOOL, 0, 0, 0, active, NULL, NULL, NULL)

static const ngx_sandbox_field_t  ngx_sandbox_template_create_body[] = {
    FIELDS(NGX_SANDBOX_FIELD_REQUIRED),
    FIELD("id", ID, 0, 0, 0, id, NULL, NULL, NULL),
      ngx_sandbox_null_field
};

static const ngx_sandbox_field_t  ngx_sandbox_template_update_body[] = {
    FIELDS(0),
      ngx_sandbox_null_field
};

#undef FIELDS
#undef FIELD


#define FIELD(name, column, kind)                                             \
    { ngx_string(name), NGX_SANDBOX_TEMPLATE_##column,                        \
      NGX_SANDBOX_RENDER_##kind }

static const ngx_sandbox_render_t  ngx_sandbox_template_fields[] = {
    FIELD("id", ID, STRING),
    FIELD("name", NAME, STRING),
    FIELD("description", DESCRIPTION, STRING),
    FIELD("image_url", IMAGE, STRING),
    FIELD("runtime_type", RUNTIME_TYPE, STRING),
    FIELD("default_memory_mb", MEMORY, NUMBER),
    FIELD("default_disk_mb", DISK, NUMBER),
    FIELD("default_timeout_sec", TIMEOUT, NUMBER),
    FIELD("default_env_vars", ENV, JSON),
    FIELD("pre_installed_packages", PACKAGES, JSON),
    FIELD("security_context", SECURITY, JSON),
    FIELD("warm_pool", POOL, JSON),
    FIELD("prestart", PRESTART, JSON),
    FIELD("max_concurrent_executions", MAX_RUNS, NUMBER),
    FIELD("is_active", ACTIVE, BOOL),
    FIELD("created_at", CREATED, TIME),
    FIELD("updated_at", UPDATED, TIME),
      ngx_sandbox_null_render
};

#undef FIELD


void
ngx_sandbox_template_create_api(ngx_sandbox_api_t *a)
{
    ngx_sandbox_template_t       *t;
    ngx_sandbox_template_body_t   body;

    t = ngx_sandbox_template_parse(a, ngx_sandbox_template_create_body, &body);
    if (t == NULL) {
        return;
    }

    if (ngx_sandbox_api_idempotency(a, &t->key) != NGX_OK) {
        return;
    }

    t->id = body.id;

    if (t->id.len == 0
        && ngx_sandbox_id_template(a->request->pool, &t->id) != NGX_OK)
    {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INTERNAL_ERROR, "no memory");
        return;
    }

    ngx_sandbox_template_defaults(t);

    ngx_sandbox_op_flow(a->request, a->node, ngx_sandbox_template_create_steps,
                        t, 1, ngx_sandbox_template_created);
}


void
ngx_sandbox_template_update_api(ngx_sandbox_api_t *a)
{
    ngx_sandbox_template_t       *t;
    ngx_sandbox_template_body_t   body;

    if (ngx_sandbox_template_path(a) == NULL) {
        return;
    }

    t = ngx_sandbox_template_parse(a, ngx_sandbox_template_update_body, &body);
    if (t == NULL) {
        return;
    }

    if (body.fields.set == 0) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INVALID_PARAMETER,
                                  "the body changes nothing: give at least "
                                  "one field");
        return;
    }

    t->id = a->params[0];

    ngx_sandbox_op_flow(a->request, a->node, ngx_sandbox_template_update_steps,
                        t, 1, ngx_sandbox_template_show);
}


void
ngx_sandbox_template_get_api(ngx_sandbox_api_t *a)
{
    ngx_sandbox_template_t  *t;

    t = ngx_sandbox_template_path(a);

    if (t) {
        ngx_sandbox_op_flow(a->request, a->node,
                            ngx_sandbox_template_read_steps, t, 0,
                            ngx_sandbox_template_show);
    }
}


void
ngx_sandbox_template_list_api(ngx_sandbox_api_t *a)
{
    ngx_sandbox_op_flow(a->request, a->node, ngx_sandbox_template_list_steps,
                        NULL, 0, ngx_sandbox_template_listed);
}


void
ngx_sandbox_template_delete_api(ngx_sandbox_api_t *a)
{
    ngx_sandbox_template_t  *t;

    t = ngx_sandbox_template_path(a);

    if (t) {
        ngx_sandbox_op_flow(a->request, a->node,
                            ngx_sandbox_template_delete_steps, t, 1,
                            ngx_sandbox_template_gone);
    }
}


static ngx_sandbox_template_t *
ngx_sandbox_template_parse(ngx_sandbox_api_t *a,
    const ngx_sandbox_field_t *fields, ngx_sandbox_template_body_t *body)
{
    ngx_pool_t              *pool;
    ngx_sandbox_template_t  *t;

    pool = a->request->pool;

    ngx_memzero(body, sizeof(ngx_sandbox_template_body_t));

    body->memory_mb = -1;
    body->disk_mb = -1;
    body->timeout_sec = -1;
    body->max_runs = -1;

    if (ngx_sandbox_api_body(a, fields, body) != NGX_OK) {
        return NULL;
    }

    t = ngx_pcalloc(pool, sizeof(ngx_sandbox_template_t));

    if (t == NULL || ngx_sandbox_template_json(pool, body, fields, t) != NGX_OK)
    {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INTERNAL_ERROR, "no memory");
        return NULL;
    }

    t->name = body->name;
    t->description = body->description;
    t->image_url = body->image_url;
    t->memory_mb = body->memory_mb;
    t->disk_mb = body->disk_mb;
    t->timeout_sec = body->timeout_sec;
    t->max_runs = body->max_runs;
    t->env_vars = body->env_vars.json;
    t->packages = body->packages.json;
    t->security = body->security;
    t->cpu_milli = -1;
    t->active = -1;

    if (ngx_sandbox_is_set(fields, body, runtime_type)) {
        t->runtime_type = ngx_sandbox_runtime_types[body->runtime_type];
    }

    if (ngx_sandbox_is_set(fields, body, cpu_cores)) {
        t->cpu_milli = (ngx_int_t) (body->cpu_cores * 1000 + 0.5);
    }

    if (ngx_sandbox_is_set(fields, body, active)) {
        t->active = body->active;
    }

    return t;
}


static ngx_int_t
ngx_sandbox_template_json(ngx_pool_t *pool, ngx_sandbox_template_body_t *body,
    const ngx_sandbox_field_t *fields, ngx_sandbox_template_t *t)
{
    ngx_sandbox_json_t  json;

    if (ngx_sandbox_is_set(fields, body, warm_pool)) {
        ngx_sandbox_json_init(&json, pool, 96);
        ngx_sandbox_json_object_start(&json);
        ngx_sandbox_json_literal_key(&json, "min");
        ngx_sandbox_json_int(&json, body->warm_pool.min);
        ngx_sandbox_json_literal_key(&json, "target");
        ngx_sandbox_json_int(&json, body->warm_pool.target);
        ngx_sandbox_json_literal_key(&json, "max");
        ngx_sandbox_json_int(&json, body->warm_pool.max);
        ngx_sandbox_json_literal_key(&json, "max_idle");
        ngx_sandbox_json_int(&json, body->warm_pool.max_idle);
        ngx_sandbox_json_object_end(&json);

        if (ngx_sandbox_json_finish(&json, &t->warm_pool) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (ngx_sandbox_is_set(fields, body, prestart)) {
        ngx_sandbox_json_init(&json, pool, 48);
        ngx_sandbox_json_object_start(&json);
        ngx_sandbox_json_literal_key(&json, "python");
        ngx_sandbox_json_int(&json, body->prestart.python);
        ngx_sandbox_json_literal_key(&json, "javascript");
        ngx_sandbox_json_int(&json, body->prestart.javascript);
        ngx_sandbox_json_object_end(&json);

        return ngx_sandbox_json_finish(&json, &t->prestart);
    }

    return NGX_OK;
}


#define ngx_sandbox_default(field, value)                                     \
    if ((field) == -1) {                                                      \
        (field) = (value);                                                    \
    }

#define ngx_sandbox_default_str(field, value)                                 \
    if ((field).data == NULL) {                                               \
        ngx_str_set(&(field), value);                                         \
    }

static void
ngx_sandbox_template_defaults(ngx_sandbox_template_t *t)
{
    ngx_sandbox_default(t->cpu_milli, NGX_SANDBOX_DEFAULT_CPU_MILLI);
    ngx_sandbox_default(t->memory_mb, NGX_SANDBOX_DEFAULT_MEMORY_MB);
    ngx_sandbox_default(t->disk_mb, NGX_SANDBOX_DEFAULT_DISK_MB);
    ngx_sandbox_default(t->timeout_sec, NGX_SANDBOX_DEFAULT_TIMEOUT_SEC);
    ngx_sandbox_default(t->max_runs, NGX_SANDBOX_DEFAULT_RUNS);
    ngx_sandbox_default(t->active, 1);

    ngx_sandbox_default_str(t->description, "");
    ngx_sandbox_default_str(t->env_vars, "{}");
    ngx_sandbox_default_str(t->packages, "[]");
    ngx_sandbox_default_str(t->security, "{}");
    ngx_sandbox_default_str(t->warm_pool,
                     "{\"min\":0,\"target\":0,\"max\":0,\"max_idle\":0}");
    ngx_sandbox_default_str(t->prestart, "{\"python\":1,\"javascript\":1}");
}


/* [A-Za-z0-9][A-Za-z0-9._/:@-]*: nothing that could be more than a name */

static ngx_int_t
ngx_sandbox_template_image(ngx_pool_t *pool, const ngx_sandbox_field_t *field,
    void *value)
{
    u_char      c;
    size_t      i;
    ngx_str_t  *image;

    image = value;

    for (i = 0; i < image->len; i++) {
        c = image->data[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
            || (c >= '0' && c <= '9'))
        {
            continue;
        }

        if (i == 0 || ngx_strchr("._/:@-", c) == NULL) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_template_security(ngx_pool_t *pool,
    const ngx_sandbox_field_t *field, void *value)
{
    ngx_str_t  *json;

    json = value;

    return json->len == sizeof("{}") - 1 ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_sandbox_template_pool(ngx_pool_t *pool, const ngx_sandbox_field_t *field,
    void *value)
{
    ngx_sandbox_pool_body_t  *p;

    p = value;

    return p->min <= p->target && p->target <= p->max ? NGX_OK : NGX_DECLINED;
}


static ngx_sandbox_template_t *
ngx_sandbox_template_path(ngx_sandbox_api_t *a)
{
    ngx_sandbox_template_t  *t;

    if (!ngx_sandbox_id_valid(&a->params[0])) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_TEMPLATE_NOT_FOUND,
                                  "no template has such an id");
        return NULL;
    }

    t = ngx_pcalloc(a->request->pool, sizeof(ngx_sandbox_template_t));

    if (t == NULL) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INTERNAL_ERROR, "no memory");
        return NULL;
    }

    t->id = a->params[0];

    return t;
}


static void
ngx_sandbox_template_created(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    ngx_sandbox_api_t       *a;
    ngx_sandbox_json_t       json;
    ngx_sandbox_template_t  *t;

    t = f->data;
    a = ngx_http_get_module_ctx(f->request, ngx_http_sandbox_module);

    if (rc != NGX_OK) {
        ngx_sandbox_api_fail(a, &f->error);
        return;
    }

    if (t->key && t->key->answer.data) {
        ngx_sandbox_api_replay(a, t->key);
        return;
    }

    ngx_sandbox_json_init(&json, f->pool, 1024);
    ngx_sandbox_render_template(&json, ngx_sandbox_op_value(f, 0));

    ngx_sandbox_api_send_once(a, NGX_HTTP_CREATED, &json, t->key);
}


static void
ngx_sandbox_template_show(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    ngx_sandbox_api_show(f, rc, ngx_sandbox_render_template);
}


/* a bare array, as older clients read it */

static void
ngx_sandbox_template_listed(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    ngx_uint_t            i;
    ngx_sandbox_api_t    *a;
    ngx_sandbox_json_t    json;
    ngx_sandbox_db_op_t  *op;

    a = ngx_http_get_module_ctx(f->request, ngx_http_sandbox_module);

    if (rc != NGX_OK) {
        ngx_sandbox_api_fail(a, &f->error);
        return;
    }

    op = ngx_sandbox_op_result(f);

    ngx_sandbox_json_init(&json, f->pool, 256 + op->rows * 768);
    json.max = NGX_SANDBOX_LISTING_TEXT_MAX;

    ngx_sandbox_json_array_start(&json);

    for (i = 0; i < op->rows; i++) {
        ngx_sandbox_render_template(&json,
                            &op->values[i * NGX_SANDBOX_TEMPLATE_COLUMNS]);
    }

    ngx_sandbox_json_array_end(&json);

    ngx_sandbox_api_send_json(a, NGX_HTTP_OK, &json);
}


static void
ngx_sandbox_template_gone(ngx_sandbox_flow_t *f, ngx_int_t rc)
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
ngx_sandbox_render_template(ngx_sandbox_json_t *json, ngx_str_t *row)
{
    u_char      buf[NGX_INT_T_LEN + sizeof(".000")];
    ngx_int_t   milli;
    ngx_str_t   cores, *value;

    value = &row[NGX_SANDBOX_TEMPLATE_CPU];
    milli = ngx_atoi(value->data, value->len);

    cores.data = buf;
    cores.len = ngx_sprintf(buf, "%i.%03i", milli / 1000, milli % 1000) - buf;

    while (cores.data[cores.len - 1] == '0') {
        cores.len--;
    }

    if (cores.data[cores.len - 1] == '.') {
        cores.len--;
    }

    ngx_sandbox_json_object_start(json);
    ngx_sandbox_render(json, ngx_sandbox_template_fields, row);
    ngx_sandbox_json_literal_key(json, "default_cpu_cores");
    ngx_sandbox_json_number(json, &cores);
    ngx_sandbox_json_object_end(json);
}
