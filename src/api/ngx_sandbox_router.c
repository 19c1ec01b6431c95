
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The routes.  docs/openapi.yaml lists the public ones under the same paths,
 * and a test compares both ways.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_sandbox_api.h"


#define PUBLIC    NGX_SANDBOX_FACE_PUBLIC
#define CALLBACK  NGX_SANDBOX_FACE_CALLBACK
#define LOOPBACK  NGX_SANDBOX_FACE_LOOPBACK

#define BASE      NGX_SANDBOX_ROUTE_BASE
#define JSON      NGX_SANDBOX_ROUTE_JSON
#define RESULT    NGX_SANDBOX_ROUTE_RESULT
#define QUERY     NGX_SANDBOX_ROUTE_QUERY
#define STREAM    NGX_SANDBOX_ROUTE_STREAM
#define PASS      NGX_SANDBOX_ROUTE_PASS


const ngx_sandbox_route_t  ngx_sandbox_routes[] = {

    { NGX_HTTP_POST, "/sessions", PUBLIC, BASE|JSON,
      ngx_sandbox_session_create_api },
    { NGX_HTTP_GET, "/sessions", PUBLIC, BASE|QUERY,
      ngx_sandbox_session_list_api },
    { NGX_HTTP_GET, "/sessions/{id}", PUBLIC, BASE|QUERY,
      ngx_sandbox_session_get_api },
    { NGX_HTTP_DELETE, "/sessions/{id}", PUBLIC, BASE,
      ngx_sandbox_session_delete_api },
    { NGX_HTTP_POST, "/sessions/{id}/terminate", PUBLIC, BASE,
      ngx_sandbox_session_terminate_api },

    { NGX_HTTP_POST, "/sessions/{id}/dependencies/install", PUBLIC, BASE|JSON,
      ngx_sandbox_install_api },

    { NGX_HTTP_POST, "/sessions/{id}/execute", PUBLIC, BASE|JSON,
      ngx_sandbox_execute_api },
    { NGX_HTTP_POST, "/sessions/{id}/execute-sync", PUBLIC, BASE|JSON|QUERY,
      ngx_sandbox_execute_sync_api },
    { NGX_HTTP_POST, "/sessions/{id}/execute-stream", PUBLIC,
      BASE|JSON|QUERY|STREAM, ngx_sandbox_execute_stream_api },
    { NGX_HTTP_GET, "/sessions/{id}/executions", PUBLIC, BASE|QUERY,
      ngx_sandbox_execution_list_api },

    /* the older client's spelling */

    { NGX_HTTP_POST, "/executions/sessions/{id}/execute", PUBLIC, BASE|JSON,
      ngx_sandbox_execute_api },
    { NGX_HTTP_POST, "/executions/sessions/{id}/execute-sync", PUBLIC,
      BASE|JSON|QUERY, ngx_sandbox_execute_sync_api },
    { NGX_HTTP_GET, "/executions/sessions/{id}/executions", PUBLIC,
      BASE|QUERY, ngx_sandbox_execution_list_api },

    { NGX_HTTP_GET, "/executions/{id}", PUBLIC, BASE|QUERY,
      ngx_sandbox_execution_get_api },
    { NGX_HTTP_GET, "/executions/{id}/status", PUBLIC, BASE|QUERY,
      ngx_sandbox_execution_status_api },
    { NGX_HTTP_GET, "/executions/{id}/result", PUBLIC, BASE|QUERY,
      ngx_sandbox_execution_get_api },
    { NGX_HTTP_GET, "/executions/{id}/events", PUBLIC, BASE|QUERY|STREAM,
      ngx_sandbox_execution_events_api },
    { NGX_HTTP_POST, "/executions/{id}/cancel", PUBLIC, BASE,
      ngx_sandbox_execution_cancel_api },

    { NGX_HTTP_POST, "/templates", PUBLIC, BASE|JSON,
      ngx_sandbox_template_create_api },
    { NGX_HTTP_GET, "/templates", PUBLIC, BASE,
      ngx_sandbox_template_list_api },
    { NGX_HTTP_GET, "/templates/{id}", PUBLIC, BASE,
      ngx_sandbox_template_get_api },
    { NGX_HTTP_PUT, "/templates/{id}", PUBLIC, BASE|JSON,
      ngx_sandbox_template_update_api },
    { NGX_HTTP_DELETE, "/templates/{id}", PUBLIC, BASE,
      ngx_sandbox_template_delete_api },

    { NGX_HTTP_GET, "/containers", PUBLIC, BASE|QUERY,
      ngx_sandbox_container_list_api },
    { NGX_HTTP_GET, "/containers/{id}", PUBLIC, BASE,
      ngx_sandbox_container_get_api },
    { NGX_HTTP_GET, "/containers/{id}/logs", PUBLIC, BASE|QUERY,
      ngx_sandbox_container_logs_api },

    { NGX_HTTP_GET, "/health", PUBLIC, BASE, ngx_sandbox_health_api },
    { NGX_HTTP_GET, "/health/detailed", PUBLIC, BASE,
      ngx_sandbox_health_detailed_api },
    { NGX_HTTP_GET, "/livez", PUBLIC, 0, ngx_sandbox_livez_api },
    { NGX_HTTP_GET, "/readyz", PUBLIC, QUERY, ngx_sandbox_readyz_api },

    /* what executors report */

    { NGX_HTTP_POST, "/internal/sessions/{id}/container_ready", CALLBACK,
      JSON, ngx_sandbox_ready_api },
    { NGX_HTTP_POST, "/internal/sessions/{id}/container_exited", CALLBACK,
      JSON, ngx_sandbox_exited_api },
    { NGX_HTTP_POST, "/internal/sessions/{id}/heartbeat", CALLBACK, JSON,
      ngx_sandbox_heartbeat_api },
    { NGX_HTTP_POST, "/internal/executions/{id}/result", CALLBACK, RESULT,
      ngx_sandbox_result_api },
    { NGX_HTTP_POST, "/internal/executions/{id}/status", CALLBACK, JSON,
      ngx_sandbox_status_api },
    { NGX_HTTP_POST, "/internal/executions/{id}/heartbeat", CALLBACK, JSON,
      ngx_sandbox_execution_heartbeat_api },

    { NGX_HTTP_POST, "/internal/sessions/{id}/dependencies", CALLBACK, JSON,
      ngx_sandbox_installed_api },
    { NGX_HTTP_GET, "/packages/*", CALLBACK, PASS, ngx_sandbox_package_api },

    /* the older spellings; the session is the token's */

    { NGX_HTTP_POST, "/internal/containers/ready", CALLBACK, BASE|JSON,
      ngx_sandbox_ready_api },
    { NGX_HTTP_POST, "/internal/containers/exited", CALLBACK, BASE|JSON,
      ngx_sandbox_exited_api },
    { NGX_HTTP_POST, "/internal/executions/{id}/result", CALLBACK,
      BASE|RESULT, ngx_sandbox_result_api },
    { NGX_HTTP_POST, "/internal/executions/{id}/status", CALLBACK, BASE|JSON,
      ngx_sandbox_status_api },
    { NGX_HTTP_POST, "/internal/executions/{id}/heartbeat", CALLBACK,
      BASE|JSON, ngx_sandbox_execution_heartbeat_api },

    /* what goes on after an answer, and the timers */

    { NGX_HTTP_POST, "/internal/sessions/{id}/start", LOOPBACK, 0,
      ngx_sandbox_start_api },
    { NGX_HTTP_POST, "/internal/sessions/{id}/settle", LOOPBACK, 0,
      ngx_sandbox_settle_api },
    { NGX_HTTP_POST, "/internal/sessions/{id}/install", LOOPBACK, 0,
      ngx_sandbox_install_run_api },
    { NGX_HTTP_POST, "/internal/sessions/{id}/install-begin", LOOPBACK, 0,
      ngx_sandbox_install_begin_api },
    { NGX_HTTP_POST, "/internal/sessions/{id}/install-settle", LOOPBACK, 0,
      ngx_sandbox_install_settle_api },
    { NGX_HTTP_POST, "/internal/executions/{id}/settle", LOOPBACK, 0,
      ngx_sandbox_execution_settle_api },
    { NGX_HTTP_POST, "/internal/executions/{id}/cancel", LOOPBACK, 0,
      ngx_sandbox_execution_cancel_api },
    { NGX_HTTP_POST, "/internal/jobs/reap", LOOPBACK, 0,
      ngx_sandbox_reap_api },
    { NGX_HTTP_POST, "/internal/jobs/reconcile", LOOPBACK, 0,
      ngx_sandbox_reconcile_api },

    { 0, NULL, 0, 0, NULL }
};


