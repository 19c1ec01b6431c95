
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * When no connection can be had: what the log, the waiting operations and the
 * next attempt learn of it.
 *
 * An outage begins when an attempt fails.  Without an established connection,
 * or with a wrong schema on any, what waits is refused, and so is what comes,
 * until an attempt of the pool's own succeeds.  The pauses between these grow
 * from 50 ms to 2 s; their timer is cancelable, so that it keeps no worker.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_sandbox_db_private.h"


#define NGX_SANDBOX_DB_PAUSE_MIN   50      /* ms */
#define NGX_SANDBOX_DB_PAUSE_MAX   2000    /* ms */
#define NGX_SANDBOX_DB_WARN_PAUSE  60      /* seconds */


static void ngx_sandbox_db_outage_pause(ngx_sandbox_db_pool_t *pool);
static void ngx_sandbox_db_outage_report(ngx_sandbox_db_pool_t *pool,
    ngx_sandbox_db_status_e status, ngx_str_t *text);
static void ngx_sandbox_db_outage_close_idle(ngx_sandbox_db_pool_t *pool);


void
ngx_sandbox_db_pool_connected(ngx_sandbox_db_connection_t *c)
{
    ngx_sandbox_db_pool_t  *pool;

    pool = c->pool;

    pool->connecting--;
    pool->open++;
    pool->failures = 0;
    pool->last_error.len = 0;

    if (pool->backoff_timer.timer_set) {
        ngx_del_timer(&pool->backoff_timer);
    }

    if (pool->reported) {
        pool->reported = 0;
        ngx_log_error(NGX_LOG_NOTICE, pool->log, 0,
                      "sandbox: MariaDB at %V is back after %T s",
                      &pool->name, ngx_time() - pool->since);
    }

    ngx_sandbox_db_pool_idle(c);
}


ngx_uint_t
ngx_sandbox_db_pool_is_down(ngx_sandbox_db_pool_t *pool)
{
    return pool->failures
           && (pool->open == 0 || pool->reason == NGX_SANDBOX_DB_SCHEMA);
}


/* a connection could not be made */

void
ngx_sandbox_db_pool_failed(ngx_sandbox_db_pool_t *pool,
    ngx_sandbox_db_status_e status, ngx_str_t *text)
{
    if (pool->closing) {
        return;
    }

    ngx_sandbox_db_outage_report(pool, status, text);
    ngx_sandbox_db_outage_pause(pool);

    if (status == NGX_SANDBOX_DB_SCHEMA) {

        /* somebody has changed it: the older connections are not to be used */

        ngx_sandbox_db_outage_close_idle(pool);
    }

    if (ngx_sandbox_db_pool_is_down(pool)) {
        ngx_sandbox_db_pool_fail_waiting(pool, status, &pool->last_error);
    }
}


/* an established connection broke, and its operation has been told */

void
ngx_sandbox_db_pool_lost(ngx_sandbox_db_pool_t *pool,
    ngx_sandbox_db_status_e status, ngx_str_t *text)
{
    if (pool->closing) {
        return;
    }

    ngx_log_error(NGX_LOG_INFO, pool->log, 0,
                  "sandbox: closed a connection to MariaDB at %V: %V",
                  &pool->name, text);

    if (pool->open == 0 && pool->failures == 0
        && status != NGX_SANDBOX_DB_ERROR)
    {
        ngx_sandbox_db_outage_report(pool, NGX_SANDBOX_DB_UNAVAILABLE, text);
    }
}


/*
 * Any connection is gone, for whatever reason.  While operations are refused
 * nobody asks for a connection: so there is always the timer, or an attempt
 * that ends with it.
 */

void
ngx_sandbox_db_pool_closed(ngx_sandbox_db_pool_t *pool)
{
    if (pool->closing || !ngx_sandbox_db_pool_is_down(pool)) {
        return;
    }

    ngx_sandbox_db_outage_pause(pool);
    ngx_sandbox_db_pool_fail_waiting(pool, pool->reason, &pool->last_error);
}


void
ngx_sandbox_db_backoff_handler(ngx_event_t *ev)
{
    ngx_connection_t       *ident;
    ngx_sandbox_db_pool_t  *pool;

    ident = ev->data;
    pool = ident->data;

    if (!ngx_sandbox_db_pool_is_down(pool)) {

        /* the server is there: when the last idle one is closed it still is */

        pool->failures = 0;
        ngx_sandbox_db_pool_dispatch(pool);
        return;
    }

    if (pool->connecting) {
        return;
    }

    if (pool->total < pool->conf.size) {
        ngx_sandbox_db_connection_open(pool);

    } else {
        ngx_sandbox_db_outage_pause(pool);
    }
}


/* connections that fail together are one failure */

static void
ngx_sandbox_db_outage_pause(ngx_sandbox_db_pool_t *pool)
{
    ngx_uint_t  n;
    ngx_msec_t  pause;

    if (pool->backoff_timer.timer_set) {
        return;
    }

    n = ngx_min(pool->failures, 6);
    pause = ngx_min((ngx_msec_t) NGX_SANDBOX_DB_PAUSE_MIN << n,
                    NGX_SANDBOX_DB_PAUSE_MAX);

    /* workers and hosts shall not come all at the same time */

    pause -= ngx_random() % (pause / 4 + 1);

    pool->failures++;
    ngx_add_timer(&pool->backoff_timer, pause);
}


/* once an outage, and once more if it becomes another one */

static void
ngx_sandbox_db_outage_report(ngx_sandbox_db_pool_t *pool,
    ngx_sandbox_db_status_e status, ngx_str_t *text)
{
    size_t      len;
    ngx_uint_t  known;

    known = pool->reported && status == pool->reason;

    len = ngx_min(text->len, sizeof(pool->text));

    pool->reason = status;
    pool->last_error.data = pool->text;
    pool->last_error.len = len;
    ngx_memcpy(pool->text, text->data, len);

    if (pool->open && status != NGX_SANDBOX_DB_SCHEMA) {

        if (pool->warned == 0
            || ngx_time() - pool->warned >= NGX_SANDBOX_DB_WARN_PAUSE)
        {
            pool->warned = ngx_time();
            ngx_log_error(NGX_LOG_WARN, pool->log, 0,
                          "sandbox: no further connection to MariaDB at %V:"
                          " %V", &pool->name, &pool->last_error);
        }

        return;
    }

    if (known) {
        return;
    }

    if (!pool->reported) {
        pool->reported = 1;
        pool->since = ngx_time();
    }

    ngx_log_error(NGX_LOG_ERR, pool->log, 0,
                  "sandbox: lost MariaDB at %V: %V",
                  &pool->name, &pool->last_error);
}


static void
ngx_sandbox_db_outage_close_idle(ngx_sandbox_db_pool_t *pool)
{
    ngx_queue_t                  *q;
    ngx_sandbox_db_connection_t  *c;

    while (!ngx_queue_empty(&pool->idle)) {
        q = ngx_queue_head(&pool->idle);
        c = ngx_queue_data(q, ngx_sandbox_db_connection_t, idle);

        ngx_sandbox_db_connection_close(c);
    }
}
