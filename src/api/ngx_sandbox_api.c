
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The way of every call: route, token (on the internal faces), headers, body,
 * and then the resource's own handler.  What is refused here is refused before
 * anything is read from the database.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_sandbox_api.h"
#include "ngx_sandbox_json_reader.h"
#include "ngx_sandbox_query.h"
#include "ngx_sandbox_token.h"


static ngx_int_t ngx_sandbox_api_refuse(ngx_sandbox_api_t *a,
    ngx_sandbox_error_e error, char *detail);
static ngx_int_t ngx_sandbox_api_not_allowed(ngx_sandbox_api_t *a,
    ngx_uint_t allow);
static ngx_int_t ngx_sandbox_api_check_token(ngx_sandbox_api_t *a);
static ngx_uint_t ngx_sandbox_api_acceptable(ngx_sandbox_api_t *a);
static ngx_uint_t ngx_sandbox_api_content_type(ngx_sandbox_api_t *a);
static void ngx_sandbox_api_body_handler(ngx_http_request_t *r);
static ngx_int_t ngx_sandbox_api_read_body(ngx_sandbox_api_t *a);
static ngx_int_t ngx_sandbox_api_mistakes(ngx_sandbox_api_t *a,
    ngx_int_t rc, ngx_sandbox_report_t *report);


