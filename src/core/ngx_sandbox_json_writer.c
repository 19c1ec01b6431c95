
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The JSON writer.  The document is one contiguous buffer of the caller's pool
 * that doubles as it grows; the struct is the caller's and needs no end.  Every
 * writing function first asks for the bytes it needs, so a full buffer, a limit
 * and a misuse all come out at one place, stick, and never leave half a value
 * that finish() would return.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox.h"
#include "ngx_sandbox_utf8.h"
#include "ngx_sandbox_json_writer.h"


#define NGX_SANDBOX_JSON_TEXT_MIN  64

/* "-1.7976931348623157e+308" and ".0" */
#define NGX_SANDBOX_JSON_REAL_LEN  32

/* "YYYY-MM-DD HH:MM:SS" */
#define NGX_SANDBOX_JSON_TIME_LEN  19


static void ngx_sandbox_json_start(ngx_sandbox_json_t *json,
    ngx_uint_t object);
static void ngx_sandbox_json_end(ngx_sandbox_json_t *json, ngx_uint_t object);
static ngx_uint_t ngx_sandbox_json_in_object(ngx_sandbox_json_t *json);
static ngx_int_t ngx_sandbox_json_before(ngx_sandbox_json_t *json, size_t len);
static void ngx_sandbox_json_plain_value(ngx_sandbox_json_t *json,
    const u_char *data, size_t len);
static void ngx_sandbox_json_quoted(ngx_sandbox_json_t *json,
    const u_char *value, size_t len);
static const u_char *ngx_sandbox_json_special(ngx_sandbox_json_t *json,
    const u_char *p, const u_char *last);
static u_char *ngx_sandbox_json_escape(u_char *buf, u_char ch);
static ngx_int_t ngx_sandbox_json_append(ngx_sandbox_json_t *json,
    const u_char *data, size_t len);
static ngx_int_t ngx_sandbox_json_reserve(ngx_sandbox_json_t *json,
    size_t len);
static ngx_int_t ngx_sandbox_json_grow(ngx_sandbox_json_t *json, size_t len);


void
ngx_sandbox_json_init(ngx_sandbox_json_t *json, ngx_pool_t *pool, size_t size)
{
    /*
     * set by ngx_memzero():
     *
     *     json->start = json->pos = json->end = NULL;
     *     json->objects = 0;
     *     json->depth = 0;
     *     json->comma = 0;
     *     json->keyed = 0;
     *     json->failed = 0;
     */

    ngx_memzero(json, sizeof(ngx_sandbox_json_t));

    json->pool = pool;
    json->size = ngx_max(size, NGX_SANDBOX_JSON_TEXT_MIN);
    json->max = NGX_SANDBOX_JSON_TEXT_MAX;
}


void
ngx_sandbox_json_object_start(ngx_sandbox_json_t *json)
{
    ngx_sandbox_json_start(json, 1);
}


void
ngx_sandbox_json_object_end(ngx_sandbox_json_t *json)
{
    ngx_sandbox_json_end(json, 1);
}


void
ngx_sandbox_json_array_start(ngx_sandbox_json_t *json)
{
    ngx_sandbox_json_start(json, 0);
}


void
ngx_sandbox_json_array_end(ngx_sandbox_json_t *json)
{
    ngx_sandbox_json_end(json, 0);
}


void
ngx_sandbox_json_key(ngx_sandbox_json_t *json, const ngx_str_t *name)
{
    ngx_sandbox_json_key_bytes(json, name->data, name->len);
}


void
ngx_sandbox_json_key_bytes(ngx_sandbox_json_t *json, const u_char *name,
    size_t len)
{
    if (!ngx_sandbox_json_in_object(json) || json->keyed) {
        json->failed = 1;
        return;
    }

    if (json->comma
        && ngx_sandbox_json_append(json, (u_char *) ",", 1) != NGX_OK)
    {
        return;
    }

    ngx_sandbox_json_quoted(json, name, len);

    (void) ngx_sandbox_json_append(json, (u_char *) ":", 1);

    json->keyed = 1;
}


void
ngx_sandbox_json_string(ngx_sandbox_json_t *json, const ngx_str_t *value)
{
    ngx_sandbox_json_string_bytes(json, value->data, value->len);
}


void
ngx_sandbox_json_string_bytes(ngx_sandbox_json_t *json, const u_char *value,
    size_t len)
{
    if (ngx_sandbox_json_before(json, 0) == NGX_OK) {
        ngx_sandbox_json_quoted(json, value, len);
    }
}


void
ngx_sandbox_json_number(ngx_sandbox_json_t *json, const ngx_str_t *digits)
{
    if (!ngx_sandbox_json_number_valid(digits)) {
        ngx_sandbox_json_null(json);
        return;
    }

    ngx_sandbox_json_plain_value(json, digits->data, digits->len);
}


