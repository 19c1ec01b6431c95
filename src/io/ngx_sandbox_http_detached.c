
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Requests that nobody waits for.  Each is a call that owns itself: a pool of
 * its own holds it and everything that it needs, and dies when the call is
 * done.  The client ends it at its deadline, or when the worker exits.  The
 * answer is not looked at, apart from its status, which may be worth a warning.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_http.h"


static ngx_sandbox_call_t *ngx_sandbox_http_detached_create(ngx_str_t *socket,
    ngx_str_t *uri, ngx_str_t *token);
static void ngx_sandbox_http_detached_done(ngx_sandbox_call_t *call);
static void ngx_sandbox_http_detached_free(ngx_sandbox_call_t *call);


ngx_int_t
ngx_sandbox_http_post_detached(ngx_sandbox_http_t *http, ngx_str_t *socket,
    ngx_str_t *uri, ngx_str_t *token, ngx_msec_t timeout, ngx_log_t *log)
{
    ngx_sandbox_call_t  *call;

    call = ngx_sandbox_http_detached_create(socket, uri, token);

    if (call) {
        call->timeout = timeout;

        if (ngx_sandbox_http_start(http, call) == NGX_AGAIN) {
            return NGX_OK;
        }

        ngx_sandbox_http_detached_free(call);
    }

    ngx_log_error(NGX_LOG_WARN, log, 0,
                  "sandbox: POST %V of unix:%V could not be sent", uri, socket);

    return NGX_ERROR;
}


static ngx_sandbox_call_t *
ngx_sandbox_http_detached_create(ngx_str_t *socket, ngx_str_t *uri,
    ngx_str_t *token)
{
    u_char              *p;
    ngx_pool_t          *pool;
    ngx_sandbox_call_t  *call;

    /* the caller's log may die with its request, the cycle's does not */

    pool = ngx_create_pool(1024, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    call = ngx_pcalloc(pool, sizeof(ngx_sandbox_call_t));
    p = ngx_pnalloc(pool, socket->len + 1 + uri->len + token->len);

    if (call == NULL || p == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    call->method = "POST";
    call->pool = pool;
    call->log = ngx_cycle->log;
    call->handler = ngx_sandbox_http_detached_done;

    call->socket.len = socket->len;
    call->socket.data = p;
    p = ngx_cpymem(p, socket->data, socket->len);
    *p++ = '\0';

    call->uri.len = uri->len;
    call->uri.data = p;
    p = ngx_cpymem(p, uri->data, uri->len);

    if (token->len) {
        call->token.len = token->len;
        call->token.data = p;
        ngx_memcpy(p, token->data, token->len);
    }

    return call;
}


static void
ngx_sandbox_http_detached_done(ngx_sandbox_call_t *call)
{
    if (call->rc != NGX_OK) {
        ngx_log_error(NGX_LOG_WARN, call->log, 0,
                      "sandbox: POST %V of unix:%V failed: %V",
                      &call->uri, &call->socket, &call->error);

    } else if (call->status >= 300) {
        ngx_log_error(NGX_LOG_WARN, call->log, 0,
                      "sandbox: POST %V of unix:%V was answered with %ui",
                      &call->uri, &call->socket, call->status);
    }

    ngx_sandbox_http_detached_free(call);
}


static void
ngx_sandbox_http_detached_free(ngx_sandbox_call_t *call)
{
    if (call->token.len) {
        ngx_explicit_memzero(call->token.data, call->token.len);
    }

    ngx_destroy_pool(call->pool);
}
