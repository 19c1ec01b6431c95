
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Tokens: a name, a dot, and an HMAC-SHA256 of a purpose and the name.  The
 * purpose is part of what is signed, so a token for one purpose is worth
 * nothing for another.  What was computed to compare with is wiped; neither the
 * secret nor a token is ever logged.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include "ngx_sandbox.h"
#include "ngx_sandbox_id.h"
#include "ngx_sandbox_token.h"


#define NGX_SANDBOX_TOKEN_HEX    64
#define NGX_SANDBOX_TOKEN_OWNER  16

#define NGX_SANDBOX_TOKEN_PURPOSE_MAX  64


static ngx_int_t ngx_sandbox_token_build(ngx_pool_t *pool,
    const ngx_str_t *secret, const ngx_str_t *purpose, const ngx_str_t *name,
    ngx_str_t *ret_token);
static ngx_int_t ngx_sandbox_token_verify(const ngx_str_t *secret,
    const ngx_str_t *purpose, const ngx_str_t *token, ngx_str_t *ret_name);
static ngx_int_t ngx_sandbox_token_mac(const ngx_str_t *secret,
    const ngx_str_t *purpose, const ngx_str_t *name, u_char *hex);


static const ngx_str_t  ngx_sandbox_token_executor =
    ngx_string("ngx_sandbox executor token\n");

static const ngx_str_t  ngx_sandbox_token_instance =
    ngx_string("ngx_sandbox loopback token\n");

static const ngx_str_t  ngx_sandbox_token_instance_name =
    ngx_string("loopback");

static const ngx_str_t  ngx_sandbox_token_mark =
    ngx_string("ngx_sandbox owner\n");


ngx_int_t
ngx_sandbox_token_make(ngx_pool_t *pool, const ngx_str_t *secret,
    const ngx_str_t *session_id, ngx_str_t *ret_token)
{
    return ngx_sandbox_token_build(pool, secret, &ngx_sandbox_token_executor,
                                   session_id, ret_token);
}


ngx_int_t
ngx_sandbox_token_check(const ngx_str_t *secret, const ngx_str_t *token,
    ngx_str_t *ret_session_id)
{
    return ngx_sandbox_token_verify(secret, &ngx_sandbox_token_executor, token,
                                    ret_session_id);
}


ngx_int_t
ngx_sandbox_token_loopback(ngx_pool_t *pool, const ngx_str_t *secret,
    ngx_str_t *ret_token)
{
    return ngx_sandbox_token_build(pool, secret, &ngx_sandbox_token_instance,
                                   &ngx_sandbox_token_instance_name,
                                   ret_token);
}


ngx_int_t
ngx_sandbox_token_loopback_check(const ngx_str_t *secret,
    const ngx_str_t *token)
{
    ngx_str_t  name;

    if (ngx_sandbox_token_verify(secret, &ngx_sandbox_token_instance, token,
                                 &name)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    /* only this one name was ever signed for this purpose, yet be exact */

    if (name.len != ngx_sandbox_token_instance_name.len
        || ngx_memcmp(name.data, ngx_sandbox_token_instance_name.data,
                      name.len)
           != 0)
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


ngx_int_t
ngx_sandbox_token_owner(ngx_pool_t *pool, const ngx_str_t *secret,
    ngx_str_t *ret_owner)
{
    u_char     *hex;
    ngx_str_t   none;

    ngx_str_null(&none);

    hex = ngx_pnalloc(pool, NGX_SANDBOX_TOKEN_HEX);

    if (hex == NULL
        || ngx_sandbox_token_mac(secret, &ngx_sandbox_token_mark, &none, hex)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ret_owner->data = hex;
    ret_owner->len = NGX_SANDBOX_TOKEN_OWNER;

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_token_build(ngx_pool_t *pool, const ngx_str_t *secret,
    const ngx_str_t *purpose, const ngx_str_t *name, ngx_str_t *ret_token)
{
    u_char  *data, *p;

    if (!ngx_sandbox_id_valid(name)) {
        return NGX_ERROR;
    }

    data = ngx_pnalloc(pool, name->len + 1 + NGX_SANDBOX_TOKEN_HEX + 1);
    if (data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(data, name->data, name->len);
    *p++ = '.';

    if (ngx_sandbox_token_mac(secret, purpose, name, p) != NGX_OK) {
        return NGX_ERROR;
    }

    p += NGX_SANDBOX_TOKEN_HEX;
    *p = '\0';

    ret_token->len = p - data;
    ret_token->data = data;

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_token_verify(const ngx_str_t *secret, const ngx_str_t *purpose,
    const ngx_str_t *token, ngx_str_t *ret_name)
{
    ngx_int_t  rc;
    ngx_str_t  name;
    u_char     hex[NGX_SANDBOX_TOKEN_HEX];

    if (token->len < 1 + 1 + NGX_SANDBOX_TOKEN_HEX) {
        return NGX_DECLINED;
    }

    name.data = token->data;
    name.len = token->len - NGX_SANDBOX_TOKEN_HEX - 1;

    if (name.data[name.len] != '.' || !ngx_sandbox_id_valid(&name)) {
        return NGX_DECLINED;
    }

    if (ngx_sandbox_token_mac(secret, purpose, &name, hex) != NGX_OK) {
        return NGX_DECLINED;
    }

    rc = NGX_DECLINED;

    if (CRYPTO_memcmp(hex, name.data + name.len + 1, NGX_SANDBOX_TOKEN_HEX)
        == 0)
    {
        *ret_name = name;
        rc = NGX_OK;
    }

    ngx_explicit_memzero(hex, NGX_SANDBOX_TOKEN_HEX);

    return rc;
}


/* the name is a valid id or empty, so its length is bounded */

static ngx_int_t
ngx_sandbox_token_mac(const ngx_str_t *secret, const ngx_str_t *purpose,
    const ngx_str_t *name, u_char *hex)
{
    u_char    *p, mac[EVP_MAX_MD_SIZE];
    u_char     text[NGX_SANDBOX_TOKEN_PURPOSE_MAX + NGX_SANDBOX_ID_MAX];
    unsigned   len;

    /* with an empty secret everybody could make tokens */

    if (secret->len == 0 || secret->len > NGX_MAX_INT32_VALUE) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(text, purpose->data, purpose->len);

    if (name->len) {
        p = ngx_cpymem(p, name->data, name->len);
    }

    if (HMAC(EVP_sha256(), secret->data, (int) secret->len, text, p - text,
             mac, &len)
        == NULL
        || len != NGX_SANDBOX_TOKEN_HEX / 2)
    {
        return NGX_ERROR;
    }

    (void) ngx_hex_dump(hex, mac, len);

    ngx_explicit_memzero(mac, sizeof(mac));

    return NGX_OK;
}
