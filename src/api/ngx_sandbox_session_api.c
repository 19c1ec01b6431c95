
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Sessions: create, read, terminate, delete, and how one looks in JSON.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_sandbox.h"
#include "ngx_sandbox_api.h"
#include "ngx_sandbox_dependency.h"
#include "ngx_sandbox_id.h"
#include "ngx_sandbox_install_flow.h"
#include "ngx_sandbox_op.h"
#include "ngx_sandbox_quantity.h"
#include "ngx_sandbox_session_flow.h"
#include "ngx_sandbox_session_store.h"


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


/* one that was waited for, after it was created */
typedef struct {
    ngx_sandbox_session_id_t   session;     /* first */
    ngx_sandbox_flow_t        *created;     /* has its row as it was then */
} ngx_sandbox_session_awaited_t;


static ngx_int_t ngx_sandbox_session_dependencies(ngx_sandbox_api_t *a,
    ngx_sandbox_session_body_t *body, ngx_sandbox_session_create_t *s);
static void ngx_sandbox_session_show(ngx_sandbox_flow_t *f, ngx_int_t rc);
static void ngx_sandbox_session_read_api(ngx_sandbox_api_t *a);
static void ngx_sandbox_session_created(ngx_sandbox_flow_t *f, ngx_int_t rc);
static void ngx_sandbox_session_answer(ngx_sandbox_flow_t *created,
    ngx_sandbox_flow_t *read);
static void ngx_sandbox_session_waited(ngx_sandbox_flow_t *f, ngx_int_t rc);
static void ngx_sandbox_session_reread(ngx_sandbox_flow_t *f, ngx_int_t rc);
static void ngx_sandbox_session_hidden(ngx_sandbox_flow_t *f, ngx_int_t rc);
static ngx_int_t ngx_sandbox_session_by_id_api(ngx_sandbox_api_t *a,
    const ngx_sandbox_step_t *steps, ngx_uint_t changes,
    ngx_sandbox_flow_done_pt done);
static ngx_int_t ngx_sandbox_session_unsupported(ngx_pool_t *pool,
    const ngx_sandbox_field_t *field, void *value);
static void ngx_sandbox_render_resources(ngx_sandbox_json_t *json,
    ngx_str_t *row);


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
    FIELD("dependencies", DEPENDENCIES, 0, 0, NGX_SANDBOX_DEPENDENCIES_MAX,
          dependencies, NULL, NULL, NULL),
    FIELD("install_timeout", INT, 0, NGX_SANDBOX_INSTALL_MIN,
          NGX_SANDBOX_INSTALL_MAX, install_timeout, NULL, NULL, NULL),
    FIELD("fail_on_dependency_error", BOOL, 0, 0, 0, fail_on_error, NULL,
          NULL, NULL),
    FIELD("allow_version_conflicts", BOOL, 0, 0, 0, allow_conflicts, NULL,
          NULL, NULL),
    FIELD("python_package_index_url", STRING,
          NGX_SANDBOX_FIELD_NULLABLE|NGX_SANDBOX_FIELD_LINE, 0, 512,
          index_url, NULL, NULL, NULL),
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
    FIELD("restart_count", RESTARTS, NUMBER),
    FIELD("isolation", ISOLATION, JSON),
    FIELD("created_at", CREATED, TIME),
    FIELD("updated_at", UPDATED, TIME),
    FIELD("started_at", STARTED, TIME),
    FIELD("completed_at", COMPLETED, TIME),
    FIELD("last_activity_at", ACTIVITY, TIME),
    FIELD("expires_at", EXPIRES, TIME),
    FIELD("requested_dependencies", REQUESTED, JSON),
    FIELD("installed_dependencies", INSTALLED, JSON),
    FIELD("dependency_install_status", INSTALL_STATUS, STRING),
    FIELD("dependency_install_error", INSTALL_ERROR, STRING),
    FIELD("dependency_install_started_at", INSTALL_STARTED, TIME),
    FIELD("dependency_install_completed_at", INSTALL_COMPLETED, TIME),
    FIELD("python_package_index_url", INDEX, STRING),
      ngx_sandbox_null_render
};

