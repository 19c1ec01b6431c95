
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Templates: create, list, read, change, delete.  POST and PUT read the same
 * fields; what a POST leaves out has a default, what a PUT leaves out stays.
 * What could weaken the isolation of a sandbox cannot be asked for here.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_sandbox.h"
#include "ngx_sandbox_api.h"
#include "ngx_sandbox_id.h"
#include "ngx_sandbox_op.h"
#include "ngx_sandbox_template_flow.h"
#include "ngx_sandbox_template_store.h"


#define NGX_SANDBOX_TEMPLATE_NAME_MAX   128       /* bytes */
#define NGX_SANDBOX_TEMPLATE_TEXT_MAX   4096      /* bytes of a description */
#define NGX_SANDBOX_TEMPLATE_IMAGE_MAX  255       /* bytes */

#define NGX_SANDBOX_TEMPLATE_CPU        1.0       /* the defaults of a POST */
#define NGX_SANDBOX_TEMPLATE_MEMORY     512
#define NGX_SANDBOX_TEMPLATE_DISK       1024
#define NGX_SANDBOX_TEMPLATE_TIMEOUT    300
#define NGX_SANDBOX_TEMPLATE_MAX_RUNS   4


typedef struct {
    ngx_sandbox_fields_t           fields;
    ngx_int_t                      min;
    ngx_int_t                      target;
    ngx_int_t                      max;
    ngx_int_t                      max_idle;
} ngx_sandbox_template_pool_t;


typedef struct {
    ngx_sandbox_fields_t           fields;
    ngx_int_t                      python;
    ngx_int_t                      javascript;
} ngx_sandbox_template_prestart_t;


typedef struct {
    ngx_sandbox_fields_t             fields;
    ngx_str_t                        id;
    ngx_str_t                        name;
    ngx_str_t                        description;
    ngx_str_t                        image;
    ngx_uint_t                       runtime_type;
    double                           cpu;
    ngx_int_t                        memory;
    ngx_int_t                        disk;
    ngx_int_t                        timeout;
    ngx_sandbox_items_t              env_vars;
    ngx_sandbox_items_t              packages;
    ngx_str_t                        security;
    ngx_sandbox_template_pool_t      pool;
    ngx_sandbox_template_prestart_t  prestart;
    ngx_int_t                        max_runs;
    ngx_uint_t                       active;
} ngx_sandbox_template_body_t;


static ngx_sandbox_template_t *ngx_sandbox_template_parse(
    ngx_sandbox_api_t *a, const ngx_sandbox_field_t *fields,
    ngx_sandbox_template_body_t *body);
static ngx_int_t ngx_sandbox_template_fill(ngx_sandbox_api_t *a,
    ngx_sandbox_template_body_t *body, ngx_uint_t all,
    ngx_sandbox_template_t *t);
static ngx_int_t ngx_sandbox_template_fill_texts(ngx_sandbox_api_t *a,
    ngx_sandbox_template_body_t *body, ngx_uint_t all,
    ngx_sandbox_template_t *t);
static void ngx_sandbox_template_set(ngx_sandbox_template_t *t,
    ngx_uint_t column, ngx_str_t *value, char *empty);
static void ngx_sandbox_template_set_int(ngx_sandbox_template_t *t,
    ngx_uint_t column, int64_t value);
static ngx_int_t ngx_sandbox_template_image(ngx_pool_t *pool,
    const ngx_sandbox_field_t *field, void *value);
static ngx_int_t ngx_sandbox_template_cores(ngx_pool_t *pool,
    const ngx_sandbox_field_t *field, void *value);
static ngx_int_t ngx_sandbox_template_security(ngx_pool_t *pool,
    const ngx_sandbox_field_t *field, void *value);
static ngx_int_t ngx_sandbox_template_warm_pool(ngx_pool_t *pool,
    const ngx_sandbox_field_t *field, void *value);
static void ngx_sandbox_template_by_id_api(ngx_sandbox_api_t *a,
    const ngx_sandbox_step_t *steps, ngx_uint_t changes,
    ngx_sandbox_flow_done_pt done);
