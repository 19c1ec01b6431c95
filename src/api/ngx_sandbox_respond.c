
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Answers.  Whatever the outcome, the body is JSON, and there is an
 * X-Request-ID; an error has the shape of the contract.  This is the one place
 * that logs why a call failed: a client's mistake as INFO, ours as ERR.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_sandbox_api.h"
#include "ngx_sandbox_id.h"


static void ngx_sandbox_respond_log(ngx_http_request_t *r,
    const ngx_sandbox_error_row_t *row, ngx_sandbox_error_t *error,
    ngx_uint_t status);
static ngx_int_t ngx_sandbox_respond_error(ngx_http_request_t *r,
    ngx_sandbox_error_t *error, ngx_uint_t *ret_status, ngx_str_t *ret_body);
static ngx_int_t ngx_sandbox_respond_error_body(ngx_http_request_t *r,
    const ngx_sandbox_error_row_t *row, ngx_sandbox_error_t *error,
    ngx_str_t *ret_body);
static ngx_int_t ngx_sandbox_respond_error_headers(ngx_http_request_t *r,
    const ngx_sandbox_error_row_t *row);
static ngx_int_t ngx_sandbox_respond(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *json);


static ngx_str_t  ngx_sandbox_request_id_name = ngx_string("X-Request-ID");


void
ngx_sandbox_api_send(ngx_sandbox_api_t *a, ngx_uint_t status, ngx_str_t *json)
{
    ngx_int_t                rc;
    ngx_sandbox_api_next_pt  next;

    if (a->waiter) {
        ngx_sandbox_waiter_remove(a->waiter);
    }

    rc = ngx_sandbox_respond(a->request, status, json);

    next = a->next;
    a->next = NULL;

    if (next) {
        next(a, rc);
        return;
    }

    ngx_http_finalize_request(a->request, rc);
}


void
ngx_sandbox_api_send_json(ngx_sandbox_api_t *a, ngx_uint_t status,
    ngx_sandbox_json_t *json)
{
    ngx_str_t  text;

    if (ngx_sandbox_json_finish(json, &text) != NGX_OK) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INTERNAL_ERROR,
                                  "the answer could not be written");
        return;
    }

    ngx_sandbox_api_send(a, status, &text);
}


void
ngx_sandbox_api_fail(ngx_sandbox_api_t *a, ngx_sandbox_error_t *error)
{
    ngx_str_t   body;
    ngx_uint_t  status;

    if (ngx_sandbox_respond_error(a->request, error, &status, &body)
        != NGX_OK)
    {
        ngx_http_finalize_request(a->request, NGX_ERROR);
        return;
    }

    ngx_sandbox_api_send(a, status, &body);
}


void
ngx_sandbox_api_fail_with(ngx_sandbox_api_t *a, ngx_sandbox_error_e id,
    char *detail)
{
    ngx_sandbox_error_t  error;

    ngx_memzero(&error, sizeof(ngx_sandbox_error_t));

    error.id = id;
    error.detail.data = (u_char *) detail;
    error.detail.len = ngx_strlen(detail);

    ngx_sandbox_api_fail(a, &error);
}


ngx_int_t
ngx_sandbox_api_error_page(ngx_http_request_t *r)
{
    ngx_int_t            rc;
    ngx_str_t            body;
    ngx_uint_t           status;
    ngx_sandbox_error_t  error;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    status = r->err_status ? r->err_status : NGX_HTTP_NOT_FOUND;

    ngx_memzero(&error, sizeof(ngx_sandbox_error_t));
    error.id = ngx_sandbox_error_from_status(status);

    if (ngx_sandbox_respond_error(r, &error, &status, &body) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* nginx keeps the page's own status unless it is told otherwise */

    r->err_status = status;

    return ngx_sandbox_respond(r, status, &body);
}


ngx_int_t
ngx_sandbox_api_header(ngx_http_request_t *r, char *name, ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    h->key.data = (u_char *) name;
    h->key.len = ngx_strlen(name);
    h->value = *value;

    return NGX_OK;
}


ngx_int_t
ngx_sandbox_api_request_id(ngx_http_request_t *r, ngx_str_t *ret_id)
{
    ngx_uint_t                  i, key;
    ngx_str_t                   name;
    ngx_list_part_t            *part;
    ngx_table_elt_t            *h;
    ngx_http_variable_value_t  *vv;

    part = &r->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].key.len == ngx_sandbox_request_id_name.len
            && ngx_strncasecmp(h[i].key.data, ngx_sandbox_request_id_name.data,
                               h[i].key.len)
               == 0
            && ngx_sandbox_request_id_valid(&h[i].value))
        {
            *ret_id = h[i].value;
            return NGX_OK;
        }
    }

    /* nginx's own stays the same through internal redirects, and can be logged
     */

    ngx_str_set(&name, "request_id");
    key = ngx_hash_key(name.data, name.len);

    vv = ngx_http_get_variable(r, &name, key);

    if (vv == NULL || vv->not_found) {
        return NGX_ERROR;
    }

    ret_id->data = vv->data;
    ret_id->len = vv->len;

    return NGX_OK;
}


