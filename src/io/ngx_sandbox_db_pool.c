
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The pool of a worker's MariaDB connections: who waits, who runs, who is
 * told.  Idle connections are used last in, first out, so that the ones that
 * are not needed grow old and are closed; operations wait first come, first
 * served, each with a deadline.
 *
 * Handlers are called from one posted event, never while a connection or the
 * library is on the stack: so an operation that ends may start the next one
 * without recursion.  A handler may start and cancel operations of the pool,
 * but not destroy it.
 *
 * What belongs to operations in flight has timers that are not cancelable, so
 * that a worker that shuts down waits for them; all else has cancelable ones.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_sandbox_db_private.h"


/* operations started in one go before the event loop has its turn */
#define NGX_SANDBOX_DB_BURST  32


static void ngx_sandbox_db_pool_event(ngx_sandbox_db_pool_t *pool,
    ngx_event_t *ev, ngx_event_handler_pt handler, ngx_uint_t cancelable);
static ngx_uint_t ngx_sandbox_db_pool_is_full(ngx_sandbox_db_pool_t *pool);
static ngx_int_t ngx_sandbox_db_pool_refuse(ngx_sandbox_db_pool_t *pool,
    ngx_sandbox_db_op_t *op, ngx_sandbox_db_status_e status, ngx_str_t *text);
static void ngx_sandbox_db_pool_enqueue(ngx_sandbox_db_pool_t *pool,
    ngx_sandbox_db_op_t *op);
static void ngx_sandbox_db_pool_dequeue(ngx_sandbox_db_pool_t *pool,
    ngx_sandbox_db_op_t *op);
static void ngx_sandbox_db_pool_hand_on(ngx_sandbox_db_pool_t *pool,
    ngx_sandbox_db_op_t *op);
static ngx_sandbox_db_connection_t *ngx_sandbox_db_pool_get(
    ngx_sandbox_db_pool_t *pool, ngx_sandbox_db_op_t *op);
static ngx_uint_t ngx_sandbox_db_pool_is_careful(
    ngx_sandbox_db_pool_t *pool);
static void ngx_sandbox_db_pool_grow(ngx_sandbox_db_pool_t *pool);

static void ngx_sandbox_db_wait_handler(ngx_event_t *ev);
static void ngx_sandbox_db_done_handler(ngx_event_t *ev);
static void ngx_sandbox_db_more_handler(ngx_event_t *ev);


static ngx_str_t  ngx_sandbox_db_full = ngx_string("too many are waiting");
static ngx_str_t  ngx_sandbox_db_late = ngx_string("no connection was free");
static ngx_str_t  ngx_sandbox_db_gone = ngx_string("the pool is closed");


ngx_sandbox_db_pool_t *
ngx_sandbox_db_pool_create(ngx_sandbox_db_conf_t *conf, ngx_uint_t statements,
    ngx_uint_t schema, ngx_log_t *log)
{
    ngx_pool_t             *p;
    ngx_sandbox_db_pool_t  *pool;

    if (mysql_library_init(0, NULL, NULL) != 0) {
        return NULL;
    }

    p = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, log);
    if (p == NULL) {
        return NULL;
    }

    pool = ngx_pcalloc(p, sizeof(ngx_sandbox_db_pool_t));
    if (pool == NULL) {
        ngx_destroy_pool(p);
        return NULL;
    }

    pool->pool = p;
    pool->log = log;
    pool->statements = statements;
    pool->schema = schema;

    ngx_queue_init(&pool->connections);
    ngx_queue_init(&pool->idle);
    ngx_queue_init(&pool->waiting);
    ngx_queue_init(&pool->done);

    if (ngx_sandbox_db_conf_set(pool, conf) != NGX_OK) {
        ngx_destroy_pool(p);
        return NULL;
    }

    pool->ident.fd = (ngx_socket_t) -1;
    pool->ident.data = pool;

    ngx_sandbox_db_pool_event(pool, &pool->wait_timer,
                              ngx_sandbox_db_wait_handler, 1);
    ngx_sandbox_db_pool_event(pool, &pool->backoff_timer,
                              ngx_sandbox_db_backoff_handler, 1);
    ngx_sandbox_db_pool_event(pool, &pool->done_event,
                              ngx_sandbox_db_done_handler, 0);
    ngx_sandbox_db_pool_event(pool, &pool->more_event,
                              ngx_sandbox_db_more_handler, 0);

    return pool;
}


