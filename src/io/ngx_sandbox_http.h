
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * An HTTP client for control calls (Docker, the loopback), libcurl's multi
 * interface driven by nginx's event loop.  One client a worker.
 */


#ifndef _NGX_SANDBOX_HTTP_H_INCLUDED_
#define _NGX_SANDBOX_HTTP_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


typedef struct ngx_sandbox_http_s     ngx_sandbox_http_t;
typedef struct ngx_sandbox_call_s     ngx_sandbox_call_t;

typedef void (*ngx_sandbox_call_handler_pt)(ngx_sandbox_call_t *call);


struct ngx_sandbox_call_s {
    /* set by the caller, must live until the call is done or cancelled */
    char                         *method;      /* "GET", "POST", "DELETE" */
    ngx_str_t                     socket;      /* unix path, NUL-terminated */
    ngx_str_t                     uri;         /* path and query */
    ngx_str_t                     body;        /* empty: none */
    char                         *content_type;  /* NULL: application/json */
    ngx_str_t                     token;       /* bearer token; empty: none */
    ngx_msec_t                    timeout;     /* the whole call, ms, not 0 */
    size_t                        max_body;    /* of the answer; more fails;
                                                  0: it is thrown away */
    ngx_pool_t                   *pool;        /* the answer is put here */
    ngx_log_t                    *log;
    ngx_sandbox_call_handler_pt   handler;
    void                         *data;

    /* the result */
    ngx_int_t                     rc;          /* NGX_OK: answered, see status;
                                                  NGX_DECLINED: not connected,
                                                  nothing was sent;
                                                  NGX_ERROR: anything else */
    ngx_uint_t                    status;      /* HTTP status, 0 if none */
    ngx_str_t                     answer;      /* the body */
    ngx_str_t                     error;       /* why rc is not NGX_OK */
    unsigned                      malformed:1; /* NGX_ERROR: because what came
                                                  is not HTTP, or too large */

    /* the client's own */
    void                         *transfer;
};


ngx_sandbox_http_t *ngx_sandbox_http_create(ngx_log_t *log);

/* Running calls end with NGX_ERROR. */
void ngx_sandbox_http_destroy(ngx_sandbox_http_t *http);

/*
 * NGX_AGAIN: the handler will be called later, never from inside this call.
 * NGX_ERROR: no memory; the handler will not be called.
 */
ngx_int_t ngx_sandbox_http_start(ngx_sandbox_http_t *http,
    ngx_sandbox_call_t *call);

/* The handler will not be called, and call is not touched any more. */
void ngx_sandbox_http_cancel(ngx_sandbox_http_t *http,
    ngx_sandbox_call_t *call);

/*
 * Sends a request that nobody waits for: copies everything it needs, ignores
 * the answer, logs a failure as WARN.  This is how a handler hands work on to
 * the instance's own loopback listener.
 */
ngx_int_t ngx_sandbox_http_post_detached(ngx_sandbox_http_t *http,
    ngx_str_t *socket, ngx_str_t *uri, ngx_str_t *token, ngx_msec_t timeout,
    ngx_log_t *log);


#endif /* _NGX_SANDBOX_HTTP_H_INCLUDED_ */
