
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Health.  livez asks nobody; readyz, health and health/detailed ask MariaDB
 * and the container engine, each time.  Machines read the status, people the
 * reasons.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_sandbox.h"
#include "ngx_sandbox_api.h"
#include "ngx_sandbox_health.h"
#include "ngx_sandbox_op.h"


typedef struct {
    ngx_sandbox_fields_t   fields;
    ngx_uint_t             verbose;
} ngx_sandbox_readyz_query_t;


static void ngx_sandbox_health_ask(ngx_sandbox_api_t *a, void *data,
    ngx_uint_t detailed, ngx_sandbox_flow_done_pt done);
static void ngx_sandbox_readyz_done(ngx_sandbox_flow_t *f, ngx_int_t rc);
static void ngx_sandbox_health_done(ngx_sandbox_flow_t *f, ngx_int_t rc);
static void ngx_sandbox_health_detailed_done(ngx_sandbox_flow_t *f,
    ngx_int_t rc);
static ngx_uint_t ngx_sandbox_health_well(ngx_sandbox_health_t *h);
static void ngx_sandbox_render_health(ngx_sandbox_json_t *json,
    ngx_sandbox_health_t *h);
static void ngx_sandbox_render_check(ngx_sandbox_json_t *json,
    ngx_sandbox_check_t *check);
static void ngx_sandbox_render_reasons(ngx_sandbox_json_t *json,
    ngx_sandbox_health_t *h);
static void ngx_sandbox_render_pool(ngx_sandbox_json_t *json,
    ngx_sandbox_node_t *node);
static void ngx_sandbox_render_packages(ngx_sandbox_json_t *json,
    ngx_sandbox_node_t *node);


static const ngx_sandbox_field_t  ngx_sandbox_readyz_query[] = {

    { ngx_string("verbose"), NGX_SANDBOX_FIELD_BOOL, 0, 0, 0,
      offsetof(ngx_sandbox_readyz_query_t, verbose), NULL, NULL, NULL },

      ngx_sandbox_null_field
};


void
ngx_sandbox_livez_api(ngx_sandbox_api_t *a)
{
    static ngx_str_t  ok = ngx_string("{\"status\":\"ok\"}");

    ngx_sandbox_api_send(a, NGX_HTTP_OK, &ok);
}


void
ngx_sandbox_readyz_api(ngx_sandbox_api_t *a)
{
    ngx_sandbox_readyz_query_t  *q;

    q = ngx_pcalloc(a->request->pool, sizeof(ngx_sandbox_readyz_query_t));

    if (q == NULL) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INTERNAL_ERROR, "no memory");
        return;
    }

    if (ngx_sandbox_api_query(a, ngx_sandbox_readyz_query, q) != NGX_OK) {
        return;
    }

    ngx_sandbox_health_ask(a, q, 0, ngx_sandbox_readyz_done);
}


void
ngx_sandbox_health_api(ngx_sandbox_api_t *a)
{
    ngx_sandbox_health_ask(a, NULL, 0, ngx_sandbox_health_done);
}


void
ngx_sandbox_health_detailed_api(ngx_sandbox_api_t *a)
{
    ngx_sandbox_health_ask(a, NULL, 1, ngx_sandbox_health_detailed_done);
}


static void
ngx_sandbox_health_ask(ngx_sandbox_api_t *a, void *data,
    ngx_uint_t detailed, ngx_sandbox_flow_done_pt done)
{
    ngx_sandbox_health_t  *h;

    h = ngx_pcalloc(a->request->pool, sizeof(ngx_sandbox_health_t));

    if (h == NULL) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INTERNAL_ERROR, "no memory");
        return;
    }

    h->data = data;
    h->detailed = detailed;

    ngx_sandbox_op_flow(a->request, a->node, ngx_sandbox_health_steps, h, 0,
                        done);
}


static void
ngx_sandbox_readyz_done(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    ngx_uint_t                   well;
    ngx_sandbox_api_t           *a;
    ngx_sandbox_json_t           json;
    ngx_sandbox_health_t        *h;
    ngx_sandbox_readyz_query_t  *q;

    a = ngx_http_get_module_ctx(f->request, ngx_http_sandbox_module);
    h = f->data;
    q = h->data;

    well = ngx_sandbox_health_well(h);

    ngx_sandbox_json_init(&json, f->pool, 512);
    ngx_sandbox_json_object_start(&json);
    ngx_sandbox_json_literal_key(&json, "status");

    if (well) {
        ngx_sandbox_json_literal(&json, "ready");

    } else {
        ngx_sandbox_json_literal(&json, "not ready");
    }

    ngx_sandbox_render_reasons(&json, h);

    if (q->verbose) {
        ngx_sandbox_render_health(&json, h);
    }

    ngx_sandbox_json_object_end(&json);

    ngx_sandbox_api_send_json(a, well ? NGX_HTTP_OK
                                      : NGX_HTTP_SERVICE_UNAVAILABLE, &json);
}


