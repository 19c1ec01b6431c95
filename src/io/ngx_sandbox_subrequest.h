
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _NGX_SANDBOX_SUBREQUEST_H_INCLUDED_
#define _NGX_SANDBOX_SUBREQUEST_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/* rc: NGX_OK, or the status with which the location ended instead */
typedef void (*ngx_sandbox_subrequest_done_pt)(void *data, ngx_int_t rc);


/*
 * Runs the internal location "uri" for the main request r; its handler finds
 * "ctx" as its context of "module", and puts the result there: a body is
 * neither sent nor read.  in_memory is for locations that use an upstream.
 * "done" is called once, from r's own turn, unless the request is gone by
 * then.  One at a time for a request.  NGX_ERROR: finalize r with it.
 */
ngx_int_t ngx_sandbox_subrequest(ngx_http_request_t *r, ngx_str_t *uri,
    ngx_module_t *module, void *ctx, ngx_uint_t in_memory,
    ngx_sandbox_subrequest_done_pt done, void *data);

/*
 * For the handlers of such locations: keeps the request until
 * ngx_sandbox_subrequest_finish(), and calls "cancel" with "data" if the
 * client goes away before that and the main request lets go of it.
 * Return its result from the handler.
 */
ngx_int_t ngx_sandbox_subrequest_hold(ngx_http_request_t *r,
    ngx_pool_cleanup_pt cancel, void *data);

/* Takes a hold back: the handler ends the request by its return value. */
void ngx_sandbox_subrequest_release(ngx_http_request_t *r);

/* From a foreign event: ends a held one.  r may be gone afterwards. */
void ngx_sandbox_subrequest_finish(ngx_http_request_t *r);


extern ngx_module_t  ngx_http_sandbox_subrequest_module;


#endif /* _NGX_SANDBOX_SUBREQUEST_H_INCLUDED_ */
