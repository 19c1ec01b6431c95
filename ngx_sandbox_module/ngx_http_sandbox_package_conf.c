
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * sandbox_package_index.  The hosts of an index become upstreams, as if each
 * stood in a proxy_pass of its own: their names are looked up when nginx
 * starts.  One that is not known keeps nginx from nothing: it needs nginx's
 * resolver, or its installs fail.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_sandbox_module.h"
#include "ngx_sandbox_id.h"
#include "ngx_sandbox_package.h"


static ngx_int_t ngx_http_sandbox_package_option(ngx_conf_t *cf,
    ngx_sandbox_package_index_t *index, ngx_str_t *value);
static ngx_int_t ngx_http_sandbox_package_upstream(ngx_conf_t *cf,
    ngx_str_t *origin);


char *
ngx_http_sandbox_package_index(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_sandbox_main_conf_t  *smcf = conf;

    ngx_str_t                    *value;
    ngx_uint_t                    i;
    ngx_sandbox_package_index_t   index, *known;

    value = cf->args->elts;

    ngx_memzero(&index, sizeof(ngx_sandbox_package_index_t));
    ngx_str_set(&index.name, "default");

    for (i = 0; ngx_sandbox_package_kinds[i].len; i++) {
        if (ngx_strcmp(value[1].data, ngx_sandbox_package_kinds[i].data)
            == 0)
        {
            break;
        }
    }

    index.kind = i;

    if (i == NGX_SANDBOX_PACKAGE_KINDS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid kind \"%V\" in \"%V\", it must be "
                           "\"pypi\" or \"npm\"", &value[1], &cmd->name);
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_http_sandbox_package_option(cf, &index, &value[i]) != NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in \"%V\": it must "
                               "be an http or https URL in small letters with "
                               "a slash at its end, %d at most together",
                               &value[i], &cmd->name,
                               NGX_SANDBOX_PACKAGE_URLS);
            return NGX_CONF_ERROR;
        }
    }

    if (smcf->node.packages == NULL) {
        smcf->node.packages = ngx_array_create(cf->pool, 2,
                                         sizeof(ngx_sandbox_package_index_t));
        if (smcf->node.packages == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_sandbox_package_find(smcf->node.packages, index.kind, &index.name))
    {
        return "is duplicate: give it another name=";
    }

    known = ngx_array_push(smcf->node.packages);
    if (known == NULL) {
        return NGX_CONF_ERROR;
    }

    *known = index;

    for (i = 0; i < index.norigins; i++) {
        if (ngx_http_sandbox_package_upstream(cf, &index.origins[i])
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_sandbox_package_option(ngx_conf_t *cf,
    ngx_sandbox_package_index_t *index, ngx_str_t *value)
{
    ngx_str_t  url;

    if (ngx_strncmp(value->data, "name=", 5) == 0) {
        index->name.data = value->data + 5;
        index->name.len = value->len - 5;

        return ngx_sandbox_id_valid(&index->name) ? NGX_OK : NGX_DECLINED;
    }

    url = *value;

    if (ngx_strncmp(url.data, "files=", 6) == 0) {

        if (index->nurls == 0) {
            return NGX_DECLINED;
        }

        url.data += 6;
        url.len -= 6;

    } else if (index->nurls) {
        return NGX_DECLINED;
    }

    return ngx_sandbox_package_allow(index, &url);
}


/* "https://host:port/" */

static ngx_int_t
ngx_http_sandbox_package_upstream(ngx_conf_t *cf, ngx_str_t *origin)
{
    size_t                          scheme;
    ngx_url_t                       u, known;
    ngx_http_upstream_server_t     *us;
    ngx_http_upstream_srv_conf_t   *uscf;

    scheme = origin->data[4] == 's' ? 8 : 7;

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url.data = origin->data + scheme;
    u.url.len = origin->len - scheme - 1;
    u.default_port = scheme == 8 ? 443 : 80;
    u.uri_part = 1;

    /* an upstream parses it as well, and stops nginx where that fails */

    known = u;

    if (ngx_parse_url(cf->pool, &known) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"%V\" in \"sandbox_package_index\" is not known "
                           "now: %s", origin,
                           known.err ? known.err : "no memory");
        return NGX_OK;
    }

    uscf = ngx_http_upstream_add(cf, &u, 0);
    if (uscf == NULL) {
        return NGX_ERROR;
    }

    if (uscf->servers) {
        /* one address, or an upstream of the operator's */
        return NGX_OK;
    }

    uscf->servers = ngx_array_create(cf->pool, 1,
                                     sizeof(ngx_http_upstream_server_t));
    us = uscf->servers ? ngx_array_push(uscf->servers) : NULL;

    if (us == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(us, sizeof(ngx_http_upstream_server_t));

    us->name = u.url;
    us->addrs = u.addrs;
    us->naddrs = u.naddrs;
    us->weight = 1;
    us->max_fails = 1;
    us->fail_timeout = 10;

    return NGX_OK;
}
