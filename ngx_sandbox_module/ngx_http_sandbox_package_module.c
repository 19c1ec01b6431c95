
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * What conf/sandbox_packages.conf needs to know of a request for a package: it
 * was allowed in src/api, and was redirected there by its path.  Everything
 * follows from that path and the configuration, so nothing is kept.
 *
 * The header filter stands before all others.  It refuses what is too large
 * before a byte of it is passed on, and counts what came from the cache.
 *
 * nginx reads what it will keep to its end, and an index may take for ever to
 * send that: when the installer has gone, there is a time for the rest.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_sandbox_module.h"
#include "ngx_sandbox_api.h"
#include "ngx_sandbox_package.h"


#define NGX_HTTP_SANDBOX_PACKAGE_PREFIX  "/_sandbox"
#define NGX_HTTP_SANDBOX_PACKAGE_BASE    128      /* bytes at most */

/* links that begin with a slash, beside those to an origin */
#define NGX_HTTP_SANDBOX_PACKAGE_ROOT    NGX_SANDBOX_PACKAGE_URLS


typedef struct {
    ngx_sandbox_package_target_t   target;
    ngx_event_t                    timer;
    ngx_http_request_t            *request;
    ngx_uint_t                     seen;     /* by the header filter */
    ngx_uint_t                     gone;     /* the client, for a while */
} ngx_http_sandbox_package_ctx_t;


