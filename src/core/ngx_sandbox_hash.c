
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * What two requests with the same key are compared by.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <openssl/sha.h>
#include "ngx_sandbox_hash.h"


ngx_int_t
ngx_sandbox_sha256_hex(ngx_pool_t *pool, const ngx_str_t *text,
    ngx_str_t *ret_hex)
{
    u_char  hash[SHA256_DIGEST_LENGTH];

    ret_hex->data = ngx_pnalloc(pool, NGX_SANDBOX_SHA256_HEX_LEN);
    if (ret_hex->data == NULL) {
        return NGX_ERROR;
    }

    (void) SHA256(text->data, text->len, hash);

    ret_hex->len = ngx_hex_dump(ret_hex->data, hash, SHA256_DIGEST_LENGTH)
                   - ret_hex->data;

    return NGX_OK;
}
