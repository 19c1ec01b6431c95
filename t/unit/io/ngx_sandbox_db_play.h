
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The database pool over connections that are played here; timers and posted
 * events are nginx's own, the clock is ours.
 */


#ifndef _NGX_SANDBOX_DB_PLAY_H_INCLUDED_
#define _NGX_SANDBOX_DB_PLAY_H_INCLUDED_


#include "ngx_sandbox_unit.h"
#include "ngx_sandbox_db_private.h"


#define SIZE   2
#define QUEUE  3

typedef enum { PENDING = 0, AT_ONCE, REFUSED } played_e;


static ngx_sandbox_db_pool_t        *pool;
static played_e                      opening, executing;
static ngx_sandbox_db_status_e       refusal;
static ngx_uint_t                    opened, closed, executed, quiet;
static ngx_sandbox_db_connection_t  *last;
static ngx_sandbox_db_op_t           ops[100];
static ngx_sandbox_db_op_t          *called[100];
static ngx_uint_t                    ncalled;


/* the connections */

static void
play_connected(ngx_sandbox_db_connection_t *c)
{
    c->established = 1;
    ngx_sandbox_db_pool_connected(c);
}


static void
play_failed(ngx_sandbox_db_connection_t *c, ngx_sandbox_db_status_e status)
{
    ngx_str_t  *text;

    text = unit_text("it failed");

    ngx_sandbox_db_connection_close(c);
    ngx_sandbox_db_pool_failed(pool, status, text);
}


void
ngx_sandbox_db_connection_open(ngx_sandbox_db_pool_t *p)
{
    ngx_sandbox_db_connection_t  *c;

    opened++;

    c = calloc(1, sizeof(ngx_sandbox_db_connection_t));
    assert_non_null(c);

    c->pool = p;
    ngx_queue_insert_tail(&p->connections, &c->queue);
    p->total++;
    p->connecting++;
    last = c;

    if (opening == AT_ONCE) {
        play_connected(c);

    } else if (opening == REFUSED) {
        play_failed(c, refusal);
    }
}


void
ngx_sandbox_db_connection_close(ngx_sandbox_db_connection_t *c)
{
    closed++;

    ngx_queue_remove(&c->queue);
    pool->total--;

    if (c->established) {
        pool->open--;

    } else {
        pool->connecting--;
    }

    if (c->state == NGX_SANDBOX_DB_IDLE) {
        ngx_queue_remove(&c->idle);
    }

    free(c);

    ngx_sandbox_db_pool_closed(pool);
}


ngx_uint_t
ngx_sandbox_db_connection_is_quiet(ngx_sandbox_db_connection_t *c)
{
    return quiet;
}


ngx_int_t
ngx_sandbox_db_connection_watch(ngx_sandbox_db_connection_t *c, int wait)
{
    return NGX_OK;
}


void
ngx_sandbox_db_connection_die(ngx_sandbox_db_connection_t *c,
    ngx_sandbox_db_status_e status, char *text)
{
    ngx_queue_remove(&c->idle);
    c->state = NGX_SANDBOX_DB_DEAD;
}


void
ngx_sandbox_db_connection_deadline(ngx_sandbox_db_connection_t *c,
    ngx_msec_t timeout, ngx_uint_t cancelable)
{
    assert_int_equal(cancelable, 1);
    assert_int_equal(timeout, 60000);
}


void
ngx_sandbox_fd_idle(ngx_sandbox_fd_t *w, ngx_uint_t idle)
{
    assert_int_equal(idle, 1);
}


static void
play_done(ngx_sandbox_db_op_t *op)
{
    ngx_sandbox_db_connection_t  *c;

    c = op->connection;
    c->op = NULL;

    ngx_sandbox_db_pool_done(pool, op);
    ngx_sandbox_db_pool_idle(c);

    if (c->state == NGX_SANDBOX_DB_DEAD) {
        ngx_sandbox_db_connection_close(c);
    }
}


void
ngx_sandbox_db_execute(ngx_sandbox_db_connection_t *c, ngx_sandbox_db_op_t *op)
{
    executed++;

    assert_int_equal(c->state, NGX_SANDBOX_DB_IDLE);

    ngx_queue_remove(&c->idle);
    c->state = NGX_SANDBOX_DB_BUSY;
    c->op = op;
    op->connection = c;

    if (executing == AT_ONCE) {
        play_done(op);
    }
}


/* the event loop */

static void
posted(void)
{
    ngx_event_process_posted(&unit_cycle, &ngx_posted_events);
}


static void
pass(ngx_msec_t ms)
{
    ngx_current_msec += ms;
    ngx_event_expire_timers();
    posted();
}


static void
handler(ngx_sandbox_db_op_t *op)
{
    called[ncalled++] = op;
}


static int
setup(void **state)
{
    ngx_sandbox_db_conf_t  conf;

    if (ngx_sandbox_unit_setup(state) != 0) {
        return -1;
    }

    /* what the pool logs is not this test's subject */

    unit_log.log_level = NGX_LOG_EMERG;

    ngx_event_timer_init(&unit_log);
    ngx_queue_init(&ngx_posted_events);
    ngx_queue_init(&ngx_posted_next_events);
    ngx_current_msec = 100000;

    ngx_memzero(&conf, sizeof(conf));
    ngx_str_set(&conf.socket, "/no/such.sock");
    ngx_str_set(&conf.password, "secret");
    conf.size = SIZE;
    conf.queue = QUEUE;
    conf.connect_timeout = 500;
    conf.wait_timeout = 1000;
    conf.query_timeout = 5000;
    conf.idle_timeout = 60000;

    pool = ngx_sandbox_db_pool_create(&conf, 1, 1, &unit_log);

    opening = PENDING;
    executing = PENDING;
    refusal = NGX_SANDBOX_DB_UNAVAILABLE;
    opened = 0;
    closed = 0;
    executed = 0;
    quiet = 1;
    ncalled = 0;
    ngx_memzero(ops, sizeof(ops));

    return pool ? 0 : -1;
}


static int
teardown(void **state)
{
    if (pool) {
        ngx_sandbox_db_pool_destroy(pool);
        pool = NULL;
    }

    /* nothing that would fire or run into freed memory is left behind */

    if (ngx_event_find_timer() != NGX_TIMER_INFINITE
        || !ngx_queue_empty(&ngx_posted_events)
        || !ngx_queue_empty(&ngx_posted_next_events)
        || opened != closed)
    {
        return -1;
    }

    return ngx_sandbox_unit_teardown(state);
}


#define pool_test(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)


#endif /* _NGX_SANDBOX_DB_PLAY_H_INCLUDED_ */
