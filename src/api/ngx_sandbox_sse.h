
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * A client that watches an execution: server-sent events, as fast as it takes
 * them.
 */


#ifndef _NGX_SANDBOX_SSE_H_INCLUDED_
#define _NGX_SANDBOX_SSE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_sandbox_api.h"
#include "ngx_sandbox_watch.h"


#define NGX_SANDBOX_SSE_PARTS  3


typedef struct {
    ngx_http_request_t    *request;
    ngx_sandbox_node_t    *node;
    ngx_sandbox_watch_t    watch;          /* id, last: set by the caller */

    ngx_buf_t             *buf;            /* on its way to the client */
    ngx_chain_t            out;

    /* the event that is being written to it */
    u_char                 head[128];
    ngx_str_t              parts[NGX_SANDBOX_SSE_PARTS];
    ngx_uint_t             part;
    size_t                 pos;

    ngx_event_t            silence;
    unsigned               cancel:1;       /* when the client goes away: set */
    unsigned               escaped:1;      /* the middle part is to be */
    unsigned               comment:1;      /* is to be sent */
    unsigned               started:1;
    unsigned               over:1;         /* the execution is */
    unsigned               finished:1;     /* all is in buf */
} ngx_sandbox_sse_t;


/*
 * Takes one of the worker's streams for the request.  NULL: answered already.
 * It is given back with the request, whether it was started or not.
 */
ngx_sandbox_sse_t *ngx_sandbox_sse_create(ngx_sandbox_api_t *a);

/*
 * Sends the head of the answer and then the events; finalizes the request.
 * session_id as in ngx_sandbox_watch_start().
 */
void ngx_sandbox_sse_start(ngx_sandbox_sse_t *s, const ngx_str_t *session_id);


/*
 * Between the files of it: puts as much as there is room for into the buffer,
 * which is empty.
 */
void ngx_sandbox_sse_write(ngx_sandbox_sse_t *s);


#endif /* _NGX_SANDBOX_SSE_H_INCLUDED_ */