#undef FIELD


static ngx_str_t  ngx_sandbox_empty_object = ngx_string("{}");


void
ngx_sandbox_session_create_api(ngx_sandbox_api_t *a)
{
    ngx_pool_t                    *pool;
    ngx_sandbox_session_body_t     body;
    ngx_sandbox_idempotency_t     *key;
    ngx_sandbox_session_create_t  *s;

    ngx_memzero(&body, sizeof(ngx_sandbox_session_body_t));

    if (ngx_sandbox_api_body(a, ngx_sandbox_session_body, &body) != NGX_OK
        || ngx_sandbox_api_idempotency(a, &key) != NGX_OK)
    {
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

    s->key = key;
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

    if (ngx_sandbox_session_dependencies(a, &body, s) != NGX_OK) {
        return;
    }

    ngx_sandbox_op_flow(a->request, a->node, ngx_sandbox_session_create_steps,
                        s, 1, ngx_sandbox_session_created);
}


/* NGX_DECLINED: answered already */

static ngx_int_t
ngx_sandbox_session_dependencies(ngx_sandbox_api_t *a,
    ngx_sandbox_session_body_t *body, ngx_sandbox_session_create_t *s)
{
    ngx_uint_t           kinds;
    ngx_sandbox_items_t  none;

    s->install_timeout = body->install_timeout ? body->install_timeout
                                               : NGX_SANDBOX_INSTALL_DEFAULT;
    s->conflicts = body->allow_conflicts;
    s->index_url = body->index_url;

    if (s->index_url.data == NULL) {
        ngx_str_set(&s->index_url, "");
    }

    s->asked = body->dependencies;

    if (s->asked.nelts == 0) {
        ngx_str_set(&s->dependencies, "[]");
        ngx_str_set(&s->runtimes, "^");

        if (s->index_url.len == 0) {
            return NGX_OK;
        }
    }

    /* which kind it is follows from the template, which is not known here */

    ngx_memzero(&none, sizeof(ngx_sandbox_items_t));

    if (ngx_sandbox_install_kinds(a->node->packages, &none, &s->index_url)
        == 0)
    {
        ngx_sandbox_install_refuse(a, s->index_url.len
                   ? "python_package_index_url: must be empty or one of "
                     "sandbox_package_index"
                   : "dependencies: this instance has no package index "
                     "for them");
        return NGX_DECLINED;
    }

    kinds = ngx_sandbox_install_kinds(a->node->packages, &s->asked,
                                      &s->index_url);

    if (kinds == 0) {
        ngx_sandbox_install_refuse(a, "dependencies: no package index has "
                                   "packages of all these names and versions; "
                                   "a version is exact, as \"1.2.3\", and no "
                                   "range or tag");
        return NGX_DECLINED;
    }

    if (s->asked.nelts == 0) {
        return NGX_OK;
    }

    s->fails = body->fail_on_error;

    if (ngx_sandbox_package_runtimes(a->request->pool, kinds, &s->runtimes)
        != NGX_OK
        || ngx_sandbox_dependencies_write(a->request->pool, &s->asked,
                                          &s->dependencies)
           != NGX_OK)
    {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INTERNAL_ERROR, "no memory");
        return NGX_DECLINED;
    }

    return NGX_OK;
}


void
ngx_sandbox_session_get_api(ngx_sandbox_api_t *a)
{
    ngx_sandbox_wait_get(a, NGX_SANDBOX_WAIT_SESSION,
                         ngx_sandbox_session_read_api);
}


static void
ngx_sandbox_session_read_api(ngx_sandbox_api_t *a)
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
ngx_sandbox_session_show(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    ngx_sandbox_api_show(f, rc, ngx_sandbox_render_session);
}