void
ngx_sandbox_db_pool_destroy(ngx_sandbox_db_pool_t *pool)
{
    ngx_queue_t                  *q;
    ngx_sandbox_db_op_t          *op;
    ngx_sandbox_db_connection_t  *c;

    pool->closing = 1;

    while (!ngx_queue_empty(&pool->connections)) {
        q = ngx_queue_head(&pool->connections);
        c = ngx_queue_data(q, ngx_sandbox_db_connection_t, queue);
        op = c->op;

        if (op) {
            c->op = NULL;
            (void) ngx_sandbox_db_pool_refuse(pool, op,
                                              NGX_SANDBOX_DB_UNAVAILABLE,
                                              &ngx_sandbox_db_gone);
            ngx_sandbox_db_pool_done(pool, op);
        }

        ngx_sandbox_db_connection_close(c);
    }

    ngx_sandbox_db_pool_fail_waiting(pool, NGX_SANDBOX_DB_UNAVAILABLE,
                                     &ngx_sandbox_db_gone);

    ngx_sandbox_db_done_handler(&pool->done_event);

    if (pool->wait_timer.timer_set) {
        ngx_del_timer(&pool->wait_timer);
    }

    if (pool->backoff_timer.timer_set) {
        ngx_del_timer(&pool->backoff_timer);
    }

    if (pool->done_event.posted) {
        ngx_delete_posted_event(&pool->done_event);
    }

    if (pool->more_event.posted) {
        ngx_delete_posted_event(&pool->more_event);
    }

    ngx_explicit_memzero(pool->conf.password.data, pool->conf.password.len);

    ngx_destroy_pool(pool->pool);
}


ngx_int_t
ngx_sandbox_db_start(ngx_sandbox_db_pool_t *pool, ngx_sandbox_db_op_t *op)
{
    op->status = NGX_SANDBOX_DB_OK;
    op->error = 0;
    ngx_str_null(&op->message);
    op->affected = 0;
    op->rows = 0;
    op->values = NULL;
    op->connection = NULL;
    op->repeated = 0;
    op->waiting = 0;
    op->following = 0;
    op->done = 0;

    ngx_queue_init(&op->followers);

    if (pool->closing) {
        return ngx_sandbox_db_pool_refuse(pool, op, NGX_SANDBOX_DB_UNAVAILABLE,
                                          &ngx_sandbox_db_gone);
    }

    if (ngx_sandbox_db_pool_is_down(pool)) {
        return ngx_sandbox_db_pool_refuse(pool, op, pool->reason,
                                          &pool->last_error);
    }

    if (ngx_sandbox_db_share_join(pool, op) == NGX_OK) {
        return NGX_AGAIN;
    }

    if (ngx_sandbox_db_pool_is_full(pool)) {
        return ngx_sandbox_db_pool_refuse(pool, op, NGX_SANDBOX_DB_UNAVAILABLE,
                                          &ngx_sandbox_db_full);
    }

    op->deadline = ngx_current_msec + pool->conf.wait_timeout;

    ngx_sandbox_db_pool_enqueue(pool, op);
    ngx_sandbox_db_pool_dispatch(pool);

    if (op->done) {
        ngx_queue_remove(&op->queue);
        op->done = 0;
        return NGX_DONE;
    }

    return NGX_AGAIN;
}


