
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * One call as libcurl sees it: an easy handle, its request and its result.
 * Private to ngx_sandbox_http.c and ngx_sandbox_http_transfer.c.
 */


#ifndef _NGX_SANDBOX_HTTP_PRIVATE_H_INCLUDED_
#define _NGX_SANDBOX_HTTP_PRIVATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <curl/curl.h>
#include "ngx_sandbox_http.h"


typedef struct {
    ngx_queue_t           queue;         /* of the running or the idle ones */
    ngx_event_t           timer;         /* the deadline of the call */
    ngx_sandbox_http_t   *http;
    ngx_sandbox_call_t   *call;
    CURL                 *easy;

    struct curl_slist     headers[3];    /* point into text */
    u_char               *text;          /* the URL and the headers */
    size_t                text_size;

    size_t                head;          /* bytes of the answer's head */
    size_t                size;          /* of the buffer of call->answer */
    char                 *cause;         /* ours, where libcurl's is vague */

    unsigned              attached:1;    /* curl_multi_add_handle() was done */
    unsigned              malformed:1;
    unsigned              starved:1;     /* no worker connection was left */
} ngx_sandbox_http_transfer_t;


/* NULL: no memory. */
ngx_sandbox_http_transfer_t *ngx_sandbox_http_transfer_create(void);
void ngx_sandbox_http_transfer_free(ngx_sandbox_http_transfer_t *t);

/*
 * Makes the handle ready for curl_multi_add_handle() and empties the result
 * of the call.  NGX_ERROR: no memory, or the call is malformed (logged).
 */
ngx_int_t ngx_sandbox_http_transfer_prepare(ngx_sandbox_http_transfer_t *t,
    ngx_sandbox_call_t *call);

/* Fills in the result of the call; does not call its handler. */
void ngx_sandbox_http_transfer_result(ngx_sandbox_http_transfer_t *t,
    CURLcode code);

/* Forgets the call, and wipes what may have been secret in it. */
void ngx_sandbox_http_transfer_clear(ngx_sandbox_http_transfer_t *t);


#endif /* _NGX_SANDBOX_HTTP_PRIVATE_H_INCLUDED_ */
