
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Reads query strings by field tables.  Names and values are decoded into one
 * copy of the query, so nothing that is returned points into the request's
 * header buffers.  As strict as bodies are: what is not understood is refused
 * by name.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_utf8.h"
#include "ngx_sandbox_json_valid.h"
#include "ngx_sandbox_field.h"
#include "ngx_sandbox_query.h"


typedef struct {
    ngx_pool_t                 *pool;
    const ngx_sandbox_field_t  *fields;
    void                       *body;
    ngx_sandbox_report_t       *report;
    u_char                     *buf;       /* where decoded text goes */
} ngx_sandbox_query_t;


static ngx_int_t ngx_sandbox_query_parameter(ngx_sandbox_query_t *q,
    u_char *p, u_char *last);
static ngx_int_t ngx_sandbox_query_decode(ngx_sandbox_query_t *q, u_char *p,
    u_char *last, ngx_str_t *ret_text);
static ngx_int_t ngx_sandbox_query_field(ngx_sandbox_query_t *q,
    ngx_str_t *name, ngx_str_t *text);
static ngx_int_t ngx_sandbox_query_value(const ngx_sandbox_field_t *field,
    ngx_str_t *text, void *value);
static ngx_int_t ngx_sandbox_query_int(const ngx_sandbox_field_t *field,
    ngx_str_t *text, void *value);
static ngx_int_t ngx_sandbox_query_number(const ngx_sandbox_field_t *field,
    ngx_str_t *text, void *value);
static ngx_int_t ngx_sandbox_query_bool(ngx_str_t *text, void *value);
static const ngx_sandbox_field_t *ngx_sandbox_query_prefix(
    ngx_sandbox_query_t *q, ngx_str_t *name);
static ngx_int_t ngx_sandbox_query_pair(ngx_sandbox_query_t *q,
    const ngx_sandbox_field_t *field, ngx_str_t *name, ngx_str_t *text);


static ngx_str_t  ngx_sandbox_query_no_prefix = ngx_null_string;