static ngx_int_t ngx_sandbox_template_path(ngx_sandbox_api_t *a);
static void ngx_sandbox_template_refuse(ngx_sandbox_api_t *a,
    ngx_uint_t status, char *detail);
static void ngx_sandbox_template_answer(ngx_sandbox_flow_t *f, ngx_int_t rc,
    ngx_uint_t status);
static void ngx_sandbox_template_created(ngx_sandbox_flow_t *f, ngx_int_t rc);
static void ngx_sandbox_template_show(ngx_sandbox_flow_t *f, ngx_int_t rc);
static void ngx_sandbox_template_listed(ngx_sandbox_flow_t *f, ngx_int_t rc);
static void ngx_sandbox_template_deleted(ngx_sandbox_flow_t *f, ngx_int_t rc);
static void ngx_sandbox_render_template(ngx_sandbox_json_t *json,
    ngx_str_t *row);


static ngx_str_t  ngx_sandbox_template_runtimes[] = {
    ngx_string("python3.11"),
    ngx_string("nodejs20"),
    ngx_string("java17"),
    ngx_string("go1.21"),
    ngx_null_string
};


#define FIELD(name, min, max, type, member)                                   \
    { ngx_string(name), NGX_SANDBOX_FIELD_INT, 0, min, max,                   \
      offsetof(type, member), NULL, NULL, NULL }

static const ngx_sandbox_field_t  ngx_sandbox_template_pool_fields[] = {
    FIELD("min", 0, 1000, ngx_sandbox_template_pool_t, min),
    FIELD("target", 0, 1000, ngx_sandbox_template_pool_t, target),
    FIELD("max", 0, 1000, ngx_sandbox_template_pool_t, max),
    FIELD("max_idle", 0, 1000, ngx_sandbox_template_pool_t, max_idle),
      ngx_sandbox_null_field
};

static const ngx_sandbox_field_t  ngx_sandbox_template_prestart_fields[] = {
    FIELD("python", 0, 16, ngx_sandbox_template_prestart_t, python),
    FIELD("javascript", 0, 16, ngx_sandbox_template_prestart_t, javascript),
      ngx_sandbox_null_field
};

#undef FIELD


#define FIELD(name, type, flags, min, max, member, data, check, rule)         \
    { ngx_string(name), NGX_SANDBOX_FIELD_##type, flags, min, max,            \
      offsetof(ngx_sandbox_template_body_t, member), data, check, rule }

/* the rows of both tables; need is the flag of what a POST must have */

