
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Ids.  They are made from OpenSSL's generator, which reseeds itself after a
 * fork, so that two workers never continue the same sequence; a session's id
 * must not be guessable, since it is part of paths that are passed around.
 * Functions only, nothing is kept here.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <openssl/rand.h>
#include "ngx_sandbox.h"
#include "ngx_sandbox_id.h"


#define NGX_SANDBOX_ID_RANDOM_LONG    16
#define NGX_SANDBOX_ID_RANDOM_SHORT   8

/* the largest multiple of 36 that a byte can hold */
#define NGX_SANDBOX_ID_UNBIASED      252

#define NGX_SANDBOX_ID_DATE_LEN      (sizeof("YYYYMMDD_") - 1)


static ngx_int_t ngx_sandbox_id_make(ngx_pool_t *pool, ngx_str_t *prefix,
    ngx_str_t *ret_id);
static ngx_int_t ngx_sandbox_id_random(u_char *p, size_t n);
static ngx_uint_t ngx_sandbox_id_chars(const ngx_str_t *id, size_t max,
    u_char extra);


ngx_int_t
ngx_sandbox_id_session(ngx_pool_t *pool, ngx_str_t *ret_id)
{
    ngx_str_t  prefix = ngx_string("sess_");

    return ngx_sandbox_id_make(pool, &prefix, ret_id);
}


ngx_int_t
ngx_sandbox_id_template(ngx_pool_t *pool, ngx_str_t *ret_id)
{
    ngx_str_t  prefix = ngx_string("tmpl_");

    return ngx_sandbox_id_make(pool, &prefix, ret_id);
}


ngx_int_t
ngx_sandbox_id_execution(ngx_pool_t *pool, ngx_str_t *ret_id)
{
    u_char    *data, *p;
    ngx_tm_t   tm;

    data = ngx_pnalloc(pool, sizeof("exec_") - 1 + NGX_SANDBOX_ID_DATE_LEN
                             + NGX_SANDBOX_ID_RANDOM_SHORT + 1);
    if (data == NULL) {
        return NGX_ERROR;
    }

    ngx_gmtime(ngx_time(), &tm);

    p = ngx_sprintf(data, "exec_%04d%02d%02d_", tm.ngx_tm_year, tm.ngx_tm_mon,
                    tm.ngx_tm_mday);

    if (ngx_sandbox_id_random(p, NGX_SANDBOX_ID_RANDOM_SHORT) != NGX_OK) {
        return NGX_ERROR;
    }

    p += NGX_SANDBOX_ID_RANDOM_SHORT;
    *p = '\0';

    ret_id->len = p - data;
    ret_id->data = data;

    return NGX_OK;
}


ngx_uint_t
ngx_sandbox_id_valid(const ngx_str_t *id)
{
    return ngx_sandbox_id_chars(id, NGX_SANDBOX_ID_MAX, '-');
}


ngx_uint_t
ngx_sandbox_request_id_valid(const ngx_str_t *id)
{
    return ngx_sandbox_id_chars(id, NGX_SANDBOX_REQUEST_ID_MAX, '.');
}


static ngx_int_t
ngx_sandbox_id_make(ngx_pool_t *pool, ngx_str_t *prefix, ngx_str_t *ret_id)
{
    u_char  *data, *p;

    data = ngx_pnalloc(pool, prefix->len + NGX_SANDBOX_ID_RANDOM_LONG + 1);
    if (data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(data, prefix->data, prefix->len);

    if (ngx_sandbox_id_random(p, NGX_SANDBOX_ID_RANDOM_LONG) != NGX_OK) {
        return NGX_ERROR;
    }

    p += NGX_SANDBOX_ID_RANDOM_LONG;
    *p = '\0';

    ret_id->len = p - data;
    ret_id->data = data;

    return NGX_OK;
}


/* each of [a-z0-9] equally likely: bytes that would favour some are dropped */

static ngx_int_t
ngx_sandbox_id_random(u_char *p, size_t n)
{
    size_t         i;
    u_char        *last, bytes[32];
    static u_char  chars[] = "abcdefghijklmnopqrstuvwxyz0123456789";

    last = p + n;

    while (p < last) {

        if (RAND_bytes(bytes, sizeof(bytes)) != 1) {
            return NGX_ERROR;
        }

        for (i = 0; i < sizeof(bytes) && p < last; i++) {
            if (bytes[i] < NGX_SANDBOX_ID_UNBIASED) {
                *p++ = chars[bytes[i] % 36];
            }
        }
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_sandbox_id_chars(const ngx_str_t *id, size_t max, u_char extra)
{
    u_char  ch;
    size_t  i;

    if (id->len == 0 || id->len > max) {
        return 0;
    }

    for (i = 0; i < id->len; i++) {
        ch = id->data[i];

        if ((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
            || (ch >= '0' && ch <= '9') || ch == '_' || ch == '-'
            || ch == extra)
        {
            continue;
        }

        return 0;
    }

    return 1;
}
