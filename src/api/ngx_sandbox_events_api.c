
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Watching executions: run code and see its output while it is written, or see
 * that of one which was begun before, from wherever the client has got to.
 * What fails before the first event is answered as everywhere.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_sandbox_api.h"
#include "ngx_sandbox_execution_flow.h"
#include "ngx_sandbox_execution_store.h"
#include "ngx_sandbox_id.h"
#include "ngx_sandbox_op.h"
#include "ngx_sandbox_sse.h"


typedef struct {
    ngx_sandbox_fields_t   fields;
    ngx_uint_t             cancel_on_disconnect;
    ngx_int_t              last_event_id;
} ngx_sandbox_events_query_t;


static ngx_int_t ngx_sandbox_events_query(ngx_sandbox_api_t *a,
    const ngx_sandbox_field_t *fields, ngx_sandbox_events_query_t *q);
static ngx_int_t ngx_sandbox_events_last(ngx_sandbox_api_t *a, uint64_t *last);
static void ngx_sandbox_events_found(ngx_sandbox_flow_t *f, ngx_int_t rc);
static void ngx_sandbox_execute_stream_accepted(ngx_sandbox_flow_t *f,
    ngx_int_t rc);
static void ngx_sandbox_execute_stream_marked(ngx_sandbox_flow_t *f,
    ngx_int_t rc);
static void ngx_sandbox_execute_stream_begin(ngx_sandbox_flow_t *f);


#define FIELD(name, type, max, member)                                        \
    { ngx_string(name), NGX_SANDBOX_FIELD_##type, 0, 0, max,                  \
      offsetof(ngx_sandbox_events_query_t, member), NULL, NULL, NULL }

static const ngx_sandbox_field_t  ngx_sandbox_execute_stream_fields[] = {
    FIELD("cancel_on_disconnect", BOOL, 0, cancel_on_disconnect),
      ngx_sandbox_null_field
};

static const ngx_sandbox_field_t  ngx_sandbox_events_fields[] = {
    FIELD("cancel_on_disconnect", BOOL, 0, cancel_on_disconnect),
    FIELD("last_event_id", INT, NGX_SANDBOX_WATCH_MAX, last_event_id),
      ngx_sandbox_null_field
};

#undef FIELD


void
ngx_sandbox_execution_events_api(ngx_sandbox_api_t *a)
{
    uint64_t                     last;
    ngx_sandbox_sse_t           *s;
    ngx_sandbox_execution_id_t  *e;
    ngx_sandbox_events_query_t   q;

    if (!ngx_sandbox_id_valid(&a->params[0])) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_EXECUTION_NOT_FOUND,
                                  "no execution has such an id");
        return;
    }

    if (ngx_sandbox_events_query(a, ngx_sandbox_events_fields, &q) != NGX_OK) {
        return;
    }

    last = q.last_event_id;

    if (ngx_sandbox_events_last(a, &last) != NGX_OK) {
        return;
    }

    e = ngx_pcalloc(a->request->pool, sizeof(ngx_sandbox_execution_id_t));

    if (e == NULL) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INTERNAL_ERROR, "no memory");
        return;
    }

    s = ngx_sandbox_sse_create(a);
    if (s == NULL) {
        return;
    }

    e->id = a->params[0];

    s->watch.id = a->params[0];
    s->watch.last = last;
    s->cancel = q.cancel_on_disconnect;

    a->data = s;

    ngx_sandbox_op_flow(a->request, a->node, ngx_sandbox_execution_watch_steps,
                        e, 0, ngx_sandbox_events_found);
}


static ngx_int_t
ngx_sandbox_events_query(ngx_sandbox_api_t *a,
    const ngx_sandbox_field_t *fields, ngx_sandbox_events_query_t *q)
{
    ngx_memzero(q, sizeof(ngx_sandbox_events_query_t));

    return ngx_sandbox_api_query(a, fields, q);
}


/* the header is what a browser sends when it comes back: it is the newer one */

static ngx_int_t
ngx_sandbox_events_last(ngx_sandbox_api_t *a, uint64_t *last)
{
    off_t             n;
    ngx_table_elt_t  *h;

    h = ngx_sandbox_api_find_header(a->request, "Last-Event-ID");

    if (h == NULL) {
        return NGX_OK;
    }

    n = ngx_atoof(h->value.data, h->value.len);

    if (n == NGX_ERROR || (uint64_t) n > NGX_SANDBOX_WATCH_MAX) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INVALID_PARAMETER,
                                  "Last-Event-ID: must be the id of an event "
                                  "that came before, a number");
        return NGX_DECLINED;
    }

    *last = n;

    return NGX_OK;
}


static void
ngx_sandbox_events_found(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    ngx_str_t          *row;
    ngx_uint_t          open;
    ngx_sandbox_api_t  *a;

    a = ngx_http_get_module_ctx(f->request, ngx_http_sandbox_module);

    if (rc != NGX_OK) {
        ngx_sandbox_api_fail(a, &f->error);
        return;
    }

    row = ngx_sandbox_op_value(f, 0);

    open = !ngx_sandbox_execution_is_over(
                                    &row[NGX_SANDBOX_EXECUTION_WATCH_STATUS])
           && ngx_sandbox_value_is(&row[NGX_SANDBOX_EXECUTION_WATCH_ATTEMPT],
                                   "1");

    ngx_sandbox_sse_start(a->data,
                          open ? &row[NGX_SANDBOX_EXECUTION_WATCH_SESSION]
                               : NULL);
}


void
ngx_sandbox_execute_stream_api(ngx_sandbox_api_t *a)
{
    ngx_sandbox_sse_t           *s;
    ngx_sandbox_execute_t       *e;
    ngx_sandbox_events_query_t   q;

    if (ngx_sandbox_events_query(a, ngx_sandbox_execute_stream_fields, &q)
        != NGX_OK)
    {
        return;
    }

    e = ngx_sandbox_execute_parse(a);
    if (e == NULL) {
        return;
    }

    /* before anything is begun that nobody could watch */

    s = ngx_sandbox_sse_create(a);
    if (s == NULL) {
        return;
    }

    s->cancel = q.cancel_on_disconnect;

    a->data = s;

    ngx_sandbox_op_flow(a->request, a->node, ngx_sandbox_execute_async_steps,
                        e, 1, ngx_sandbox_execute_stream_accepted);
}


static void
ngx_sandbox_execute_stream_accepted(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    ngx_sandbox_execute_t  *e;

    if (rc != NGX_OK) {
        ngx_sandbox_execute_failed(f);
        return;
    }

    e = f->data;

    if (!e->begun) {
        ngx_sandbox_execute_stream_begin(f);
        return;
    }

    ngx_sandbox_op_flow(f->request, f->node, ngx_sandbox_execute_mark_steps, e,
                        1, ngx_sandbox_execute_stream_marked);
}


static void
ngx_sandbox_execute_stream_marked(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    /* a result may be stored for a pending one as well */

    ngx_sandbox_execute_stream_begin(f);
}


/* of what the same request has begun before nothing is known but its id */

static void
ngx_sandbox_execute_stream_begin(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_api_t      *a;
    ngx_sandbox_sse_t      *s;
    ngx_sandbox_execute_t  *e;

    a = ngx_http_get_module_ctx(f->request, ngx_http_sandbox_module);
    e = f->data;
    s = a->data;

    if (ngx_sandbox_api_replayed(a, e->key) != NGX_OK) {
        ngx_http_finalize_request(f->request, NGX_ERROR);
        return;
    }

    s->watch.id = e->id;

    ngx_sandbox_sse_start(s, e->accepted ? &e->session_id : NULL);
}