#define FIELDS(need)                                                          \
    FIELD("id", ID, NGX_SANDBOX_FIELD_NULLABLE, 0, 0, id, NULL, NULL, NULL),  \
    FIELD("name", TEXT, (need)|NGX_SANDBOX_FIELD_LINE, 1,                     \
          NGX_SANDBOX_TEMPLATE_NAME_MAX, name, NULL, NULL, NULL),             \
    FIELD("description", STRING, NGX_SANDBOX_FIELD_NULLABLE, 0,               \
          NGX_SANDBOX_TEMPLATE_TEXT_MAX, description, NULL, NULL, NULL),      \
    FIELD("image_url", TEXT, need, 1, NGX_SANDBOX_TEMPLATE_IMAGE_MAX, image,  \
          NULL, ngx_sandbox_template_image,                                   \
          "must be an image like \"registry.example/team/image:tag\", 255 "   \
          "bytes at most"),                                                   \
    FIELD("runtime_type", ENUM, need, 0, 0, runtime_type,                     \
          ngx_sandbox_template_runtimes, NULL, NULL),                         \
    FIELD("default_cpu_cores", NUMBER, 0, 100, 4000, cpu, NULL,               \
          ngx_sandbox_template_cores,                                         \
          "must be a number from 0.1 to 4 with at most three decimals"),      \
    FIELD("default_memory_mb", INT, 0, 128, 8192, memory, NULL, NULL, NULL),  \
    FIELD("default_disk_mb", INT, 0, 256, 51200, disk, NULL, NULL, NULL),     \
    FIELD("default_timeout_sec", INT, 0, 1, NGX_SANDBOX_TIMEOUT_MAX, timeout, \
          NULL, NULL, NULL),                                                  \
    FIELD("default_timeout", INT, 0, 1, NGX_SANDBOX_TIMEOUT_MAX, timeout,     \
          NULL, NULL, NULL),                                                  \
    FIELD("default_env_vars", MAP, NGX_SANDBOX_FIELD_ENV,                     \
          NGX_SANDBOX_ENV_MAX_KEYS, NGX_SANDBOX_ENV_MAX_BYTES, env_vars,      \
          NULL, NULL, NULL),                                                  \
    FIELD("pre_installed_packages", LIST, NGX_SANDBOX_FIELD_LINE, 128, 200,   \
          packages, NULL, NULL, NULL),                                        \
    FIELD("security_context", OBJECT, 0, 0, 4096, security, NULL,             \
          ngx_sandbox_template_security,                                      \
          "must be {}: a template cannot change the isolation of its "        \
          "sandboxes"),                                                       \
    FIELD("warm_pool", NESTED, 0, 0, 0, pool,                                 \
          ngx_sandbox_template_pool_fields, ngx_sandbox_template_warm_pool,   \
          "must be an object with min <= target <= max"),                     \
    FIELD("prestart", NESTED, 0, 0, 0, prestart,                              \
          ngx_sandbox_template_prestart_fields, NULL, NULL),                  \
    FIELD("max_concurrent_executions", INT, 0, 1, 64, max_runs, NULL, NULL,   \
          NULL),                                                              \
    FIELD("is_active", BOOL, 0, 0, 0, active, NULL, NULL, NULL),              \
      ngx_sandbox_null_field

static const ngx_sandbox_field_t  ngx_sandbox_template_fields[] = {
    FIELDS(0)
};

static const ngx_sandbox_field_t  ngx_sandbox_template_new_fields[] = {
    FIELDS(NGX_SANDBOX_FIELD_REQUIRED)
};

#undef FIELDS
#undef FIELD


#define FIELD(name, column, kind)                                             \
    { ngx_string(name), NGX_SANDBOX_TEMPLATE_##column,                        \
      NGX_SANDBOX_RENDER_##kind }

static const ngx_sandbox_render_t  ngx_sandbox_template_columns[] = {
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

    ngx_memzero(&body, sizeof(ngx_sandbox_template_body_t));

    body.cpu = NGX_SANDBOX_TEMPLATE_CPU;
    body.memory = NGX_SANDBOX_TEMPLATE_MEMORY;
    body.disk = NGX_SANDBOX_TEMPLATE_DISK;
    body.timeout = NGX_SANDBOX_TEMPLATE_TIMEOUT;
    body.max_runs = NGX_SANDBOX_TEMPLATE_MAX_RUNS;
    body.active = 1;

    t = ngx_sandbox_template_parse(a, ngx_sandbox_template_new_fields, &body);
    if (t == NULL) {
        return;
    }

    t->id = body.id;

    if ((t->id.len == 0
         && ngx_sandbox_id_template(a->request->pool, &t->id) != NGX_OK)
        || ngx_sandbox_template_fill(a, &body, 1, t) != NGX_OK)
    {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INTERNAL_ERROR, "no memory");
        return;
    }

    ngx_sandbox_op_flow(a->request, a->node,
                        ngx_sandbox_template_create_steps, t, 1,
                        ngx_sandbox_template_created);
}


