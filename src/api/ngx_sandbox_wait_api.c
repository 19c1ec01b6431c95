
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Waiting, as clients ask for it: "?wait=...&timeout=..." of a GET, and the
 * field "Prefer: wait=N" of a POST.  A client that leaves ends it.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_sandbox.h"
#include "ngx_sandbox_api.h"
#include "ngx_sandbox_id.h"
#include "ngx_sandbox_op.h"
#include "ngx_sandbox_prefer.h"
#include "ngx_sandbox_wait.h"


#define NGX_SANDBOX_WAIT_DEFAULT  30    /* seconds */
#define NGX_SANDBOX_WAIT_MAX      60


typedef struct {
    ngx_sandbox_fields_t         fields;
    ngx_uint_t                   wait;
    ngx_int_t                    timeout;
} ngx_sandbox_wait_query_t;


typedef struct {
    ngx_sandbox_wait_t           wait;       /* first */
    ngx_sandbox_api_handler_pt   next;       /* of a GET */
    ngx_sandbox_flow_done_pt     done;       /* of a POST */
    ngx_uint_t                   seconds;
} ngx_sandbox_wait_call_t;


static ngx_sandbox_wait_call_t *ngx_sandbox_wait_call(ngx_sandbox_api_t *a,
    ngx_sandbox_wait_e kind, ngx_str_t *id, ngx_uint_t seconds);
static void ngx_sandbox_wait_got(ngx_sandbox_flow_t *f, ngx_int_t rc);
static ngx_int_t ngx_sandbox_wait_preferred(ngx_http_request_t *r,
    ngx_uint_t *ret_seconds);
static void ngx_sandbox_wait_honoured(ngx_sandbox_flow_t *f, ngx_int_t rc);
static ngx_int_t ngx_sandbox_wait_applied(ngx_http_request_t *r,
    ngx_uint_t seconds);


static ngx_str_t  ngx_sandbox_wait_running[] = {
    ngx_string("running"),
    ngx_null_string
};


static ngx_str_t  ngx_sandbox_wait_done[] = {
    ngx_string("done"),
    ngx_null_string
};


#define QUERY(values)                                                         \
    { ngx_string("wait"), NGX_SANDBOX_FIELD_ENUM, 0, 0, 0,                    \
      offsetof(ngx_sandbox_wait_query_t, wait), values, NULL, NULL },         \
                                                                              \
    { ngx_string("timeout"), NGX_SANDBOX_FIELD_INT, 0, 0,                     \
      NGX_SANDBOX_WAIT_MAX, offsetof(ngx_sandbox_wait_query_t, timeout),      \
      NULL, NULL, NULL },                                                     \
                                                                              \
      ngx_sandbox_null_field

static const ngx_sandbox_field_t  ngx_sandbox_wait_queries[][3] = {
    [NGX_SANDBOX_WAIT_SESSION] = { QUERY(ngx_sandbox_wait_running) },
    [NGX_SANDBOX_WAIT_EXECUTION] = { QUERY(ngx_sandbox_wait_done) },
};

#undef QUERY


void
ngx_sandbox_wait_get(ngx_sandbox_api_t *a, ngx_sandbox_wait_e kind,
    ngx_sandbox_api_handler_pt next)
{
    ngx_sandbox_error_t         error;
    ngx_sandbox_wait_call_t    *w;
    ngx_sandbox_wait_query_t    q;
    const ngx_sandbox_field_t  *fields;

    fields = ngx_sandbox_wait_queries[kind];

    ngx_memzero(&q, sizeof(ngx_sandbox_wait_query_t));
    q.timeout = NGX_SANDBOX_WAIT_DEFAULT;

    if (ngx_sandbox_api_query(a, fields, &q) != NGX_OK) {
        return;
    }

    if (!ngx_sandbox_is_set(fields, &q, wait)) {

        if (ngx_sandbox_is_set(fields, &q, timeout)) {
            ngx_memzero(&error, sizeof(ngx_sandbox_error_t));

            error.id = NGX_SANDBOX_INVALID_PARAMETER;
            error.status = 422;
            ngx_str_set(&error.detail, "timeout: is for waiting: give wait "
                                       "as well");

            ngx_sandbox_api_fail(a, &error);
            return;
        }

        next(a);
        return;
    }

    if (!ngx_sandbox_id_valid(&a->params[0])) {
        next(a);
        return;
    }

    w = ngx_sandbox_wait_call(a, kind, &a->params[0], q.timeout);

    if (w == NULL) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INTERNAL_ERROR, "no memory");
        return;
    }

    w->next = next;

    ngx_sandbox_op_flow(a->request, a->node, ngx_sandbox_wait_steps, w, 0,
                        ngx_sandbox_wait_got);
}