ngx_int_t
ngx_sandbox_api_handler(ngx_http_request_t *r, ngx_sandbox_node_t *node,
    ngx_uint_t face)
{
    ngx_int_t           rc;
    ngx_uint_t          allow;
    ngx_sandbox_api_t  *a;

    a = ngx_pcalloc(r->pool, sizeof(ngx_sandbox_api_t));
    if (a == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    a->request = r;
    a->node = node;
    a->face = face;

    ngx_http_set_ctx(r, a, ngx_http_sandbox_module);

    rc = ngx_sandbox_route_find(a, &allow);

    if (rc == NGX_DECLINED) {
        return ngx_sandbox_api_refuse(a, NGX_SANDBOX_ROUTE_NOT_FOUND,
                                      "the API has no such path");
    }

    if (rc == NGX_ABORT) {
        return ngx_sandbox_api_not_allowed(a, allow);
    }

    if (face != NGX_SANDBOX_FACE_PUBLIC
        && ngx_sandbox_api_check_token(a) != NGX_OK)
    {
        return ngx_sandbox_api_refuse(a, NGX_SANDBOX_INTERNAL_UNAUTHORIZED,
                                      "the token is missing or wrong");
    }

    if (!(a->route->flags & NGX_SANDBOX_ROUTE_PASS)
        && !ngx_sandbox_api_acceptable(a))
    {
        return ngx_sandbox_api_refuse(a, NGX_SANDBOX_NOT_ACCEPTABLE,
                                      (a->route->flags
                                       & NGX_SANDBOX_ROUTE_STREAM)
                                      ? "Accept: answers are "
                                        "text/event-stream"
                                      : "Accept: answers are "
                                        "application/json");
    }

    if (!ngx_sandbox_api_content_type(a)) {
        return ngx_sandbox_api_refuse(a, NGX_SANDBOX_UNSUPPORTED_MEDIA_TYPE,
                                      "Content-Type: must be "
                                      "application/json");
    }

    rc = ngx_http_read_client_request_body(r, ngx_sandbox_api_body_handler);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    return NGX_DONE;
}


ngx_int_t
ngx_sandbox_api_body(ngx_sandbox_api_t *a, const ngx_sandbox_field_t *fields,
    void *body)
{
    ngx_int_t              rc;
    ngx_str_t              reason;
    struct json_t         *json;
    ngx_sandbox_error_t    error;
    ngx_sandbox_report_t   report;

    rc = ngx_sandbox_json_parse(a->request->pool, &a->body, &json, &reason);

    if (rc == NGX_DECLINED) {
        ngx_memzero(&error, sizeof(ngx_sandbox_error_t));

        error.id = NGX_SANDBOX_INVALID_PARAMETER;
        error.detail = reason;

        ngx_sandbox_api_fail(a, &error);

        return NGX_DECLINED;
    }

    ngx_sandbox_report_init(&report, a->request->pool);

    if (rc == NGX_OK) {
        rc = ngx_sandbox_validate(a->request->pool, json, fields, body,
                                  &report);
    }

    return ngx_sandbox_api_mistakes(a, rc, &report);
}


ngx_int_t
ngx_sandbox_api_query(ngx_sandbox_api_t *a, const ngx_sandbox_field_t *fields,
    void *query)
{
    ngx_int_t             rc;
    ngx_sandbox_report_t  report;

    ngx_sandbox_report_init(&report, a->request->pool);

    rc = ngx_sandbox_query_parse(a->request->pool, &a->request->args, fields,
                                 query, &report);

    return ngx_sandbox_api_mistakes(a, rc, &report);
}


/* before the body has been read: it is thrown away, the answer follows */

static ngx_int_t
ngx_sandbox_api_refuse(ngx_sandbox_api_t *a, ngx_sandbox_error_e error,
    char *detail)
{
    ngx_int_t  rc;

    rc = ngx_http_discard_request_body(a->request);
    if (rc != NGX_OK) {
        return rc;
    }

    a->request->main->count++;

    ngx_sandbox_api_fail_with(a, error, detail);

    return NGX_DONE;
}


static ngx_int_t
ngx_sandbox_api_not_allowed(ngx_sandbox_api_t *a, ngx_uint_t allow)
{
    u_char     *p;
    ngx_str_t   value;

    p = ngx_pnalloc(a->request->pool,
                    sizeof("GET, HEAD, POST, PUT, DELETE, ") - 1);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    value.data = p;

    if (allow & NGX_HTTP_GET) {
        p = ngx_cpymem(p, "GET, HEAD, ", sizeof("GET, HEAD, ") - 1);
    }

    if (allow & NGX_HTTP_POST) {
        p = ngx_cpymem(p, "POST, ", sizeof("POST, ") - 1);
    }

    if (allow & NGX_HTTP_PUT) {
        p = ngx_cpymem(p, "PUT, ", sizeof("PUT, ") - 1);
    }

    if (allow & NGX_HTTP_DELETE) {
        p = ngx_cpymem(p, "DELETE, ", sizeof("DELETE, ") - 1);
    }

    value.len = p - value.data - (sizeof(", ") - 1);

    if (ngx_sandbox_api_header(a->request, "Allow", &value) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_sandbox_api_refuse(a, NGX_SANDBOX_METHOD_NOT_ALLOWED,
                                  "the path does not take this method");
}


/*
 * The token of a sandbox is good for its own session: a session in the path
 * must be that one, an execution is compared when its row has been read.
 */

static ngx_int_t
ngx_sandbox_api_check_token(ngx_sandbox_api_t *a)
{
    ngx_str_t         token;
    ngx_table_elt_t  *h;

    h = a->request->headers_in.authorization;

    if (h == NULL || h->value.len <= sizeof("Bearer ") - 1
        || ngx_strncasecmp(h->value.data, (u_char *) "Bearer ",
                           sizeof("Bearer ") - 1)
           != 0)
    {
        return NGX_DECLINED;
    }

    token.data = h->value.data + sizeof("Bearer ") - 1;
    token.len = h->value.len - (sizeof("Bearer ") - 1);

    if (a->face == NGX_SANDBOX_FACE_LOOPBACK) {
        return ngx_sandbox_token_loopback_check(&a->node->secret, &token);
    }

    if (ngx_sandbox_token_check(&a->node->secret, &token, &a->session_id)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    if (ngx_strncmp(a->route->path, "/internal/sessions/",
                    sizeof("/internal/sessions/") - 1)
        != 0)
    {
        return NGX_OK;
    }

    if (a->params[0].len != a->session_id.len
        || ngx_memcmp(a->params[0].data, a->session_id.data,
                      a->session_id.len)
           != 0)
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* errors are JSON everywhere, so who takes that is not refused */

static ngx_uint_t
ngx_sandbox_api_acceptable(ngx_sandbox_api_t *a)
{
    ngx_table_elt_t  *h;

    h = ngx_sandbox_api_find_header(a->request, "Accept");

    if (h == NULL || h->value.len == 0) {
        return 1;
    }

    if ((a->route->flags & NGX_SANDBOX_ROUTE_STREAM)
        && (ngx_strcasestrn(h->value.data, "text/*", 6 - 1)
            || ngx_strcasestrn(h->value.data, "text/event-stream", 17 - 1)))
    {
        return 1;
    }

    return ngx_strcasestrn(h->value.data, "*/*", 3 - 1) != NULL
           || ngx_strcasestrn(h->value.data, "application/*", 13 - 1) != NULL
           || ngx_strcasestrn(h->value.data, "application/json", 16 - 1)
              != NULL;
}


/* a body without a type is taken for what it must be */

static ngx_uint_t
ngx_sandbox_api_content_type(ngx_sandbox_api_t *a)
{
    size_t            len;
    ngx_str_t         type;
    ngx_table_elt_t  *h;

    h = a->request->headers_in.content_type;

    if (h == NULL || !(a->route->flags & NGX_SANDBOX_ROUTE_JSON)) {
        return 1;
    }

    type = h->value;

    for (len = 0; len < type.len; len++) {
        if (type.data[len] == ';' || type.data[len] == ' ') {
            break;
        }
    }

    return len == sizeof("application/json") - 1
           && ngx_strncasecmp(type.data, (u_char *) "application/json", len)
              == 0;
}


ngx_table_elt_t *
ngx_sandbox_api_find_header(ngx_http_request_t *r, char *name)
{
    return ngx_sandbox_api_next_header(r, name, NULL);
}


ngx_table_elt_t *
ngx_sandbox_api_next_header(ngx_http_request_t *r, char *name,
    ngx_table_elt_t *after)
{
    size_t            len;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    len = ngx_strlen(name);

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (after) {
                after = (after == &h[i]) ? NULL : after;
                continue;
            }

            if (h[i].key.len == len
                && ngx_strncasecmp(h[i].key.data, (u_char *) name, len) == 0)
            {
                return &h[i];
            }
        }
    }

    return NULL;
}


static void
ngx_sandbox_api_body_handler(ngx_http_request_t *r)
{
    ngx_sandbox_api_t  *a;

    a = ngx_http_get_module_ctx(r, ngx_http_sandbox_module);

    if (!(a->route->flags & NGX_SANDBOX_ROUTE_QUERY) && r->args.len) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INVALID_PARAMETER,
                                  "this path takes no query parameters");
        return;
    }

    if (ngx_sandbox_api_read_body(a) != NGX_OK) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INTERNAL_ERROR,
                                  "the body could not be read");
        return;
    }

    a->route->handler(a);
}