void
ngx_sandbox_template_update_api(ngx_sandbox_api_t *a)
{
    ngx_uint_t                    i;
    ngx_sandbox_template_t       *t;
    ngx_sandbox_template_body_t   body;

    if (ngx_sandbox_template_path(a) != NGX_OK) {
        return;
    }

    ngx_memzero(&body, sizeof(ngx_sandbox_template_body_t));

    t = ngx_sandbox_template_parse(a, ngx_sandbox_template_fields, &body);
    if (t == NULL) {
        return;
    }

    t->id = a->params[0];

    if (body.id.len
        && (body.id.len != t->id.len
            || ngx_memcmp(body.id.data, t->id.data, t->id.len) != 0))
    {
        ngx_sandbox_template_refuse(a, NGX_HTTP_UNPROCESSABLE_ENTITY,
                                    "id: cannot be changed, it must be the "
                                    "one in the path or be left out");
        return;
    }

    if (ngx_sandbox_template_fill(a, &body, 0, t) != NGX_OK) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INTERNAL_ERROR, "no memory");
        return;
    }

    for (i = NGX_SANDBOX_TEMPLATE_NAME; i < NGX_SANDBOX_TEMPLATE_SETTABLE; i++)
    {
        if (t->values[i].type != NGX_SANDBOX_DB_NULL) {
            ngx_sandbox_op_flow(a->request, a->node,
                                ngx_sandbox_template_update_steps, t, 1,
                                ngx_sandbox_template_show);
            return;
        }
    }

    ngx_sandbox_template_refuse(a, NGX_HTTP_BAD_REQUEST,
                                "the body names nothing to change");
}


void
ngx_sandbox_template_get_api(ngx_sandbox_api_t *a)
{
    ngx_sandbox_template_by_id_api(a, ngx_sandbox_template_read_steps, 0,
                                   ngx_sandbox_template_show);
}


void
ngx_sandbox_template_delete_api(ngx_sandbox_api_t *a)
{
    ngx_sandbox_template_by_id_api(a, ngx_sandbox_template_delete_steps, 1,
                                   ngx_sandbox_template_deleted);
}


void
ngx_sandbox_template_list_api(ngx_sandbox_api_t *a)
{
    ngx_sandbox_op_flow(a->request, a->node, ngx_sandbox_template_list_steps,
                        NULL, 0, ngx_sandbox_template_listed);
}


static ngx_sandbox_template_t *
ngx_sandbox_template_parse(ngx_sandbox_api_t *a,
    const ngx_sandbox_field_t *fields, ngx_sandbox_template_body_t *body)
{
    ngx_sandbox_template_t  *t;

    if (ngx_sandbox_api_body(a, fields, body) != NGX_OK) {
        return NULL;
    }

    t = ngx_pcalloc(a->request->pool, sizeof(ngx_sandbox_template_t));

    if (t == NULL) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INTERNAL_ERROR, "no memory");
    }

    return t;
}


/* the rows of both tables are the same ones, and so are the bits */

#define given(member)                                                         \
    (all || ngx_sandbox_is_set(ngx_sandbox_template_fields, body, member))

static ngx_int_t
ngx_sandbox_template_fill(ngx_sandbox_api_t *a,
    ngx_sandbox_template_body_t *body, ngx_uint_t all,
    ngx_sandbox_template_t *t)
{
    ngx_sandbox_template_set(t, NGX_SANDBOX_TEMPLATE_ID, &t->id, "");

    if (given(name)) {
        ngx_sandbox_template_set(t, NGX_SANDBOX_TEMPLATE_NAME, &body->name,
                                 "");
    }

    if (given(image)) {
        ngx_sandbox_template_set(t, NGX_SANDBOX_TEMPLATE_IMAGE, &body->image,
                                 "");
    }

    if (given(runtime_type)) {
        ngx_sandbox_template_set(t, NGX_SANDBOX_TEMPLATE_RUNTIME_TYPE,
                         &ngx_sandbox_template_runtimes[body->runtime_type],
                                 "");
    }

    if (given(cpu)) {
        ngx_sandbox_template_set_int(t, NGX_SANDBOX_TEMPLATE_CPU_MILLI,
                                     (int64_t) (body->cpu * 1000 + 0.5));
    }

    if (given(memory)) {
        ngx_sandbox_template_set_int(t, NGX_SANDBOX_TEMPLATE_MEMORY_MB,
                                     body->memory);
    }

    return ngx_sandbox_template_fill_texts(a, body, all, t);
}
