
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Text that the Docker Engine sends: messages, the logs of a container, times.
 * Some of it was written by what runs in a sandbox, so nothing of it reaches a
 * log or a client before it went through here.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_docker_json.h"
#include "ngx_sandbox_utf8.h"


#define NGX_SANDBOX_DOCKER_FRAME  8     /* bytes: stream, 0, 0, 0, size */


static u_char *ngx_sandbox_docker_unframe(u_char *p, ngx_str_t *stream);
static size_t ngx_sandbox_docker_character(u_char *p, u_char *last,
    ngx_uint_t lines, ngx_str_t *shown);
static ngx_int_t ngx_sandbox_docker_digits(u_char *p, size_t n, ngx_uint_t min,
    ngx_uint_t max);
static ngx_int_t ngx_sandbox_docker_zone(u_char *p, u_char *last);


ngx_int_t
ngx_sandbox_docker_decode_logs(ngx_pool_t *pool, ngx_str_t *stream, size_t max,
    ngx_str_t *ret_text)
{
    u_char     *last;
    ngx_int_t   rc;
    ngx_str_t   joined;

    if (stream->len == 0) {
        ngx_str_null(ret_text);
        return NGX_OK;
    }

    joined.data = ngx_pnalloc(pool, stream->len);
    if (joined.data == NULL) {
        return NGX_ERROR;
    }

    last = ngx_sandbox_docker_unframe(joined.data, stream);

    if (last == NULL) {
        rc = NGX_DECLINED;

    } else {
        joined.len = last - joined.data;
        rc = ngx_sandbox_docker_text(pool, &joined, max, 1, ret_text);
    }

    (void) ngx_pfree(pool, joined.data);

    return rc;
}


ngx_int_t
ngx_sandbox_docker_text(ngx_pool_t *pool, ngx_str_t *bytes, size_t max,
    ngx_uint_t lines, ngx_str_t *ret_text)
{
    u_char     *p, *last, *dst, *end;
    size_t      len, skip;
    ngx_str_t   shown;

    if (bytes->len == 0) {
        ngx_str_null(ret_text);
        return NGX_OK;
    }

    last = bytes->data + bytes->len;
    len = 0;

    for (p = bytes->data; p < last; /* void */ ) {
        p += ngx_sandbox_docker_character(p, last, lines, &shown);
        len += shown.len;
    }

    skip = (lines && len > max) ? len - max : 0;
    len = ngx_min(len, max);

    dst = ngx_pnalloc(pool, len ? len : 1);
    if (dst == NULL) {
        return NGX_ERROR;
    }

    end = dst + len;
    ret_text->data = dst;

    for (p = bytes->data; p < last; /* void */ ) {
        p += ngx_sandbox_docker_character(p, last, lines, &shown);

        if (skip) {
            skip -= ngx_min(skip, shown.len);
            continue;
        }

        if (shown.len > (size_t) (end - dst)) {
            break;
        }

        dst = ngx_cpymem(dst, shown.data, shown.len);
    }

    ret_text->len = dst - ret_text->data;

    return NGX_OK;
}


time_t
ngx_sandbox_docker_time(ngx_str_t *text)
{
    u_char     *p;
    ngx_int_t   year, month, day, hour, min, sec, zone, days;

    p = text->data;

    if (text->len < sizeof("1970-01-01T00:00:00Z") - 1
        || p[4] != '-' || p[7] != '-' || p[10] != 'T' || p[13] != ':'
        || p[16] != ':')
    {
        return 0;
    }

    year = ngx_sandbox_docker_digits(p, 4, 1970, 9999);
    month = ngx_sandbox_docker_digits(p + 5, 2, 1, 12);
    day = ngx_sandbox_docker_digits(p + 8, 2, 1, 31);
    hour = ngx_sandbox_docker_digits(p + 11, 2, 0, 23);
    min = ngx_sandbox_docker_digits(p + 14, 2, 0, 59);
    sec = ngx_sandbox_docker_digits(p + 17, 2, 0, 60);
    zone = ngx_sandbox_docker_zone(p + 19, p + text->len);

    if (year < 0 || month < 0 || day < 0 || hour < 0 || min < 0 || sec < 0
        || zone == NGX_ERROR)
    {
        return 0;
    }

    /* Gauss' formula for the days since March 1, 1 BC, as nginx has it */

    month -= 2;

    if (month <= 0) {
        month += 12;
        year -= 1;
    }

    days = 365 * year + year / 4 - year / 100 + year / 400
           + 367 * month / 12 - 30 + day - 1
           - 719527 + 31 + 28;

    return (time_t) days * 86400 + hour * 3600 + min * 60 + sec - zone;
}


/* the end of what was written at p; NULL: this is not such a stream */

static u_char *
ngx_sandbox_docker_unframe(u_char *p, ngx_str_t *stream)
{
    u_char  *src, *last;
    size_t   size;

    src = stream->data;
    last = src + stream->len;

    while (last - src >= NGX_SANDBOX_DOCKER_FRAME) {

        if (src[0] > 2 || src[1] || src[2] || src[3]) {
            return NULL;
        }

        size = ((size_t) src[4] << 24) | ((size_t) src[5] << 16)
               | ((size_t) src[6] << 8) | src[7];

        src += NGX_SANDBOX_DOCKER_FRAME;
        size = ngx_min(size, (size_t) (last - src));

        p = ngx_cpymem(p, src, size);
        src += size;
    }

    return p;
}


/* returns how many bytes of the input the character takes, 1 or more */

static size_t
ngx_sandbox_docker_character(u_char *p, u_char *last, ngx_uint_t lines,
    ngx_str_t *shown)
{
    size_t  n;

    n = ngx_sandbox_utf8_length(p, last);

    if (n == 0) {
        ngx_str_set(shown, "\xef\xbf\xbd");
        return 1;
    }

    shown->data = p;
    shown->len = n;

    if (lines && (*p == '\n' || *p == '\t')) {
        return n;
    }

    /* C0, DEL and C1: they would end a line, or command a terminal */

    if (*p < 0x20 || *p == 0x7f || (*p == 0xc2 && p[1] < 0xa0)) {

        if (lines) {
            ngx_str_set(shown, "\xef\xbf\xbd");

        } else {
            ngx_str_set(shown, " ");
        }
    }

    return n;
}


static ngx_int_t
ngx_sandbox_docker_digits(u_char *p, size_t n, ngx_uint_t min, ngx_uint_t max)
{
    ngx_int_t  value;

    value = ngx_atoi(p, n);

    if (value < (ngx_int_t) min || value > (ngx_int_t) max) {
        return NGX_ERROR;
    }

    return value;
}


/* seconds east of Greenwich, after a fraction that is not looked at */

static ngx_int_t
ngx_sandbox_docker_zone(u_char *p, u_char *last)
{
    ngx_int_t  hour, min, sign;

    if (p < last && *p == '.') {
        do {
            p++;
        } while (p < last && *p >= '0' && *p <= '9');
    }

    if (last - p == 1 && *p == 'Z') {
        return 0;
    }

    if (last - p != sizeof("+00:00") - 1 || p[3] != ':'
        || (*p != '+' && *p != '-'))
    {
        return NGX_ERROR;
    }

    sign = (*p == '-') ? -1 : 1;
    hour = ngx_sandbox_docker_digits(p + 1, 2, 0, 23);
    min = ngx_sandbox_docker_digits(p + 4, 2, 0, 59);

    if (hour < 0 || min < 0) {
        return NGX_ERROR;
    }

    /* no zone is a second before Greenwich: NGX_ERROR is free */

    return sign * (hour * 3600 + min * 60);
}
