
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _NGX_SANDBOX_ID_H_INCLUDED_
#define _NGX_SANDBOX_ID_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_SANDBOX_REQUEST_ID_MAX  128     /* a client's, bytes */


/*
 * New ids, in the pool and NUL-terminated: "sess_" and "tmpl_" with 16 of
 * [a-z0-9], "exec_YYYYMMDD_" (UTC) with 8.  NGX_ERROR: no memory or no
 * randomness.
 */
ngx_int_t ngx_sandbox_id_session(ngx_pool_t *pool, ngx_str_t *ret_id);
ngx_int_t ngx_sandbox_id_template(ngx_pool_t *pool, ngx_str_t *ret_id);
ngx_int_t ngx_sandbox_id_execution(ngx_pool_t *pool, ngx_str_t *ret_id);

/* 1: [A-Za-z0-9_-]{1,64}, what every id in a path or a body must be. */
ngx_uint_t ngx_sandbox_id_valid(const ngx_str_t *id);

/* 1: [A-Za-z0-9._-]{1,128}, an X-Request-ID that is taken from a client. */
ngx_uint_t ngx_sandbox_request_id_valid(const ngx_str_t *id);


#endif /* _NGX_SANDBOX_ID_H_INCLUDED_ */
