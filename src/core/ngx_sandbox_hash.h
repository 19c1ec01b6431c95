
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _NGX_SANDBOX_HASH_H_INCLUDED_
#define _NGX_SANDBOX_HASH_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_SANDBOX_SHA256_HEX_LEN  64


/* SHA-256 of a text, as lower case hex digits.  NGX_ERROR: no memory. */
ngx_int_t ngx_sandbox_sha256_hex(ngx_pool_t *pool, const ngx_str_t *text,
    ngx_str_t *ret_hex);


#endif /* _NGX_SANDBOX_HASH_H_INCLUDED_ */