static ngx_http_sandbox_package_ctx_t *ngx_http_sandbox_package_ctx(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_sandbox_package_url(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_sandbox_package_accept(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_sandbox_package_uncached(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_sandbox_package_from(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_sandbox_package_to(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static void ngx_http_sandbox_package_base(ngx_http_request_t *r,
    ngx_str_t *ret_base);
static void ngx_http_sandbox_package_value(ngx_http_variable_value_t *v,
    u_char *data, size_t len);
static ngx_int_t ngx_http_sandbox_package_header_filter(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_sandbox_package_watch(ngx_http_request_t *r,
    ngx_http_sandbox_package_ctx_t *ctx);
static void ngx_http_sandbox_package_timer_handler(ngx_event_t *ev);
static void ngx_http_sandbox_package_cleanup(void *data);
static ngx_int_t ngx_http_sandbox_package_add_variables(ngx_conf_t *cf);
static ngx_int_t ngx_http_sandbox_package_init(ngx_conf_t *cf);


static ngx_http_module_t  ngx_http_sandbox_package_module_ctx = {
    ngx_http_sandbox_package_add_variables, /* preconfiguration */
    ngx_http_sandbox_package_init,         /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_sandbox_package_module = {
    NGX_MODULE_V1,
    &ngx_http_sandbox_package_module_ctx,  /* module context */
    NULL,                                  /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


#define VARIABLE(name, handler, data)                                         \
    { ngx_string("sandbox_package_" name), NULL,                              \
      ngx_http_sandbox_package_##handler, data, NGX_HTTP_VAR_NOCACHEABLE, 0 }

static ngx_http_variable_t  ngx_http_sandbox_package_variables[] = {
    VARIABLE("url", url, 0),
    VARIABLE("accept", accept, 0),
    VARIABLE("uncached", uncached, 0),
    VARIABLE("from0", from, 0),
    VARIABLE("from1", from, 1),
    VARIABLE("from2", from, 2),
    VARIABLE("from3", from, 3),
    VARIABLE("from_root", from, NGX_HTTP_SANDBOX_PACKAGE_ROOT),
    VARIABLE("to0", to, 0),
    VARIABLE("to1", to, 1),
    VARIABLE("to2", to, 2),
    VARIABLE("to3", to, 3),
    VARIABLE("to_root", to, NGX_HTTP_SANDBOX_PACKAGE_ROOT),
      ngx_http_null_variable
};

#undef VARIABLE


static ngx_str_t  ngx_http_sandbox_package_root = ngx_string("href=\"/");

static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


/* NULL: the path is none of a package */

static ngx_http_sandbox_package_ctx_t *
ngx_http_sandbox_package_ctx(ngx_http_request_t *r)
{
    ngx_str_t                        path;
    ngx_http_sandbox_main_conf_t    *smcf;
    ngx_http_sandbox_package_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_sandbox_package_module);

    if (ctx) {
        return ctx;
    }

    if (!r->internal
        || r->uri.len < sizeof(NGX_HTTP_SANDBOX_PACKAGE_PREFIX)
        || ngx_strncmp(r->uri.data, NGX_HTTP_SANDBOX_PACKAGE_PREFIX,
                       sizeof(NGX_HTTP_SANDBOX_PACKAGE_PREFIX) - 1)
           != 0)
    {
        return NULL;
    }

    path.data = r->uri.data + sizeof(NGX_HTTP_SANDBOX_PACKAGE_PREFIX) - 1;
    path.len = r->uri.len - (sizeof(NGX_HTTP_SANDBOX_PACKAGE_PREFIX) - 1);

    smcf = ngx_http_get_module_main_conf(r, ngx_http_sandbox_module);
    ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_sandbox_package_ctx_t));

    if (ctx == NULL
        || ngx_sandbox_package_target(r->pool, smcf->node.packages, &path,
                                      &ctx->target)
           != NGX_OK)
    {
        return NULL;
    }

    ngx_http_set_ctx(r, ctx, ngx_http_sandbox_package_module);

    return ctx;
}


static ngx_int_t
ngx_http_sandbox_package_url(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_sandbox_package_ctx_t  *ctx;

    ctx = ngx_http_sandbox_package_ctx(r);

    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    ngx_http_sandbox_package_value(v, ctx->target.url.data,
                                   ctx->target.url.len);

    return NGX_OK;
}


/* one form of each page, whoever asks: or the cache would have several */

static ngx_int_t
ngx_http_sandbox_package_accept(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    char                            *accept;
    ngx_http_sandbox_package_ctx_t  *ctx;

    ctx = ngx_http_sandbox_package_ctx(r);

    if (ctx == NULL || !ctx->target.page) {
        accept = "*/*";

    } else if (ctx->target.index->kind == NGX_SANDBOX_PACKAGE_NPM) {
        accept = "application/vnd.npm.install-v1+json, application/json";

    } else {
        accept = "text/html";
    }

    ngx_http_sandbox_package_value(v, (u_char *) accept, ngx_strlen(accept));

    return NGX_OK;
}


/*
 * What goes into the cache is read to its end, whether somebody wants it or
 * not: so only what says how long it is.
 */

static ngx_int_t
ngx_http_sandbox_package_uncached(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    off_t                          length;
    ngx_http_sandbox_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_sandbox_module);

    length = r->upstream ? r->upstream->headers_in.content_length_n : -1;

    if (length < 0 || length > (off_t) smcf->node.package_max_size) {
        ngx_http_sandbox_package_value(v, (u_char *) "1", 1);

    } else {
        ngx_http_sandbox_package_value(v, (u_char *) "", 0);
    }

    return NGX_OK;
}


/* empty: nothing is to be turned */

static ngx_int_t
ngx_http_sandbox_package_from(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                        from;
    ngx_http_sandbox_package_ctx_t  *ctx;

    ctx = ngx_http_sandbox_package_ctx(r);

    ngx_str_set(&from, "");

    if (ctx && ctx->target.page) {

        if (data < ctx->target.index->norigins) {
            from = ctx->target.index->origins[data];

        } else if (data == NGX_HTTP_SANDBOX_PACKAGE_ROOT
                   && ctx->target.index->kind == NGX_SANDBOX_PACKAGE_PYPI)
        {
            from = ngx_http_sandbox_package_root;
        }
    }

    ngx_http_sandbox_package_value(v, from.data, from.len);

    return NGX_OK;
}


static ngx_int_t
ngx_http_sandbox_package_to(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                          *p;
    ngx_str_t                        base;
    ngx_uint_t                       root;
    ngx_http_sandbox_package_ctx_t  *ctx;

    ctx = ngx_http_sandbox_package_ctx(r);

    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    ngx_http_sandbox_package_base(r, &base);

    root = (data == NGX_HTTP_SANDBOX_PACKAGE_ROOT);

    p = ngx_pnalloc(r->pool, sizeof("href=\"/packages/pypi///") + base.len
                             + ctx->target.index->name.len + NGX_INT_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    v->data = p;

    p = ngx_sprintf(p, "%s%V/packages/%V/%V/%ui/", root ? "href=\"" : "",
                    &base,
                    &ngx_sandbox_package_kinds[ctx->target.index->kind],
                    &ctx->target.index->name,
                    root ? ctx->target.origin : (ngx_uint_t) data);

    ngx_http_sandbox_package_value(v, v->data, p - v->data);

    return NGX_OK;
}


/* what stands before our paths where the installer is; its executor says so */

static void
ngx_http_sandbox_package_base(ngx_http_request_t *r, ngx_str_t *ret_base)
{
    u_char            ch;
    size_t            i;
    ngx_table_elt_t  *h;

    ngx_str_set(ret_base, "");

    h = ngx_sandbox_api_find_header(r, "X-Sandbox-Base");

    if (h == NULL || h->value.len > NGX_HTTP_SANDBOX_PACKAGE_BASE) {
        return;
    }

    for (i = 0; i < h->value.len; i++) {
        ch = h->value.data[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9')
              || ch == ':' || ch == '/' || ch == '.'))
        {
            return;
        }
    }

    *ret_base = h->value;
}


static void
ngx_http_sandbox_package_value(ngx_http_variable_value_t *v, u_char *data,
    size_t len)
{
    v->data = data;
    v->len = len;
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;
}


static ngx_int_t
ngx_http_sandbox_package_header_filter(ngx_http_request_t *r)
{
    ngx_http_sandbox_main_conf_t    *smcf;
    ngx_http_sandbox_package_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_sandbox_package_module);

    if (ctx == NULL || ctx->seen || r->upstream == NULL
        || r->headers_out.status != NGX_HTTP_OK)
    {
        return ngx_http_next_header_filter(r);
    }

    ctx->seen = 1;

    if (ngx_http_sandbox_package_watch(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    smcf = ngx_http_get_module_main_conf(r, ngx_http_sandbox_module);

    if (r->headers_out.content_length_n
        > (off_t) smcf->node.package_max_size)
    {
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "sandbox: \"%V\" has %O bytes, more than "
                      "\"sandbox_package_max_size\"",
                      &ctx->target.url, r->headers_out.content_length_n);

        return ngx_http_filter_finalize_request(r,
                                           &ngx_http_sandbox_package_module,
                                           NGX_HTTP_REQUEST_ENTITY_TOO_LARGE);
    }

#if (NGX_HTTP_CACHE)

    ngx_sandbox_zone_count_package(&smcf->node.zone,
                       r->upstream->cache_status == NGX_HTTP_CACHE_HIT
                       || r->upstream->cache_status == NGX_HTTP_CACHE_STALE
                       || r->upstream->cache_status
                          == NGX_HTTP_CACHE_UPDATING);

#endif

    return ngx_http_next_header_filter(r);
}


static ngx_int_t
ngx_http_sandbox_package_watch(ngx_http_request_t *r,
    ngx_http_sandbox_package_ctx_t *ctx)
{
    ngx_pool_cleanup_t  *cln;

    if (r->upstream->peer.connection == NULL) {
        /* from the cache */
        return NGX_OK;
    }

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_sandbox_package_cleanup;
    cln->data = ctx;

    ctx->request = r;
    ctx->timer.handler = ngx_http_sandbox_package_timer_handler;
    ctx->timer.data = ctx;
    ctx->timer.log = r->connection->log;

    ngx_add_timer(&ctx->timer, r->upstream->conf->read_timeout);

    return NGX_OK;
}


/*
 * At the second look that finds nobody, at least one read_timeout is over.  It
 * ends as if the index had been silent for that long: an upstream finalizes its
 * request itself, and nobody else can.
 */

static void
ngx_http_sandbox_package_timer_handler(ngx_event_t *ev)
{
    ngx_event_t                     *rev;
    ngx_connection_t                *c;
    ngx_http_request_t              *r;
    ngx_http_sandbox_package_ctx_t  *ctx;

    ctx = ev->data;
    r = ctx->request;
    c = r->connection;

    if (r->upstream == NULL || r->upstream->peer.connection == NULL) {
        /* all of it has come */
        return;
    }

    ngx_http_set_log_request(c->log, r);

    if (!c->error || !ctx->gone) {
        ctx->gone = c->error;
        ngx_add_timer(ev, r->upstream->conf->read_timeout);
        return;
    }

    ngx_log_error(NGX_LOG_WARN, c->log, 0,
                  "sandbox: \"%V\" still comes, and nobody wants it any more",
                  &ctx->target.url);

    rev = r->upstream->peer.connection->read;

    if (rev->timer_set) {
        ngx_del_timer(rev);
    }

    rev->delayed = 0;
    rev->timedout = 1;

    rev->handler(rev);
}


static void
ngx_http_sandbox_package_cleanup(void *data)
{
    ngx_http_sandbox_package_ctx_t  *ctx = data;

    if (ctx->timer.timer_set) {
        ngx_del_timer(&ctx->timer);
    }
}


static ngx_int_t
ngx_http_sandbox_package_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_sandbox_package_variables; v->name.len; v++) {

        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_sandbox_package_init(ngx_conf_t *cf)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_sandbox_package_header_filter;

    return NGX_OK;
}