ngx_int_t
ngx_sandbox_query_parse(ngx_pool_t *pool, const ngx_str_t *args,
    const ngx_sandbox_field_t *fields, void *ret,
    ngx_sandbox_report_t *report)
{
    u_char               *p, *last, *end;
    ngx_sandbox_query_t   q;

    q.pool = pool;
    q.fields = fields;
    q.body = ret;
    q.report = report;

    /* decoded text is never longer than it was, but for a NUL behind a value */

    q.buf = ngx_pnalloc(pool, 2 * args->len + 1);
    if (q.buf == NULL) {
        return NGX_ERROR;
    }

    last = args->data + args->len;

    for (p = args->data;
         p < last && report->mistakes <= NGX_SANDBOX_REPORT_MAX;
         p = end + 1)
    {
        end = ngx_strlchr(p, last, '&');
        if (end == NULL) {
            end = last;
        }

        if (end == p) {
            continue;
        }

        if (ngx_sandbox_query_parameter(&q, p, end) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    ngx_sandbox_field_missing(report, fields, &ngx_sandbox_query_no_prefix,
                              ret);

    return report->mistakes ? NGX_DECLINED : NGX_OK;
}


static ngx_int_t
ngx_sandbox_query_parameter(ngx_sandbox_query_t *q, u_char *p, u_char *last)
{
    u_char     *eq;
    ngx_str_t   raw, name, text;

    eq = ngx_strlchr(p, last, '=');
    if (eq == NULL) {
        eq = last;
    }

    if (ngx_sandbox_query_decode(q, p, eq, &name) != NGX_OK
        || ngx_sandbox_query_decode(q, ngx_min(eq + 1, last), last, &text)
           != NGX_OK)
    {
        raw.data = p;
        raw.len = eq - p;

        ngx_sandbox_report_mistake(q->report, NGX_SANDBOX_MISTAKE_STRUCTURE,
                                   &ngx_sandbox_query_no_prefix, &raw,
                                   "must be valid UTF-8 with correct %%XX "
                                   "escapes and without NUL");
        return NGX_OK;
    }

    return ngx_sandbox_query_field(q, &name, &text);
}


static ngx_int_t
ngx_sandbox_query_decode(ngx_sandbox_query_t *q, u_char *p, u_char *last,
    ngx_str_t *ret_text)
{
    u_char     ch;
    ngx_int_t  code;
    ngx_str_t  text;

    text.data = q->buf;

    while (p < last) {
        ch = *p++;

        if (ch == '+') {
            ch = ' ';

        } else if (ch == '%') {

            if (last - p < 2) {
                return NGX_DECLINED;
            }

            code = ngx_hextoi(p, 2);
            if (code == NGX_ERROR) {
                return NGX_DECLINED;
            }

            ch = (u_char) code;
            p += 2;
        }

        if (ch == '\0') {
            return NGX_DECLINED;
        }

        *q->buf++ = ch;
    }

    text.len = q->buf - text.data;

    *q->buf++ = '\0';

    if (!ngx_sandbox_utf8_valid(&text)) {
        return NGX_DECLINED;
    }

    *ret_text = text;

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_query_field(ngx_sandbox_query_t *q, ngx_str_t *name,
    ngx_str_t *text)
{
    void                       *value;
    ngx_int_t                   rc;
    ngx_sandbox_fields_t       *given;
    const ngx_sandbox_field_t  *field;

    field = ngx_sandbox_field_find(q->fields, name);

    if (field == NULL) {
        field = ngx_sandbox_query_prefix(q, name);

        if (field) {
            return ngx_sandbox_query_pair(q, field, name, text);
        }

        ngx_sandbox_field_unknown(q->report, q->fields,
                                  &ngx_sandbox_query_no_prefix, name,
                                  "parameter");
        return NGX_OK;
    }

    given = q->body;

    if (ngx_sandbox_field_mark(q->report, q->fields, field,
                               &ngx_sandbox_query_no_prefix, given,
                               &given->set)
        != NGX_OK)
    {
        return NGX_OK;
    }

    value = (u_char *) q->body + field->offset;

    rc = ngx_sandbox_query_value(field, text, value);

    return ngx_sandbox_field_judge(q->pool, q->report, field,
                                   &ngx_sandbox_query_no_prefix, rc, value);
}


static ngx_int_t
ngx_sandbox_query_value(const ngx_sandbox_field_t *field, ngx_str_t *text,
    void *value)
{
    switch (field->type) {

    case NGX_SANDBOX_FIELD_INT:
        return ngx_sandbox_query_int(field, text, value);

    case NGX_SANDBOX_FIELD_NUMBER:
        return ngx_sandbox_query_number(field, text, value);

    case NGX_SANDBOX_FIELD_BOOL:
        return ngx_sandbox_query_bool(text, value);

    case NGX_SANDBOX_FIELD_STRING:
    case NGX_SANDBOX_FIELD_TEXT:
    case NGX_SANDBOX_FIELD_ID:
    case NGX_SANDBOX_FIELD_ENUM:
        return ngx_sandbox_field_string(field, text, value);

    default:
        return NGX_SANDBOX_FIELD_TYPE;
    }
}


static ngx_int_t
ngx_sandbox_query_int(const ngx_sandbox_field_t *field, ngx_str_t *text,
    void *value)
{
    u_char      *p, *last;
    int64_t      number;
    ngx_uint_t   negative;

    p = text->data;
    last = p + text->len;
    negative = (p < last && *p == '-');

    p += negative;
    number = 0;

    if (p == last) {
        return NGX_SANDBOX_FIELD_TYPE;
    }

    for ( /* void */ ; p < last; p++) {

        if (*p < '0' || *p > '9') {
            return NGX_SANDBOX_FIELD_TYPE;
        }

        /* one that does not fit is as good as the largest that does */

        if (number > (INT64_MAX - 9) / 10) {
            number = INT64_MAX;
            continue;
        }

        number = number * 10 + (*p - '0');
    }

    return ngx_sandbox_field_int(field, negative ? -number : number, value);
}


static ngx_int_t
ngx_sandbox_query_number(const ngx_sandbox_field_t *field, ngx_str_t *text,
    void *value)
{
    if (!ngx_sandbox_json_number_valid(text)) {
        return NGX_SANDBOX_FIELD_TYPE;
    }

    /* a NUL stands behind every decoded text */

    return ngx_sandbox_field_number(field, strtod((char *) text->data, NULL),
                                    value);
}


static ngx_int_t
ngx_sandbox_query_bool(ngx_str_t *text, void *value)
{
    ngx_uint_t  *np;

    np = value;

    /* "?archive" is as good as "?archive=1" */

    if (text->len == 0 || ngx_strcmp(text->data, "1") == 0
        || ngx_strcmp(text->data, "true") == 0)
    {
        *np = 1;
        return NGX_OK;
    }

    if (ngx_strcmp(text->data, "0") == 0
        || ngx_strcmp(text->data, "false") == 0)
    {
        *np = 0;
        return NGX_OK;
    }

    return NGX_SANDBOX_FIELD_TYPE;
}


static const ngx_sandbox_field_t *
ngx_sandbox_query_prefix(ngx_sandbox_query_t *q, ngx_str_t *name)
{
    const ngx_sandbox_field_t  *f;

    for (f = q->fields; f->name.len; f++) {
        if (f->type == NGX_SANDBOX_FIELD_PREFIX
            && name->len >= f->name.len
            && ngx_memcmp(f->name.data, name->data, f->name.len) == 0)
        {
            return f;
        }
    }

    return NULL;
}


static ngx_int_t
ngx_sandbox_query_pair(ngx_sandbox_query_t *q,
    const ngx_sandbox_field_t *field, ngx_str_t *name, ngx_str_t *text)
{
    ngx_str_t              key;
    ngx_uint_t             i;
    ngx_keyval_t          *kv;
    ngx_sandbox_items_t   *items;
    ngx_sandbox_fields_t  *given;

    given = q->body;
    items = (ngx_sandbox_items_t *) ((u_char *) q->body + field->offset);

    key.data = name->data + field->name.len;
    key.len = name->len - field->name.len;

    if (items->nelts == (uint64_t) field->max || key.len == 0
        || key.len > NGX_SANDBOX_MAP_KEY_MAX
        || text->len > (uint64_t) field->min)
    {
        return ngx_sandbox_field_judge(q->pool, q->report, field,
                                       &ngx_sandbox_query_no_prefix,
                                       NGX_DECLINED, items);
    }

    if (items->elts == NULL) {
        items->elts = ngx_palloc(q->pool, field->max * sizeof(ngx_keyval_t));
        if (items->elts == NULL) {
            return NGX_ERROR;
        }
    }

    kv = items->elts;

    for (i = 0; i < items->nelts; i++) {
        if (kv[i].key.len == key.len
            && ngx_memcmp(kv[i].key.data, key.data, key.len) == 0)
        {
            ngx_sandbox_report_mistake(q->report,
                                       NGX_SANDBOX_MISTAKE_STRUCTURE,
                                       &ngx_sandbox_query_no_prefix, name,
                                       "is given twice");
            return NGX_OK;
        }
    }

    kv[i].key = key;
    kv[i].value = *text;
    items->nelts++;

    given->set |= (uint64_t) 1 << (field - q->fields);

    return NGX_OK;
}