static void
ngx_sandbox_respond_log(ngx_http_request_t *r,
    const ngx_sandbox_error_row_t *row, ngx_sandbox_error_t *error,
    ngx_uint_t status)
{
    ngx_uint_t  level;

    level = (status >= 500) ? NGX_LOG_ERR : NGX_LOG_INFO;

    if (error->id == NGX_SANDBOX_EXEC_TIMEOUT) {
        level = NGX_LOG_INFO;
    }

    ngx_log_error(level, r->connection->log, 0,
                  "sandbox: answered %ui %V: %V",
                  status, &row->code, &error->detail);
}


static ngx_int_t
ngx_sandbox_respond_error(ngx_http_request_t *r, ngx_sandbox_error_t *error,
    ngx_uint_t *ret_status, ngx_str_t *ret_body)
{
    const ngx_sandbox_error_row_t  *row;

    row = ngx_sandbox_error_row(error->id);
    *ret_status = error->status ? error->status : row->status;

    ngx_sandbox_respond_log(r, row, error, *ret_status);

    if (ngx_sandbox_respond_error_headers(r, row) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_sandbox_respond_error_body(r, row, error, ret_body);
}


ngx_int_t
ngx_sandbox_api_error(ngx_http_request_t *r, ngx_sandbox_error_t *error,
    ngx_str_t *ret_body)
{
    const ngx_sandbox_error_row_t  *row;

    row = ngx_sandbox_error_row(error->id);

    ngx_sandbox_respond_log(r, row, error, row->status);

    return ngx_sandbox_respond_error_body(r, row, error, ret_body);
}


static ngx_int_t
ngx_sandbox_respond_error_body(ngx_http_request_t *r,
    const ngx_sandbox_error_row_t *row, ngx_sandbox_error_t *error,
    ngx_str_t *ret_body)
{
    ngx_str_t           id;
    ngx_sandbox_json_t  json;

    if (ngx_sandbox_api_request_id(r, &id) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_sandbox_json_init(&json, r->pool, 512 + error->detail.len);

    ngx_sandbox_json_object_start(&json);
    ngx_sandbox_json_literal_key(&json, "error_code");
    ngx_sandbox_json_string(&json, &row->code);
    ngx_sandbox_json_literal_key(&json, "description");
    ngx_sandbox_json_string(&json, &row->description);
    ngx_sandbox_json_literal_key(&json, "error_detail");
    ngx_sandbox_json_string(&json, error->detail.len ? &error->detail
                                                     : &row->description);
    ngx_sandbox_json_literal_key(&json, "solution");
    ngx_sandbox_json_string(&json, error->solution.len ? &error->solution
                                                       : &row->solution);
    ngx_sandbox_json_literal_key(&json, "request_id");
    ngx_sandbox_json_string(&json, &id);
    ngx_sandbox_json_object_end(&json);

    return ngx_sandbox_json_finish(&json, ret_body);
}


static ngx_int_t
ngx_sandbox_respond_error_headers(ngx_http_request_t *r,
    const ngx_sandbox_error_row_t *row)
{
    u_char     *p;
    ngx_str_t   value;

    if (row->status == NGX_HTTP_UNAUTHORIZED) {

        if (r->headers_out.www_authenticate) {
            /* the module that refused has said how */
            return NGX_OK;
        }

        ngx_str_set(&value, "Bearer realm=\"ngx_sandbox\"");
        return ngx_sandbox_api_header(r, "WWW-Authenticate", &value);
    }

    if (row->retry_after == 0) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_TIME_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value.data = p;
    value.len = ngx_sprintf(p, "%T", row->retry_after) - p;

    return ngx_sandbox_api_header(r, "Retry-After", &value);
}


static ngx_int_t
ngx_sandbox_respond(ngx_http_request_t *r, ngx_uint_t status, ngx_str_t *json)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_str_t     id;
    ngx_chain_t   out;

    if (ngx_sandbox_api_request_id(r, &id) != NGX_OK
        || ngx_sandbox_api_header(r, "X-Request-ID", &id) != NGX_OK)
    {
        return NGX_ERROR;
    }

    r->headers_out.status = status;
    r->headers_out.content_length_n = json ? (off_t) json->len : 0;

    if (json) {
        ngx_str_set(&r->headers_out.content_type, "application/json");
        r->headers_out.content_type_len = r->headers_out.content_type.len;
        r->headers_out.content_type_lowcase = NULL;
    }

    if (json == NULL) {
        r->header_only = 1;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = json->data;
    b->last = json->data + json->len;
    b->memory = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}
