
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Quantities.  A text is read as a whole number of thousandths, never as a
 * double, so "0.1" is exactly 100 millicores and a bound is a bound.  Pure
 * functions; whether a quantity is allowed is the caller's question.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_quantity.h"


#define NGX_SANDBOX_QUANTITY_DIGITS  15
#define NGX_SANDBOX_MIB              (1024 * 1024)


typedef struct {
    char       *suffix;
    size_t      len;
    uint64_t    bytes;
} ngx_sandbox_unit_t;


static ngx_int_t ngx_sandbox_quantity_thousandths(const ngx_str_t *text,
    uint64_t *ret_value, ngx_str_t *ret_suffix);
static ngx_int_t ngx_sandbox_quantity_mul(uint64_t *value, uint64_t factor);


static const ngx_sandbox_unit_t  ngx_sandbox_units[] = {
    { "", 0, 1 },
    { "Ki", 2, 1024ULL },
    { "Mi", 2, 1024ULL * 1024 },
    { "Gi", 2, 1024ULL * 1024 * 1024 },
    { "Ti", 2, 1024ULL * 1024 * 1024 * 1024 },
    { "k", 1, 1000ULL },
    { "M", 1, 1000ULL * 1000 },
    { "G", 1, 1000ULL * 1000 * 1000 },
    { "T", 1, 1000ULL * 1000 * 1000 * 1000 },
    { NULL, 0, 0 }
};


ngx_int_t
ngx_sandbox_quantity_cpu(const ngx_str_t *text, ngx_uint_t *ret_milli)
{
    uint64_t   value;
    ngx_str_t  suffix;

    if (ngx_sandbox_quantity_thousandths(text, &value, &suffix) != NGX_OK) {
        return NGX_DECLINED;
    }

    if (suffix.len == 1 && suffix.data[0] == 'm') {

        /* there is nothing smaller than a millicore */

        if (value % 1000) {
            return NGX_DECLINED;
        }

        value /= 1000;

    } else if (suffix.len) {
        return NGX_DECLINED;
    }

    *ret_milli = (ngx_uint_t) value;

    return NGX_OK;
}


ngx_int_t
ngx_sandbox_quantity_mb(const ngx_str_t *text, ngx_uint_t *ret_mb)
{
    uint64_t                   value, mb;
    ngx_str_t                  suffix;
    const ngx_sandbox_unit_t  *u;

    if (ngx_sandbox_quantity_thousandths(text, &value, &suffix) != NGX_OK) {
        return NGX_DECLINED;
    }

    for (u = ngx_sandbox_units; u->suffix; u++) {
        if (u->len == suffix.len
            && ngx_memcmp(u->suffix, suffix.data, u->len) == 0)
        {
            break;
        }
    }

    if (u->suffix == NULL
        || ngx_sandbox_quantity_mul(&value, u->bytes) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    mb = value / (1000ULL * NGX_SANDBOX_MIB);

    if (value % (1000ULL * NGX_SANDBOX_MIB)) {
        mb++;
    }

    *ret_mb = (ngx_uint_t) mb;

    return NGX_OK;
}


ngx_int_t
ngx_sandbox_quantity_cpu_text(ngx_pool_t *pool, ngx_uint_t milli,
    ngx_str_t *ret_text)
{
    u_char  *data, *p;

    data = ngx_pnalloc(pool, NGX_INT_T_LEN + sizeof(".000"));
    if (data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(data, "%ui", milli / 1000);

    if (milli % 1000) {
        p = ngx_sprintf(p, ".%03ui", milli % 1000);

        while (p[-1] == '0') {
            p--;
        }
    }

    ret_text->len = p - data;
    ret_text->data = data;

    return NGX_OK;
}


ngx_int_t
ngx_sandbox_quantity_mb_text(ngx_pool_t *pool, ngx_uint_t mb,
    ngx_str_t *ret_text)
{
    u_char  *data, *p;

    data = ngx_pnalloc(pool, NGX_INT_T_LEN + sizeof("Mi"));
    if (data == NULL) {
        return NGX_ERROR;
    }

    if (mb && mb % 1024 == 0) {
        p = ngx_sprintf(data, "%uiGi", mb / 1024);

    } else {
        p = ngx_sprintf(data, "%uiMi", mb);
    }

    ret_text->len = p - data;
    ret_text->data = data;

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_quantity_thousandths(const ngx_str_t *text, uint64_t *ret_value,
    ngx_str_t *ret_suffix)
{
    u_char      *p, *last, *start;
    uint64_t     value;
    ngx_uint_t   decimals;

    p = text->data;
    last = p + text->len;
    value = 0;

    for (start = p; p < last && *p >= '0' && *p <= '9'; p++) {
        if (p - start == NGX_SANDBOX_QUANTITY_DIGITS) {
            return NGX_DECLINED;
        }

        value = value * 10 + (*p - '0');
    }

    if (p == start) {
        return NGX_DECLINED;
    }

    decimals = 0;

    if (p < last && *p == '.') {
        for (p++; p < last && *p >= '0' && *p <= '9'; p++) {
            if (++decimals > 3) {
                return NGX_DECLINED;
            }

            value = value * 10 + (*p - '0');
        }

        if (decimals == 0) {
            return NGX_DECLINED;
        }
    }

    for ( /* void */ ; decimals < 3; decimals++) {
        value *= 10;
    }

    ret_suffix->data = p;
    ret_suffix->len = last - p;

    *ret_value = value;

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_quantity_mul(uint64_t *value, uint64_t factor)
{
    if (*value > (uint64_t) -1 / factor) {
        return NGX_DECLINED;
    }

    *value *= factor;

    return NGX_OK;
}