static void
ngx_sandbox_health_answer(ngx_sandbox_flow_t *f, ngx_uint_t detailed)
{
    ngx_uint_t             well;
    ngx_sandbox_api_t     *a;
    ngx_sandbox_json_t     json;
    ngx_sandbox_health_t  *h;

    a = ngx_http_get_module_ctx(f->request, ngx_http_sandbox_module);
    h = f->data;

    well = ngx_sandbox_health_well(h);

    ngx_sandbox_json_init(&json, f->pool, 1024);
    ngx_sandbox_json_object_start(&json);
    ngx_sandbox_json_literal_key(&json, "status");

    if (well) {
        ngx_sandbox_json_literal(&json, "healthy");

    } else {
        ngx_sandbox_json_literal(&json, "unhealthy");
    }

    ngx_sandbox_json_literal_key(&json, "version");
    ngx_sandbox_json_literal(&json, NGX_SANDBOX_VERSION);

    ngx_sandbox_render_reasons(&json, h);

    if (detailed) {
        ngx_sandbox_json_literal_key(&json, "node");
        ngx_sandbox_json_string(&json, &f->node->name);
        ngx_sandbox_json_literal_key(&json, "worker_pid");
        ngx_sandbox_json_int(&json, ngx_pid);
        ngx_sandbox_render_health(&json, h);
        ngx_sandbox_render_pool(&json, f->node);
        ngx_sandbox_json_literal_key(&json, "waiters");
        ngx_sandbox_json_int(&json,
                             ngx_sandbox_waiters_count(f->node->waiters));
        ngx_sandbox_json_literal_key(&json, "streams");
        ngx_sandbox_json_int(&json, f->node->streams);
        ngx_sandbox_render_packages(&json, f->node);
        ngx_sandbox_json_literal_key(&json, "isolation");

        if (h->isolation.data) {
            ngx_sandbox_json_raw(&json, &h->isolation);

        } else {
            ngx_sandbox_json_null(&json);
        }
    }

    ngx_sandbox_json_object_end(&json);

    ngx_sandbox_api_send_json(a, well ? NGX_HTTP_OK
                                      : NGX_HTTP_SERVICE_UNAVAILABLE, &json);
}


static void
ngx_sandbox_health_done(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    ngx_sandbox_health_answer(f, 0);
}


static void
ngx_sandbox_health_detailed_done(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    ngx_sandbox_health_answer(f, 1);
}


static ngx_uint_t
ngx_sandbox_health_well(ngx_sandbox_health_t *h)
{
    return h->database.detail.len == 0 && h->runtime.detail.len == 0;
}


static void
ngx_sandbox_render_reasons(ngx_sandbox_json_t *json, ngx_sandbox_health_t *h)
{
    ngx_sandbox_json_literal_key(json, "reasons");
    ngx_sandbox_json_array_start(json);

    if (h->database.detail.len) {
        ngx_sandbox_json_string(json, &h->database.detail);
    }

    if (h->runtime.detail.len) {
        ngx_sandbox_json_string(json, &h->runtime.detail);
    }

    ngx_sandbox_json_array_end(json);
}


static void
ngx_sandbox_render_health(ngx_sandbox_json_t *json, ngx_sandbox_health_t *h)
{
    ngx_sandbox_json_literal_key(json, "checks");
    ngx_sandbox_json_object_start(json);
    ngx_sandbox_json_literal_key(json, "database");
    ngx_sandbox_render_check(json, &h->database);
    ngx_sandbox_json_literal_key(json, "runtime");
    ngx_sandbox_render_check(json, &h->runtime);
    ngx_sandbox_json_object_end(json);
}


static void
ngx_sandbox_render_check(ngx_sandbox_json_t *json, ngx_sandbox_check_t *check)
{
    ngx_sandbox_json_object_start(json);
    ngx_sandbox_json_literal_key(json, "ok");
    ngx_sandbox_json_bool(json, check->detail.len == 0);
    ngx_sandbox_json_literal_key(json, "took_ms");
    ngx_sandbox_json_int(json, check->took);
    ngx_sandbox_json_literal_key(json, "detail");

    if (check->detail.len) {
        ngx_sandbox_json_string(json, &check->detail);

    } else {
        ngx_sandbox_json_null(json);
    }

    ngx_sandbox_json_object_end(json);
}


/* of the worker that answers; each has a pool of its own */

static void
ngx_sandbox_render_pool(ngx_sandbox_json_t *json, ngx_sandbox_node_t *node)
{
    ngx_sandbox_db_stat_t  stat;

    ngx_sandbox_db_stat(node->database, &stat);

    ngx_sandbox_json_literal_key(json, "database_pool");
    ngx_sandbox_json_object_start(json);
    ngx_sandbox_json_literal_key(json, "size");
    ngx_sandbox_json_int(json, node->db.size);
    ngx_sandbox_json_literal_key(json, "open");
    ngx_sandbox_json_int(json, stat.open);
    ngx_sandbox_json_literal_key(json, "busy");
    ngx_sandbox_json_int(json, stat.busy);
    ngx_sandbox_json_literal_key(json, "waiting");
    ngx_sandbox_json_int(json, stat.waiting);
    ngx_sandbox_json_object_end(json);
}


/* of all workers, since the zone was made */

static void
ngx_sandbox_render_packages(ngx_sandbox_json_t *json,
    ngx_sandbox_node_t *node)
{
    ngx_uint_t  hits, misses;

    ngx_sandbox_zone_packages(&node->zone, &hits, &misses);

    ngx_sandbox_json_literal_key(json, "packages");
    ngx_sandbox_json_object_start(json);
    ngx_sandbox_json_literal_key(json, "hits");
    ngx_sandbox_json_int(json, hits);
    ngx_sandbox_json_literal_key(json, "misses");
    ngx_sandbox_json_int(json, misses);
    ngx_sandbox_json_object_end(json);
}