static void
ngx_sandbox_session_created(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    ngx_sandbox_api_t             *a;
    ngx_sandbox_session_create_t  *s;

    s = f->data;
    a = ngx_http_get_module_ctx(f->request, ngx_http_sandbox_module);

    if (rc != NGX_OK) {
        ngx_sandbox_api_fail(a, &f->error);
        return;
    }

    if (s->key && s->key->answer.data) {
        ngx_sandbox_api_replay(a, s->key);
        return;
    }

    if (ngx_sandbox_wait_prefer(a, NGX_SANDBOX_WAIT_SESSION, &s->id, f,
                                ngx_sandbox_session_waited)
        == NGX_AGAIN)
    {
        return;
    }

    ngx_sandbox_session_answer(f, f);
}


static void
ngx_sandbox_session_waited(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    ngx_sandbox_wait_t             *w;
    ngx_sandbox_session_awaited_t  *s;

    w = f->data;

    s = (rc == NGX_OK) ? ngx_palloc(f->pool,
                                    sizeof(ngx_sandbox_session_awaited_t))
                       : NULL;
    if (s == NULL) {
        ngx_sandbox_session_answer(w->data, w->data);
        return;
    }

    s->session.id = w->id;
    s->created = w->data;

    ngx_sandbox_op_flow(f->request, f->node, ngx_sandbox_session_read_steps,
                        s, 0, ngx_sandbox_session_reread);
}


/* that it cannot be read again does not unmake it */

static void
ngx_sandbox_session_reread(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    ngx_sandbox_session_awaited_t  *s;

    s = f->data;

    ngx_sandbox_session_answer(s->created, rc == NGX_OK ? f : s->created);
}


/* what the one has made, as the other has read it */

static void
ngx_sandbox_session_answer(ngx_sandbox_flow_t *created,
    ngx_sandbox_flow_t *read)
{
    ngx_sandbox_json_t             json;
    ngx_sandbox_session_create_t  *s;

    s = created->data;

    ngx_sandbox_json_init(&json, read->pool, 1536);
    ngx_sandbox_render_session(&json, ngx_sandbox_op_value(read, 0));

    ngx_sandbox_api_send_once(ngx_http_get_module_ctx(created->request,
                                                      ngx_http_sandbox_module),
                              NGX_HTTP_CREATED, &json, s->key);
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


/* a field of the contract that may be given, but asks for nothing yet */

static ngx_int_t
ngx_sandbox_session_unsupported(ngx_pool_t *pool,
    const ngx_sandbox_field_t *field, void *value)
{
    ngx_uint_t  asked;

    switch (field->type) {

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
    ngx_sandbox_json_object_start(json);

    ngx_sandbox_render(json, ngx_sandbox_session_head, row);
    ngx_sandbox_render_resources(json, row);
    ngx_sandbox_render(json, ngx_sandbox_session_tail, row);

    /* what older clients read of pods */

    ngx_sandbox_json_literal_key(json, "pod_name");
    ngx_sandbox_json_null(json);

    ngx_sandbox_json_object_end(json);
}


static void
ngx_sandbox_render_resources(ngx_sandbox_json_t *json, ngx_str_t *row)
{
    ngx_str_t  cpu, memory, disk;

    ngx_sandbox_json_literal_key(json, "resource_limit");

    if (ngx_sandbox_quantity_cpu_text(json->pool,
             ngx_sandbox_value_number(&row[NGX_SANDBOX_SESSION_CPU]), &cpu)
        != NGX_OK
        || ngx_sandbox_quantity_mb_text(json->pool,
             ngx_sandbox_value_number(&row[NGX_SANDBOX_SESSION_MEMORY]),
                                        &memory)
           != NGX_OK
        || ngx_sandbox_quantity_mb_text(json->pool,
             ngx_sandbox_value_number(&row[NGX_SANDBOX_SESSION_DISK]), &disk)
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