void
ngx_sandbox_db_cancel(ngx_sandbox_db_pool_t *pool, ngx_sandbox_db_op_t *op)
{
    if (op->connection || op->waiting) {
        ngx_sandbox_db_pool_hand_on(pool, op);

    } else if (op->following) {
        ngx_sandbox_db_share_leave(op);

    } else if (op->done) {
        ngx_queue_remove(&op->queue);
        op->done = 0;
    }
}


void
ngx_sandbox_db_stat(ngx_sandbox_db_pool_t *pool, ngx_sandbox_db_stat_t *stat)
{
    ngx_queue_t  *q;

    stat->open = pool->open;
    stat->busy = pool->open;
    stat->waiting = pool->nwaiting;
    stat->last_error = pool->last_error;

    for (q = ngx_queue_head(&pool->idle);
         q != ngx_queue_sentinel(&pool->idle);
         q = ngx_queue_next(q))
    {
        stat->busy--;
    }
}


void
ngx_sandbox_db_pool_dispatch(ngx_sandbox_db_pool_t *pool)
{
    ngx_uint_t                    n;
    ngx_queue_t                  *q;
    ngx_sandbox_db_op_t          *op;
    ngx_sandbox_db_connection_t  *c;

    for (n = 0; !ngx_queue_empty(&pool->waiting); n++) {

        if (n == NGX_SANDBOX_DB_BURST) {
            if (!pool->more_event.posted) {
                ngx_post_event(&pool->more_event, &ngx_posted_next_events);
            }

            return;
        }

        q = ngx_queue_head(&pool->waiting);
        op = ngx_queue_data(q, ngx_sandbox_db_op_t, queue);

        c = ngx_sandbox_db_pool_get(pool, op);

        if (c) {
            ngx_sandbox_db_pool_dequeue(pool, op);
            ngx_sandbox_db_execute(c, op);
            continue;
        }

        ngx_sandbox_db_pool_grow(pool);

        /* a connection may have been made without a wait */

        if (ngx_queue_empty(&pool->idle)) {
            return;
        }
    }
}


void
ngx_sandbox_db_pool_idle(ngx_sandbox_db_connection_t *c)
{
    ngx_sandbox_db_pool_t  *pool;

    pool = c->pool;

    c->state = NGX_SANDBOX_DB_IDLE;
    ngx_queue_insert_head(&pool->idle, &c->idle);

    if (ngx_sandbox_db_pool_is_down(pool)) {
        ngx_sandbox_db_connection_die(c, NGX_SANDBOX_DB_UNAVAILABLE,
                                      "the schema has changed");
        return;
    }

    if (ngx_sandbox_db_connection_watch(c, MYSQL_WAIT_READ) != NGX_OK) {
        ngx_sandbox_db_connection_die(c, NGX_SANDBOX_DB_UNAVAILABLE,
                                      "the socket cannot be watched");
        return;
    }

    ngx_sandbox_fd_idle(&c->fd, 1);
    ngx_sandbox_db_connection_deadline(c, pool->conf.idle_timeout, 1);
}


void
ngx_sandbox_db_pool_done(ngx_sandbox_db_pool_t *pool, ngx_sandbox_db_op_t *op)
{
    op->connection = NULL;
    op->done = 1;

    ngx_queue_insert_tail(&pool->done, &op->queue);

    ngx_sandbox_db_share_end(pool, op);

    if (!pool->done_event.posted) {
        ngx_post_event(&pool->done_event, &ngx_posted_events);
    }
}


/* it has waited already, so it is the first; the deadlines stay in order */