static ngx_str_t  ngx_sandbox_route_base = ngx_string("/api/v1");


static ngx_uint_t ngx_sandbox_route_match(ngx_sandbox_api_t *a,
    const ngx_sandbox_route_t *route, ngx_str_t *uri);


ngx_int_t
ngx_sandbox_route_find(ngx_sandbox_api_t *a, ngx_uint_t *ret_allow)
{
    ngx_uint_t                  allow, method;
    const ngx_sandbox_route_t  *route;

    method = a->request->method;

    if (method == NGX_HTTP_HEAD) {
        method = NGX_HTTP_GET;
    }

    allow = 0;

    for (route = ngx_sandbox_routes; route->path; route++) {

        if (!(route->faces & a->face)
            || !ngx_sandbox_route_match(a, route, &a->request->uri))
        {
            continue;
        }

        if (route->method == method) {
            a->route = route;
            return NGX_OK;
        }

        allow |= route->method;
    }

    if (allow == 0) {
        return NGX_DECLINED;
    }

    *ret_allow = allow;

    return NGX_ABORT;
}


/* a parameter is one segment of 1 to 255 bytes, whatever they are */

static ngx_uint_t
ngx_sandbox_route_match(ngx_sandbox_api_t *a,
    const ngx_sandbox_route_t *route, ngx_str_t *uri)
{
    char        *p;
    u_char      *u, *last, *start;
    ngx_uint_t   n;

    u = uri->data;
    last = uri->data + uri->len;

    if (route->flags & NGX_SANDBOX_ROUTE_BASE) {

        if (uri->len < ngx_sandbox_route_base.len
            || ngx_memcmp(u, ngx_sandbox_route_base.data,
                          ngx_sandbox_route_base.len)
               != 0)
        {
            return 0;
        }

        u += ngx_sandbox_route_base.len;
    }

    n = 0;

    for (p = route->path; *p; /* void */ ) {

        if (*p == '*') {
            return 1;
        }

        if (*p != '{') {
            if (u == last || *u++ != (u_char) *p++) {
                return 0;
            }

            continue;
        }

        for (start = u; u < last && *u != '/'; u++) { /* void */ }

        if (u == start || u - start > 255) {
            return 0;
        }

        a->params[n].data = start;
        a->params[n++].len = u - start;

        while (*p++ != '}') { /* void */ }
    }

    return u == last;
}