/*
 * nginx keeps a body in several buffers (what came with the header is one), and
 * in a file where client_body_buffer_size is too small for it.
 */

static ngx_int_t
ngx_sandbox_api_read_body(ngx_sandbox_api_t *a)
{
    u_char                   *p;
    size_t                    size;
    ngx_chain_t              *cl;
    ngx_http_request_body_t  *rb;

    rb = a->request->request_body;

    if (rb == NULL || rb->bufs == NULL) {
        ngx_str_set(&a->body, "");
        return NGX_OK;
    }

    cl = rb->bufs;

    if (cl->next == NULL && !cl->buf->in_file) {
        a->body.data = cl->buf->pos;
        a->body.len = cl->buf->last - cl->buf->pos;
        return NGX_OK;
    }

    for (size = 0; cl; cl = cl->next) {
        size += ngx_buf_size(cl->buf);
    }

    p = ngx_pnalloc(a->request->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    a->body.data = p;
    a->body.len = size;

    for (cl = rb->bufs; cl; cl = cl->next) {
        size = ngx_buf_size(cl->buf);

        if (size == 0) {
            /* the end of a chunked body points nowhere */
            continue;
        }

        if (cl->buf->in_file
            && ngx_read_file(cl->buf->file, p, size, cl->buf->file_pos)
               != (ssize_t) size)
        {
            return NGX_ERROR;
        }

        if (!cl->buf->in_file) {
            ngx_memcpy(p, cl->buf->pos, size);
        }

        p += size;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_api_mistakes(ngx_sandbox_api_t *a, ngx_int_t rc,
    ngx_sandbox_report_t *report)
{
    ngx_sandbox_error_t  error;

    if (rc == NGX_OK) {
        return NGX_OK;
    }

    if (rc == NGX_DECLINED) {
        ngx_memzero(&error, sizeof(ngx_sandbox_error_t));
        ngx_sandbox_report_error(report, &error);
        ngx_sandbox_api_fail(a, &error);

    } else {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INTERNAL_ERROR,
                                  "no memory to check the request");
    }

    return NGX_DECLINED;
}
