
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The pool's own copy of its configuration, with strings as the library wants
 * them, and what follows from it: the name for logs, the statement that sets
 * up a session.  Lives as long as the pool.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_db_private.h"


static ngx_int_t ngx_sandbox_db_conf_copy(ngx_sandbox_db_pool_t *pool,
    ngx_sandbox_db_conf_t *conf);
static ngx_int_t ngx_sandbox_db_conf_string(ngx_pool_t *pool, ngx_str_t *dst,
    ngx_str_t *src);
static ngx_int_t ngx_sandbox_db_conf_name(ngx_sandbox_db_pool_t *pool);
static ngx_int_t ngx_sandbox_db_conf_init(ngx_sandbox_db_pool_t *pool);


ngx_int_t
ngx_sandbox_db_conf_set(ngx_sandbox_db_pool_t *pool,
    ngx_sandbox_db_conf_t *conf)
{
    if (ngx_sandbox_db_conf_copy(pool, conf) != NGX_OK
        || ngx_sandbox_db_conf_name(pool) != NGX_OK
        || ngx_sandbox_db_conf_init(pool) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_db_conf_copy(ngx_sandbox_db_pool_t *pool,
    ngx_sandbox_db_conf_t *conf)
{
    ngx_pool_t             *p;
    ngx_sandbox_db_conf_t  *own;

    p = pool->pool;
    own = &pool->conf;
    *own = *conf;

    if (ngx_sandbox_db_conf_string(p, &own->socket, &conf->socket) != NGX_OK
        || ngx_sandbox_db_conf_string(p, &own->host, &conf->host) != NGX_OK
        || ngx_sandbox_db_conf_string(p, &own->user, &conf->user) != NGX_OK
        || ngx_sandbox_db_conf_string(p, &own->password, &conf->password)
           != NGX_OK
        || ngx_sandbox_db_conf_string(p, &own->database, &conf->database)
           != NGX_OK
        || ngx_sandbox_db_conf_string(p, &own->ssl_ca, &conf->ssl_ca)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_db_conf_string(ngx_pool_t *pool, ngx_str_t *dst, ngx_str_t *src)
{
    u_char  *p;

    p = ngx_pnalloc(pool, src->len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    dst->data = p;
    dst->len = src->len;

    if (src->len) {
        p = ngx_cpymem(p, src->data, src->len);
    }

    *p = '\0';

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_db_conf_name(ngx_sandbox_db_pool_t *pool)
{
    u_char                 *p, *last;
    size_t                  len;
    ngx_sandbox_db_conf_t  *conf;

    conf = &pool->conf;
    len = sizeof("unix:[]:65535") + conf->socket.len + conf->host.len;

    p = ngx_pnalloc(pool->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (conf->socket.len) {
        last = ngx_sprintf(p, "unix:%V", &conf->socket);

    } else if (ngx_strlchr(conf->host.data, conf->host.data + conf->host.len,
                           ':'))
    {
        last = ngx_sprintf(p, "[%V]:%ui", &conf->host,
                           (ngx_uint_t) conf->port);

    } else {
        last = ngx_sprintf(p, "%V:%ui", &conf->host, (ngx_uint_t) conf->port);
    }

    pool->name.data = p;
    pool->name.len = last - p;

    return NGX_OK;
}


/* the server gives up a little before the pool does: then the end is known */

static ngx_int_t
ngx_sandbox_db_conf_init(ngx_sandbox_db_pool_t *pool)
{
    u_char      *p;
    ngx_msec_t   limit, lock;

    static char  format[] = "SET time_zone='+00:00',autocommit=1,"
                            "sql_mode='STRICT_ALL_TABLES,NO_ZERO_DATE,"
                            "NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,"
                            "NO_ENGINE_SUBSTITUTION',"
                            "innodb_lock_wait_timeout=%M,"
                            "max_statement_time=%M.%03M%Z";

    limit = pool->conf.query_timeout - pool->conf.query_timeout / 10;
    lock = ngx_max(pool->conf.query_timeout / 2000, 1);

    p = ngx_pnalloc(pool->pool, sizeof(format) + 3 * NGX_INT64_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    pool->init.data = p;
    pool->init.len = ngx_sprintf(p, format, lock, limit / 1000, limit % 1000)
                     - p - 1;

    return NGX_OK;
}
