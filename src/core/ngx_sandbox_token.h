
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The tokens of the internal API, and the mark of what is ours.  They are
 * derived from one secret, so there is nothing to store and every instance can
 * check them.
 */


#ifndef _NGX_SANDBOX_TOKEN_H_INCLUDED_
#define _NGX_SANDBOX_TOKEN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * The token of a session's executor, "<session_id>.<64 hexadecimal digits>", in
 * the pool and NUL-terminated.  NGX_ERROR: no memory, an empty secret, or
 * session_id is not a valid id.
 */
ngx_int_t ngx_sandbox_token_make(ngx_pool_t *pool, const ngx_str_t *secret,
    const ngx_str_t *session_id, ngx_str_t *ret_token);

/*
 * NGX_OK: the token is genuine, ret_session_id points into it.  NGX_DECLINED:
 * it is not.  The time it takes does not depend on the expected token.
 */
ngx_int_t ngx_sandbox_token_check(const ngx_str_t *secret,
    const ngx_str_t *token, ngx_str_t *ret_session_id);

/*
 * The token that the instances of one system use among themselves,
 * "loopback.<64 hexadecimal digits>": no session's token is ever equal to it.
 */
ngx_int_t ngx_sandbox_token_loopback(ngx_pool_t *pool, const ngx_str_t *secret,
    ngx_str_t *ret_token);
ngx_int_t ngx_sandbox_token_loopback_check(const ngx_str_t *secret,
    const ngx_str_t *token);

/*
 * What marks the containers of one system in an engine that others use as
 * well: 16 hexadecimal digits that follow from the secret, and are no secret.
 */
ngx_int_t ngx_sandbox_token_owner(ngx_pool_t *pool, const ngx_str_t *secret,
    ngx_str_t *ret_owner);


#endif /* _NGX_SANDBOX_TOKEN_H_INCLUDED_ */