void
ngx_sandbox_db_pool_repeat(ngx_sandbox_db_pool_t *pool,
    ngx_sandbox_db_op_t *op)
{
    ngx_queue_t          *q;
    ngx_sandbox_db_op_t  *first;

    op->connection = NULL;
    op->repeated = 1;
    op->deadline = ngx_current_msec + pool->conf.wait_timeout;

    if (!ngx_queue_empty(&pool->waiting)) {
        q = ngx_queue_head(&pool->waiting);
        first = ngx_queue_data(q, ngx_sandbox_db_op_t, queue);

        if ((ngx_msec_int_t) (first->deadline - op->deadline) < 0) {
            op->deadline = first->deadline;
        }
    }

    ngx_sandbox_db_pool_enqueue(pool, op);

    ngx_queue_remove(&op->queue);
    ngx_queue_insert_head(&pool->waiting, &op->queue);
}


void
ngx_sandbox_db_pool_fail_waiting(ngx_sandbox_db_pool_t *pool,
    ngx_sandbox_db_status_e status, ngx_str_t *text)
{
    ngx_queue_t          *q;
    ngx_sandbox_db_op_t  *op;

    while (!ngx_queue_empty(&pool->waiting)) {
        q = ngx_queue_head(&pool->waiting);
        op = ngx_queue_data(q, ngx_sandbox_db_op_t, queue);

        ngx_sandbox_db_pool_dequeue(pool, op);
        (void) ngx_sandbox_db_pool_refuse(pool, op, status, text);
        ngx_sandbox_db_pool_done(pool, op);
    }
}


static void
ngx_sandbox_db_pool_event(ngx_sandbox_db_pool_t *pool, ngx_event_t *ev,
    ngx_event_handler_pt handler, ngx_uint_t cancelable)
{
    ev->handler = handler;
    ev->data = &pool->ident;
    ev->log = pool->log;
    ev->cancelable = cancelable ? 1 : 0;
}


/* those that wait for a connection to be made do not count */

static ngx_uint_t
ngx_sandbox_db_pool_is_full(ngx_sandbox_db_pool_t *pool)
{
    ngx_uint_t  coming;

    if (!ngx_queue_empty(&pool->idle)) {
        return 0;
    }

    coming = pool->conf.size - pool->open;

    return pool->nwaiting >= pool->conf.queue + coming;
}


static ngx_int_t
ngx_sandbox_db_pool_refuse(ngx_sandbox_db_pool_t *pool,
    ngx_sandbox_db_op_t *op, ngx_sandbox_db_status_e status, ngx_str_t *text)
{
    op->status = status;
    op->error = 0;
    op->affected = 0;
    op->rows = 0;
    op->values = NULL;

    op->message.data = ngx_pstrdup(op->pool, text);
    op->message.len = op->message.data ? text->len : 0;

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, op->log, 0,
                   "sandbox db: refused %s: %V", op->stmt->name, text);

    return NGX_DONE;
}


static void
ngx_sandbox_db_pool_enqueue(ngx_sandbox_db_pool_t *pool,
    ngx_sandbox_db_op_t *op)
{
    ngx_msec_int_t  left;

    op->waiting = 1;
    pool->nwaiting++;
    ngx_queue_insert_tail(&pool->waiting, &op->queue);

    /* a worker that shuts down has to wait for it */

    pool->wait_timer.cancelable = 0;

    if (!pool->wait_timer.timer_set) {
        left = (ngx_msec_int_t) (op->deadline - ngx_current_msec);
        ngx_add_timer(&pool->wait_timer, (ngx_msec_t) ngx_max(left, 1));
    }
}


static void
ngx_sandbox_db_pool_dequeue(ngx_sandbox_db_pool_t *pool,
    ngx_sandbox_db_op_t *op)
{
    op->waiting = 0;
    pool->nwaiting--;
    ngx_queue_remove(&op->queue);

    if (pool->nwaiting == 0) {
        pool->wait_timer.cancelable = 1;
    }
}


/* its place goes to the next one that wants the same */

