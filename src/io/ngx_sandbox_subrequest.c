
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The only place that makes subrequests, and the one that knows their traps:
 *
 *   - the result travels in a context, never in a body: neither the one-page
 *     limit of in-memory bodies nor "nested in-memory subrequest" can apply;
 *   - the post handler may be called twice, and with NGX_ERROR, 408 or 499,
 *     which must be handed back so that the main request is ended, unless it
 *     was an upstream's peer that failed;
 *   - a status of 300 and above must not make nginx build an error page;
 *   - the parent goes on from its own write handler, not from inside the post
 *     handler, so a chain of subrequests never nests;
 *   - a client that goes away is noticed only by the active request, so the
 *     inner one watches the connection the way the main one does;
 *   - a write event may wake the parent early: it waits for the mark;
 *   - outside nginx's own event handlers nobody runs posted requests.
 *
 * What waits for a subrequest hangs on the main request, in the context slot
 * of a module of its own.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_sandbox_subrequest.h"


typedef struct {
    ngx_sandbox_subrequest_done_pt   done;
    void                            *data;
    ngx_int_t                        rc;
    unsigned                         upstream:1;
    unsigned                         pending:1;
    unsigned                         ended:1;
} ngx_sandbox_subrequest_t;


static ngx_sandbox_subrequest_t *ngx_sandbox_subrequest_slot(
    ngx_http_request_t *r);
static ngx_int_t ngx_sandbox_subrequest_post(ngx_http_request_t *r,
    void *data, ngx_int_t rc);
static void ngx_sandbox_subrequest_continue(ngx_http_request_t *r);


static ngx_http_module_t  ngx_http_sandbox_subrequest_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_sandbox_subrequest_module = {
    NGX_MODULE_V1,
    &ngx_http_sandbox_subrequest_module_ctx, /* module context */
    NULL,                                  /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


ngx_int_t
ngx_sandbox_subrequest(ngx_http_request_t *r, ngx_str_t *uri,
    ngx_module_t *module, void *ctx, ngx_uint_t in_memory,
    ngx_sandbox_subrequest_done_pt done, void *data)
{
    ngx_http_request_t          *sr;
    ngx_sandbox_subrequest_t    *s;
    ngx_http_post_subrequest_t  *psr;

    s = ngx_sandbox_subrequest_slot(r);
    if (s == NULL) {
        return NGX_ERROR;
    }

    psr = ngx_palloc(r->pool, sizeof(ngx_http_post_subrequest_t));
    if (psr == NULL) {
        return NGX_ERROR;
    }

    s->done = done;
    s->data = data;
    s->upstream = in_memory;
    s->pending = 1;
    s->ended = 0;

    psr->handler = ngx_sandbox_subrequest_post;
    psr->data = s;

    if (ngx_http_subrequest(r, uri, NULL, &sr, psr,
                            in_memory ? NGX_HTTP_SUBREQUEST_IN_MEMORY : 0)
        != NGX_OK)
    {
        s->pending = 0;
        return NGX_ERROR;
    }

    /* it is only posted so far: what is set now is seen by its handler */

    ngx_http_set_ctx(sr, ctx, (*module));

    /* the inner request has no body, whatever the client sent */

    sr->request_body = ngx_pcalloc(r->pool, sizeof(ngx_http_request_body_t));
    if (sr->request_body == NULL) {
        return NGX_ERROR;
    }

    r->write_event_handler = ngx_sandbox_subrequest_continue;

    return NGX_OK;
}


ngx_int_t
ngx_sandbox_subrequest_hold(ngx_http_request_t *r, ngx_pool_cleanup_pt cancel,
    void *data)
{
    ngx_http_cleanup_t  *cln;

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = cancel;
    cln->data = data;

    ngx_http_set_ctx(r, cln, ngx_http_sandbox_subrequest_module);

    r->read_event_handler = r->main->read_event_handler;
    r->main->count++;

    return NGX_DONE;
}


void
ngx_sandbox_subrequest_release(ngx_http_request_t *r)
{
    ngx_http_cleanup_t  *cln;

    cln = ngx_http_get_module_ctx(r, ngx_http_sandbox_subrequest_module);
    cln->handler = NULL;

    r->main->count--;
}


void
ngx_sandbox_subrequest_finish(ngx_http_request_t *r)
{
    ngx_connection_t    *c;
    ngx_http_cleanup_t  *cln;

    c = r->connection;

    cln = ngx_http_get_module_ctx(r, ngx_http_sandbox_subrequest_module);
    cln->handler = NULL;

    ngx_http_finalize_request(r, NGX_OK);
    ngx_http_run_posted_requests(c);
}


static ngx_sandbox_subrequest_t *
ngx_sandbox_subrequest_slot(ngx_http_request_t *r)
{
    ngx_sandbox_subrequest_t  *s;

    s = ngx_http_get_module_ctx(r, ngx_http_sandbox_subrequest_module);

    if (s != NULL) {
        return s;
    }

    s = ngx_pcalloc(r->pool, sizeof(ngx_sandbox_subrequest_t));
    if (s == NULL) {
        return NULL;
    }

    ngx_http_set_ctx(r, s, ngx_http_sandbox_subrequest_module);

    return s;
}


static ngx_int_t
ngx_sandbox_subrequest_post(ngx_http_request_t *r, void *data, ngx_int_t rc)
{
    ngx_sandbox_subrequest_t  *s = data;

    if (rc == NGX_HTTP_REQUEST_TIME_OUT
        || rc == NGX_HTTP_CLIENT_CLOSED_REQUEST
        || (rc == NGX_ERROR && !s->upstream))
    {
        return rc;
    }

    /*
     * An upstream also ends with NGX_ERROR when its peer misbehaves, which is
     * no reason to cut the client off; a broken client connection is looked
     * at by nginx itself after this.
     */

    /* the last call is the one that counts */

    s->rc = rc;
    s->ended = 1;

    return NGX_OK;
}


static void
ngx_sandbox_subrequest_continue(ngx_http_request_t *r)
{
    ngx_sandbox_subrequest_t  *s;

    s = ngx_http_get_module_ctx(r, ngx_http_sandbox_subrequest_module);

    if (!s->pending || !s->ended) {
        return;
    }

    s->pending = 0;
    r->write_event_handler = ngx_http_request_empty_handler;

    s->done(s->data, s->rc);
}