void
ngx_sandbox_json_int(ngx_sandbox_json_t *json, int64_t value)
{
    u_char  *p, buf[NGX_INT64_LEN + 1];

    p = ngx_sprintf(buf, "%L", value);

    ngx_sandbox_json_plain_value(json, buf, p - buf);
}


void
ngx_sandbox_json_real(ngx_sandbox_json_t *json, double value)
{
    int        precision;
    char       buf[NGX_SANDBOX_JSON_REAL_LEN];
    ngx_str_t  digits;

    for (precision = 15; precision <= 17; precision++) {
        (void) snprintf(buf, sizeof(buf), "%.*g", precision, value);

        if (strtod(buf, NULL) == value) {
            break;
        }
    }

    if (strpbrk(buf, ".e") == NULL) {
        (void) strcat(buf, ".0");
    }

    digits.data = (u_char *) buf;
    digits.len = ngx_strlen(buf);

    /* infinity and NaN are no numbers there */

    ngx_sandbox_json_number(json, &digits);
}


void
ngx_sandbox_json_bool(ngx_sandbox_json_t *json, ngx_uint_t value)
{
    if (value) {
        ngx_sandbox_json_plain_value(json, (u_char *) "true", 4);

    } else {
        ngx_sandbox_json_plain_value(json, (u_char *) "false", 5);
    }
}


void
ngx_sandbox_json_null(ngx_sandbox_json_t *json)
{
    ngx_sandbox_json_plain_value(json, (u_char *) "null", 4);
}


void
ngx_sandbox_json_time(ngx_sandbox_json_t *json, const ngx_str_t *text)
{
    size_t        i;
    u_char        buf[] = "\"0000-00-00T00:00:00.000Z\"";
    u_char       *p;
    static char   form[] = "dddd-dd-dd dd:dd:dd.dddddd";

    p = buf + 1;

    if (text->len < NGX_SANDBOX_JSON_TIME_LEN || text->len >= sizeof(form)) {
        ngx_sandbox_json_null(json);
        return;
    }

    for (i = 0; i < text->len; i++) {

        if (form[i] == 'd' ? (text->data[i] < '0' || text->data[i] > '9')
                           : text->data[i] != form[i])
        {
            ngx_sandbox_json_null(json);
            return;
        }

        /* microseconds are cut */

        if (form[i] == 'd' && i < NGX_SANDBOX_JSON_TIME_LEN + 4) {
            p[i] = text->data[i];
        }
    }

    ngx_sandbox_json_plain_value(json, buf, sizeof(buf) - 1);
}


void
ngx_sandbox_json_raw(ngx_sandbox_json_t *json, const ngx_str_t *text)
{
    if (text->len == 0) {
        ngx_sandbox_json_null(json);
        return;
    }

    ngx_sandbox_json_plain_value(json, text->data, text->len);
}


ngx_int_t
ngx_sandbox_json_finish(ngx_sandbox_json_t *json, ngx_str_t *ret_text)
{
    /* at level 0 a comma would stand only behind a whole document */

    if (json->failed || json->depth || !json->comma) {
        json->failed = 1;
        return NGX_ERROR;
    }

    ret_text->data = json->start;
    ret_text->len = json->pos - json->start;

    return NGX_OK;
}


static void
ngx_sandbox_json_start(ngx_sandbox_json_t *json, ngx_uint_t object)
{
    if (json->depth == NGX_SANDBOX_JSON_MAX_DEPTH) {
        json->failed = 1;
        return;
    }

    if (ngx_sandbox_json_before(json, 1) != NGX_OK) {
        return;
    }

    if (object) {
        *json->pos++ = '{';
        json->objects |= (uint64_t) 1 << json->depth;

    } else {
        *json->pos++ = '[';
        json->objects &= ~((uint64_t) 1 << json->depth);
    }

    json->depth++;
    json->comma = 0;
}


static void
ngx_sandbox_json_end(ngx_sandbox_json_t *json, ngx_uint_t object)
{
    if (json->depth == 0 || json->keyed
        || ngx_sandbox_json_in_object(json) != object)
    {
        json->failed = 1;
        return;
    }

    if (ngx_sandbox_json_append(json, (u_char *) (object ? "}" : "]"), 1)
        != NGX_OK)
    {
        return;
    }

    json->depth--;
    json->comma = 1;
}


static ngx_uint_t
ngx_sandbox_json_in_object(ngx_sandbox_json_t *json)
{
    return json->depth && (json->objects >> (json->depth - 1)) & 1;
}


/* what stands before each value, and room for len bytes of it */

