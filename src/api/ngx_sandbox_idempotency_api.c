
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The header Idempotency-Key, as draft-ietf-httpapi-idempotency-key-header has
 * it (a quoted string) and as clients send it (bare), and the answers to
 * requests that carry it.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_sandbox_api.h"
#include "ngx_sandbox_hash.h"
#include "ngx_sandbox_op.h"


#define NGX_SANDBOX_IDEMPOTENCY_KEY_MAX  255


static ngx_int_t ngx_sandbox_idempotency_parse(ngx_pool_t *pool,
    const ngx_str_t *value, ngx_str_t *key);
static ngx_int_t ngx_sandbox_idempotency_fill(ngx_sandbox_api_t *a,
    ngx_sandbox_idempotency_t *key);
static void ngx_sandbox_idempotency_stored(ngx_sandbox_flow_t *f,
    ngx_int_t rc);


ngx_int_t
ngx_sandbox_api_idempotency(ngx_sandbox_api_t *a,
    ngx_sandbox_idempotency_t **ret_key)
{
    ngx_int_t                   rc;
    ngx_table_elt_t            *h;
    ngx_sandbox_idempotency_t  *key;

    *ret_key = NULL;

    h = ngx_sandbox_api_find_header(a->request, "Idempotency-Key");

    if (h == NULL) {
        return NGX_OK;
    }

    /* which one it is about, somebody in between may see otherwise */

    if (ngx_sandbox_api_next_header(a->request, "Idempotency-Key", h)) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INVALID_PARAMETER,
                                  "Idempotency-Key: must be there once");
        return NGX_DECLINED;
    }

    key = ngx_pcalloc(a->request->pool, sizeof(ngx_sandbox_idempotency_t));

    rc = key ? ngx_sandbox_idempotency_parse(a->request->pool, &h->value,
                                             &key->key)
             : NGX_ERROR;

    if (rc == NGX_DECLINED) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INVALID_PARAMETER,
                                  "Idempotency-Key: must be a string of 1 to "
                                  "255 printable ASCII characters, bare or in "
                                  "double quotes, without spaces at its ends");
        return NGX_DECLINED;
    }

    if (rc != NGX_OK || ngx_sandbox_idempotency_fill(a, key) != NGX_OK) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INTERNAL_ERROR, "no memory");
        return NGX_ERROR;
    }

    *ret_key = key;

    return NGX_OK;
}


/* RFC 8941: in quotes a backslash stands before a quote or a backslash */

static ngx_int_t
ngx_sandbox_idempotency_parse(ngx_pool_t *pool, const ngx_str_t *value,
    ngx_str_t *key)
{
    u_char      *p, *end, *dst;
    ngx_uint_t   quoted;

    p = value->data;
    end = p + value->len;
    quoted = (value->len && *p == '"');

    if (quoted) {
        if (value->len < 2 || end[-1] != '"') {
            return NGX_DECLINED;
        }

        p++;
        end--;
    }

    dst = ngx_pnalloc(pool, value->len + 1);
    if (dst == NULL) {
        return NGX_ERROR;
    }

    key->data = dst;

    for ( /* void */ ; p < end; p++) {

        if (quoted && *p == '\\') {
            if (++p == end || (*p != '"' && *p != '\\')) {
                return NGX_DECLINED;
            }

        } else if (*p == '"' || *p < 0x20 || *p > 0x7e) {
            return NGX_DECLINED;
        }

        *dst++ = *p;
    }

    key->len = dst - key->data;

    /* the database compares as if there were no spaces at the end */

    if (key->len == 0 || key->len > NGX_SANDBOX_IDEMPOTENCY_KEY_MAX
        || key->data[0] == ' ' || dst[-1] == ' ')
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* both spellings of a path are one route: the handler's own path names it */

static ngx_int_t
ngx_sandbox_idempotency_fill(ngx_sandbox_api_t *a,
    ngx_sandbox_idempotency_t *key)
{
    char        *name;
    u_char      *p;
    ngx_pool_t  *pool;

    pool = a->request->pool;

    name = strrchr(a->route->path, '/') + 1;

    p = ngx_pnalloc(pool, ngx_strlen(name) + 1 + a->params[0].len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    key->scope.data = p;
    key->scope.len = ngx_sprintf(p, "%s %V", name, &a->params[0]) - p;

    if (a->params[0].len == 0) {
        key->scope.len--;
    }

    return ngx_sandbox_sha256_hex(pool, &a->body, &key->hash);
}


void
ngx_sandbox_api_send_once(ngx_sandbox_api_t *a, ngx_uint_t status,
    ngx_sandbox_json_t *json, ngx_sandbox_idempotency_t *key)
{
    if (key == NULL) {
        ngx_sandbox_api_send_json(a, status, json);
        return;
    }

    if (ngx_sandbox_json_finish(json, &key->answer) != NGX_OK) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INTERNAL_ERROR,
                                  "the answer could not be written");
        return;
    }

    key->status = status;

    ngx_sandbox_op_flow(a->request, a->node,
                        ngx_sandbox_idempotency_answer_steps, key, 1,
                        ngx_sandbox_idempotency_stored);
}


/* unstored it would be the word of this request only: it has to come again */

static void
ngx_sandbox_idempotency_stored(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    ngx_sandbox_api_t  *a;

    a = ngx_http_get_module_ctx(f->request, ngx_http_sandbox_module);

    if (rc != NGX_OK) {
        ngx_sandbox_api_fail(a, &f->error);
        return;
    }

    ngx_sandbox_api_replay(a, f->data);
}


void
ngx_sandbox_api_replay(ngx_sandbox_api_t *a, ngx_sandbox_idempotency_t *key)
{
    if (ngx_sandbox_api_replayed(a, key) != NGX_OK) {
        ngx_http_finalize_request(a->request, NGX_ERROR);
        return;
    }

    ngx_sandbox_api_send(a, key->status, &key->answer);
}


ngx_int_t
ngx_sandbox_api_replayed(ngx_sandbox_api_t *a,
    const ngx_sandbox_idempotency_t *key)
{
    static ngx_str_t  yes = ngx_string("true");

    if (key == NULL || !key->repeated) {
        return NGX_OK;
    }

    return ngx_sandbox_api_header(a->request, "Idempotency-Replayed", &yes);
}