static void
ngx_sandbox_db_pool_hand_on(ngx_sandbox_db_pool_t *pool,
    ngx_sandbox_db_op_t *op)
{
    ngx_sandbox_db_op_t          *next;
    ngx_sandbox_db_connection_t  *c;

    c = op->connection;
    next = ngx_sandbox_db_share_next(op);

    if (c) {
        c->op = next;
        op->connection = NULL;

        if (next) {
            next->connection = c;
        }

        return;
    }

    if (next) {
        next->waiting = 1;
        pool->nwaiting++;
        ngx_queue_insert_tail(&op->queue, &next->queue);
    }

    ngx_sandbox_db_pool_dequeue(pool, op);
}


/* where one connection was stale the others may be: look before */

static ngx_sandbox_db_connection_t *
ngx_sandbox_db_pool_get(ngx_sandbox_db_pool_t *pool, ngx_sandbox_db_op_t *op)
{
    ngx_queue_t                  *q;
    ngx_sandbox_db_connection_t  *c;

    while (!ngx_queue_empty(&pool->idle)) {
        q = ngx_queue_head(&pool->idle);
        c = ngx_queue_data(q, ngx_sandbox_db_connection_t, idle);

        if (!op->repeated || ngx_sandbox_db_connection_is_quiet(c)) {
            return c;
        }

        ngx_sandbox_db_connection_close(c);
    }

    return NULL;
}


/*
 * One connection at a time is made to a server that has just failed, and with
 * TLS: while the worker is stopped in one handshake the server may be waiting
 * for the other, and then for its own timers.
 */

static ngx_uint_t
ngx_sandbox_db_pool_is_careful(ngx_sandbox_db_pool_t *pool)
{
    return pool->failures || pool->conf.ssl || pool->conf.ssl_ca.len;
}


static void
ngx_sandbox_db_pool_grow(ngx_sandbox_db_pool_t *pool)
{
    while (pool->total < pool->conf.size
           && ngx_queue_empty(&pool->idle)
           && pool->connecting < pool->nwaiting
           && !pool->backoff_timer.timer_set
           && (pool->connecting == 0 || !ngx_sandbox_db_pool_is_careful(pool)))
    {
        ngx_sandbox_db_connection_open(pool);
    }
}


static void
ngx_sandbox_db_wait_handler(ngx_event_t *ev)
{
    ngx_queue_t            *q;
    ngx_connection_t       *ident;
    ngx_msec_int_t          left;
    ngx_sandbox_db_op_t    *op;
    ngx_sandbox_db_pool_t  *pool;

    ident = ev->data;
    pool = ident->data;

    while (!ngx_queue_empty(&pool->waiting)) {
        q = ngx_queue_head(&pool->waiting);
        op = ngx_queue_data(q, ngx_sandbox_db_op_t, queue);

        left = (ngx_msec_int_t) (op->deadline - ngx_current_msec);

        if (left > 0) {
            ngx_add_timer(ev, (ngx_msec_t) left);
            return;
        }

        ngx_sandbox_db_pool_dequeue(pool, op);
        (void) ngx_sandbox_db_pool_refuse(pool, op, NGX_SANDBOX_DB_UNAVAILABLE,
                                          &ngx_sandbox_db_late);
        ngx_sandbox_db_pool_done(pool, op);
    }
}


static void
ngx_sandbox_db_done_handler(ngx_event_t *ev)
{
    ngx_queue_t            *q;
    ngx_connection_t       *ident;
    ngx_sandbox_db_op_t    *op;
    ngx_sandbox_db_pool_t  *pool;

    ident = ev->data;
    pool = ident->data;

    while (!ngx_queue_empty(&pool->done)) {
        q = ngx_queue_head(&pool->done);
        op = ngx_queue_data(q, ngx_sandbox_db_op_t, queue);

        ngx_queue_remove(q);
        op->done = 0;

        op->handler(op);
    }
}


static void
ngx_sandbox_db_more_handler(ngx_event_t *ev)
{
    ngx_connection_t       *ident;
    ngx_sandbox_db_pool_t  *pool;

    ident = ev->data;
    pool = ident->data;

    ngx_sandbox_db_pool_dispatch(pool);
}
