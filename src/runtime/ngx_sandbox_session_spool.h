
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _NGX_SANDBOX_SESSION_SPOOL_H_INCLUDED_
#define _NGX_SANDBOX_SESSION_SPOOL_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* more names than an executor can hold results are not looked at */
#define NGX_SANDBOX_SPOOL_MAX  128


/*
 * The results that the executor of a session has left in its folder: an array
 * of ngx_str_t, "{execution id}.{attempt}" each, empty if there is none.
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_sandbox_session_spool_list(ngx_pool_t *pool, ngx_str_t *folder,
    ngx_array_t **ret_names);

/* One of them.  NGX_DECLINED: it is no file, too large, or cannot be read. */
ngx_int_t ngx_sandbox_session_spool_read(ngx_pool_t *pool, ngx_str_t *folder,
    ngx_str_t *name, size_t max, ngx_str_t *ret_text);

/*
 * "exec_1.2": NGX_OK, its id, a part of it, and the attempt.  NGX_DECLINED: it
 * is no such name.
 */
ngx_int_t ngx_sandbox_session_spool_parse(ngx_str_t *name, ngx_str_t *ret_id,
    ngx_int_t *ret_attempt);


#endif /* _NGX_SANDBOX_SESSION_SPOOL_H_INCLUDED_ */