static ngx_int_t
ngx_sandbox_json_before(ngx_sandbox_json_t *json, size_t len)
{
    if (json->depth == 0 ? json->comma
                         : ngx_sandbox_json_in_object(json) != json->keyed)
    {
        json->failed = 1;
    }

    if (ngx_sandbox_json_reserve(json, len + 1) != NGX_OK) {
        return NGX_ERROR;
    }

    if (json->comma && !json->keyed) {
        *json->pos++ = ',';
    }

    json->keyed = 0;
    json->comma = 1;

    return NGX_OK;
}


static void
ngx_sandbox_json_plain_value(ngx_sandbox_json_t *json, const u_char *data,
    size_t len)
{
    if (ngx_sandbox_json_before(json, len) == NGX_OK) {
        json->pos = ngx_cpymem(json->pos, data, len);
    }
}


static void
ngx_sandbox_json_quoted(ngx_sandbox_json_t *json, const u_char *value,
    size_t len)
{
    const u_char  *p, *run, *last;

    /* the quotes, and the text: often all that it takes */

    if (ngx_sandbox_json_reserve(json, len + 2) != NGX_OK) {
        return;
    }

    *json->pos++ = '"';

    p = value;
    last = value + len;

    while (p < last) {
        run = p;
        p = ngx_sandbox_json_plain(p, last);

        if (ngx_sandbox_json_append(json, run, p - run) != NGX_OK) {
            return;
        }

        if (p < last) {
            p = ngx_sandbox_json_special(json, p, last);
        }
    }

    (void) ngx_sandbox_json_append(json, (u_char *) "\"", 1);
}


/* one character that does not stand for itself, or one or more of UTF-8 */

static const u_char *
ngx_sandbox_json_special(ngx_sandbox_json_t *json, const u_char *p,
    const u_char *last)
{
    size_t         n;
    u_char         buf[sizeof("\\u0000")], *end;
    const u_char  *run;

    if (*p < 0x80) {
        end = ngx_sandbox_json_escape(buf, *p);
        (void) ngx_sandbox_json_append(json, buf, end - buf);

        return p + 1;
    }

    run = p;

    while (p < last && *p >= 0x80) {
        n = ngx_sandbox_utf8_length(p, last);

        if (n == 0) {
            break;
        }

        p += n;
    }

    if (p > run) {
        (void) ngx_sandbox_json_append(json, run, p - run);
        return p;
    }

    (void) ngx_sandbox_json_append(json, (u_char *) "\xef\xbf\xbd", 3);

    return p + 1;
}


static u_char *
ngx_sandbox_json_escape(u_char *buf, u_char ch)
{
    static u_char  hex[] = "0123456789abcdef";

    *buf++ = '\\';

    switch (ch) {

    case '"':
    case '\\':
        *buf++ = ch;
        break;

    case LF:
        *buf++ = 'n';
        break;

    case CR:
        *buf++ = 'r';
        break;

    case '\t':
        *buf++ = 't';
        break;

    case '\b':
        *buf++ = 'b';
        break;

    case '\f':
        *buf++ = 'f';
        break;

    default:
        *buf++ = 'u';
        *buf++ = '0';
        *buf++ = '0';
        *buf++ = hex[ch >> 4];
        *buf++ = hex[ch & 0xf];
    }

    return buf;
}


static ngx_int_t
ngx_sandbox_json_append(ngx_sandbox_json_t *json, const u_char *data,
    size_t len)
{
    if (ngx_sandbox_json_reserve(json, len) != NGX_OK) {
        return NGX_ERROR;
    }

    json->pos = ngx_cpymem(json->pos, data, len);

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_json_reserve(ngx_sandbox_json_t *json, size_t len)
{
    if (json->failed) {
        return NGX_ERROR;
    }

    if (json->pos && len <= (size_t) (json->end - json->pos)) {
        return NGX_OK;
    }

    return ngx_sandbox_json_grow(json, len);
}


static ngx_int_t
ngx_sandbox_json_grow(ngx_sandbox_json_t *json, size_t len)
{
    size_t   used, size;
    u_char  *start;

    used = json->pos - json->start;

    if (used > json->max || len > json->max - used) {
        json->failed = 1;
        return NGX_ERROR;
    }

    size = json->start ? 2 * (size_t) (json->end - json->start) : json->size;
    size = ngx_min(ngx_max(size, used + len), json->max);

    start = ngx_pnalloc(json->pool, size);
    if (start == NULL) {
        json->failed = 1;
        return NGX_ERROR;
    }

    if (json->start) {
        ngx_memcpy(start, json->start, used);

        /* only a large one goes back, a small one stays with the pool */

        (void) ngx_pfree(json->pool, json->start);
    }

    json->start = start;
    json->pos = start + used;
    json->end = start + size;

    return NGX_OK;
}