ngx_int_t
ngx_sandbox_wait_prefer(ngx_sandbox_api_t *a, ngx_sandbox_wait_e kind,
    ngx_str_t *id, void *data, ngx_sandbox_flow_done_pt done)
{
    ngx_uint_t                seconds;
    ngx_sandbox_wait_call_t  *w;

    if (ngx_sandbox_wait_preferred(a->request, &seconds) != NGX_OK) {
        return NGX_DECLINED;
    }

    if (seconds == 0) {
        (void) ngx_sandbox_wait_applied(a->request, 0);
        return NGX_DECLINED;
    }

    w = ngx_sandbox_wait_call(a, kind, id, seconds);
    if (w == NULL) {
        return NGX_DECLINED;
    }

    w->done = done;
    w->wait.data = data;

    ngx_sandbox_op_flow(a->request, a->node, ngx_sandbox_wait_steps, w, 0,
                        ngx_sandbox_wait_honoured);

    return NGX_AGAIN;
}


ngx_uint_t
ngx_sandbox_wait_is_preferred(ngx_sandbox_api_t *a)
{
    ngx_uint_t  seconds;

    return ngx_sandbox_wait_preferred(a->request, &seconds) == NGX_OK;
}


static ngx_sandbox_wait_call_t *
ngx_sandbox_wait_call(ngx_sandbox_api_t *a, ngx_sandbox_wait_e kind,
    ngx_str_t *id, ngx_uint_t seconds)
{
    ngx_sandbox_wait_call_t  *w;

    w = ngx_pcalloc(a->request->pool, sizeof(ngx_sandbox_wait_call_t));

    if (w) {
        w->wait.kind = kind;
        w->wait.id = *id;
        w->wait.timeout = (ngx_msec_t) seconds * 1000;
        w->wait.keep = 1;
        w->seconds = seconds;

        /* what is read for the answer belongs to its turn */

        a->waiter = &w->wait.waiter;
    }

    return w;
}


static void
ngx_sandbox_wait_got(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    ngx_sandbox_api_t        *a;
    ngx_sandbox_wait_call_t  *w;

    a = ngx_http_get_module_ctx(f->request, ngx_http_sandbox_module);

    if (rc != NGX_OK) {
        ngx_sandbox_api_fail(a, &f->error);
        return;
    }

    w = f->data;
    w->next(a);
}


/* RFC 7240: several fields are one list, of which the first wait counts */

static ngx_int_t
ngx_sandbox_wait_preferred(ngx_http_request_t *r, ngx_uint_t *ret_seconds)
{
    ngx_int_t         rc;
    ngx_table_elt_t  *h;

    for (h = ngx_sandbox_api_find_header(r, "Prefer");
         h;
         h = ngx_sandbox_api_next_header(r, "Prefer", h))
    {
        rc = ngx_sandbox_prefer_wait(&h->value, NGX_SANDBOX_WAIT_MAX,
                                     ret_seconds);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    return NGX_DECLINED;
}


/* if it came to nothing, what was asked for has been done all the same */

static void
ngx_sandbox_wait_honoured(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    ngx_sandbox_wait_call_t  *w;

    w = f->data;

    if (rc != NGX_OK) {
        ngx_log_error(NGX_LOG_INFO, f->log, 0,
                      "sandbox: does not wait for \"%V\": %V", &w->wait.id,
                      &f->error.detail);

    } else if (ngx_sandbox_wait_applied(f->request, w->seconds) != NGX_OK) {
        rc = NGX_ERROR;
    }

    w->done(f, rc);
}


static ngx_int_t
ngx_sandbox_wait_applied(ngx_http_request_t *r, ngx_uint_t seconds)
{
    ngx_str_t  value;

    value.data = ngx_pnalloc(r->pool, sizeof("wait=") - 1 + NGX_INT_T_LEN);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    value.len = ngx_sprintf(value.data, "wait=%ui", seconds) - value.data;

    return ngx_sandbox_api_header(r, "Preference-Applied", &value);
}
