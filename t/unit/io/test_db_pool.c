
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The pool's queue, deadlines and back-off over connections that are played
 * here; timers and posted events are nginx's own, the clock is ours.  Would
 * catch: an operation that is never ended, or ended from inside the call that
 * started it; a queue without a bound; an outage that the pool does not leave
 * by itself; a timer that lets a worker leave too early, or keeps it.
 */


#include "ngx_sandbox_db_play.h"


static ngx_sandbox_db_stmt_t  stmt = { "test", ngx_string("SELECT 1"),
                                       0, 0, 0, 0, 0, 0 };


static ngx_int_t
start(ngx_uint_t i)
{
    ops[i].stmt = &stmt;
    ops[i].pool = unit_pool;
    ops[i].log = &unit_log;
    ops[i].handler = handler;

    return ngx_sandbox_db_start(pool, &ops[i]);
}


static void
test_waits_for_the_first_connection(void **state)
{
    assert_int_equal(start(0), NGX_AGAIN);
    assert_int_equal(opened, 1);
    assert_int_equal(executed, 0);

    play_connected(last);
    ngx_sandbox_db_pool_dispatch(pool);
    assert_int_equal(executed, 1);

    play_done(&ops[0]);
    assert_int_equal(ncalled, 0);

    posted();
    assert_int_equal(ncalled, 1);
    assert_int_equal(ops[0].status, NGX_SANDBOX_DB_OK);
}


static void
test_done_at_once(void **state)
{
    opening = AT_ONCE;
    executing = AT_ONCE;

    assert_int_equal(start(0), NGX_DONE);
    assert_int_equal(start(0), NGX_DONE);
    posted();
    assert_int_equal(ncalled, 0);
    assert_int_equal(opened, 1);
}


static void
test_first_come_first_served(void **state)
{
    ngx_uint_t  i;

    opening = AT_ONCE;

    for (i = 0; i < SIZE + QUEUE; i++) {
        assert_int_equal(start(i), NGX_AGAIN);
    }

    assert_int_equal(opened, SIZE);
    assert_int_equal(executed, SIZE);

    /* the queue is full */

    assert_int_equal(start(50), NGX_DONE);
    assert_int_equal(ops[50].status, NGX_SANDBOX_DB_UNAVAILABLE);
    assert_text(&ops[50].message, "too many are waiting");

    for (i = 0; i < SIZE + QUEUE; i++) {
        assert_non_null(ops[i].connection);
        play_done(&ops[i]);
        ngx_sandbox_db_pool_dispatch(pool);
    }

    posted();
    assert_int_equal(ncalled, SIZE + QUEUE);
    assert_ptr_equal(called[SIZE], &ops[SIZE]);
    assert_ptr_equal(called[SIZE + QUEUE - 1], &ops[SIZE + QUEUE - 1]);
}


static void
test_last_used_first(void **state)
{
    void  *first, *second;

    opening = AT_ONCE;
    (void) start(0);
    (void) start(1);
    first = ops[0].connection;
    second = ops[1].connection;
    assert_ptr_not_equal(first, second);

    play_done(&ops[1]);
    play_done(&ops[0]);
    (void) start(2);
    assert_ptr_equal(ops[2].connection, first);
}


static void
test_deadline(void **state)
{
    opening = AT_ONCE;
    (void) start(0);
    (void) start(1);
    assert_int_equal(pool->wait_timer.cancelable, 1);

    (void) start(2);
    assert_int_equal(pool->wait_timer.cancelable, 0);
    pass(600);
    (void) start(3);

    pass(399);
    assert_int_equal(ncalled, 0);

    pass(1);
    assert_int_equal(ncalled, 1);
    assert_ptr_equal(called[0], &ops[2]);
    assert_int_equal(ops[2].status, NGX_SANDBOX_DB_UNAVAILABLE);
    assert_text(&ops[2].message, "no connection was free");

    pass(600);
    assert_ptr_equal(called[1], &ops[3]);
    assert_int_equal(pool->nwaiting, 0);
    assert_int_equal(pool->wait_timer.cancelable, 1);

    /* running ones are not the queue's business */

    assert_int_equal(ncalled, 2);
}


static void
test_cancel(void **state)
{
    ngx_sandbox_db_connection_t  *c;

    opening = AT_ONCE;
    (void) start(0);
    (void) start(1);
    (void) start(2);

    /* waiting */

    ngx_sandbox_db_cancel(pool, &ops[2]);
    assert_int_equal(pool->nwaiting, 0);

    /* running: the connection goes on without it */

    c = ops[0].connection;
    ngx_sandbox_db_cancel(pool, &ops[0]);
    assert_null(c->op);
    assert_null(ops[0].connection);
    ngx_sandbox_db_pool_idle(c);

    /* done, and not called yet */

    play_done(&ops[1]);
    ngx_sandbox_db_cancel(pool, &ops[1]);

    /* never started, and twice */

    ngx_sandbox_db_cancel(pool, &ops[90]);
    ngx_sandbox_db_cancel(pool, &ops[1]);

    pass(5000);
    assert_int_equal(ncalled, 0);
}


static void
test_repeat_is_first(void **state)
{
    ngx_sandbox_db_op_t          *op;
    ngx_sandbox_db_connection_t  *c;

    opening = AT_ONCE;
    (void) start(0);
    (void) start(1);
    (void) start(2);
    pass(900);

    op = &ops[0];
    c = op->connection;
    c->op = NULL;
    ngx_sandbox_db_pool_repeat(pool, op);
    ngx_sandbox_db_connection_close(c);

    opening = PENDING;
    ngx_sandbox_db_pool_dispatch(pool);
    play_connected(last);
    ngx_sandbox_db_pool_dispatch(pool);

    assert_non_null(ops[0].connection);
    assert_null(ops[2].connection);
}


/* it must not hide the deadline of the one that it overtakes */

static void
test_repeat_deadline(void **state)
{
    ngx_sandbox_db_connection_t  *c;

    opening = AT_ONCE;
    (void) start(0);
    (void) start(1);
    (void) start(2);
    pass(900);

    c = ops[0].connection;
    c->op = NULL;
    opening = PENDING;
    ngx_sandbox_db_pool_repeat(pool, &ops[0]);
    ngx_sandbox_db_connection_close(c);
    ngx_sandbox_db_pool_dispatch(pool);

    pass(100);
    assert_int_equal(ncalled, 2);
    assert_ptr_equal(called[0], &ops[0]);
    assert_ptr_equal(called[1], &ops[2]);
}


/* an idle connection is looked at before it gets an operation again */

static void
test_repeat_not_on_a_stale_one(void **state)
{
    ngx_sandbox_db_connection_t  *c;

    opening = AT_ONCE;
    (void) start(0);
    (void) start(1);
    play_done(&ops[1]);

    c = ops[0].connection;
    c->op = NULL;
    ngx_sandbox_db_pool_repeat(pool, &ops[0]);
    ngx_sandbox_db_connection_close(c);

    quiet = 0;
    opening = PENDING;
    ngx_sandbox_db_pool_dispatch(pool);
    assert_int_equal(opened, 3);
    assert_int_equal(closed, 2);
    assert_null(ops[0].connection);

    quiet = 1;
    play_connected(last);
    ngx_sandbox_db_pool_dispatch(pool);
    assert_non_null(ops[0].connection);
}


static void
test_outage(void **state)
{
    ngx_uint_t             i, n;
    ngx_sandbox_db_stat_t  stat;

    opening = REFUSED;
    assert_int_equal(start(0), NGX_DONE);
    assert_int_equal(ops[0].status, NGX_SANDBOX_DB_UNAVAILABLE);
    assert_text(&ops[0].message, "it failed");

    ngx_sandbox_db_stat(pool, &stat);
    assert_text(&stat.last_error, "it failed");

    /* the first pause: nobody waits, and nobody tries */

    assert_int_equal(start(1), NGX_DONE);
    assert_int_equal(opened, 1);
    assert_int_equal(pool->backoff_timer.cancelable, 1);

    pass(37);
    assert_int_equal(opened, 1);
    pass(13);
    assert_int_equal(opened, 2);

    /* it grows up to two seconds, less a quarter at most */

    for (i = 0; i < 10; i++) {
        pass(2000);
    }

    n = opened;
    pass(1499);
    assert_int_equal(opened, n);
    pass(501);
    assert_int_equal(opened, n + 1);

    /* an attempt that hangs lets nobody wait */

    opening = PENDING;
    pass(2000);
    assert_int_equal(opened, n + 2);
    assert_int_equal(start(2), NGX_DONE);
    assert_int_equal(ops[2].status, NGX_SANDBOX_DB_UNAVAILABLE);

    play_connected(last);
    assert_int_equal(start(3), NGX_AGAIN);
    assert_int_equal(executed, 1);

    ngx_sandbox_db_stat(pool, &stat);
    assert_int_equal(stat.last_error.len, 0);
    assert_int_equal(stat.open, 1);
    assert_int_equal(stat.busy, 1);
}


static void
test_outage_ends_waiting(void **state)
{
    (void) start(0);
    (void) start(1);
    assert_int_equal(opened, 2);

    play_failed(last, NGX_SANDBOX_DB_UNAVAILABLE);
    posted();
    assert_int_equal(ncalled, 2);
    assert_int_equal(ops[1].status, NGX_SANDBOX_DB_UNAVAILABLE);

    /* connections that fail together are one failure */

    assert_int_equal(pool->failures, 1);
    play_failed(ngx_queue_data(ngx_queue_head(&pool->connections),
                               ngx_sandbox_db_connection_t, queue),
                NGX_SANDBOX_DB_UNAVAILABLE);
    assert_int_equal(pool->failures, 1);
}


/* it cannot grow, then loses what it has: it must still come back */

static void
test_outage_after_all(void **state)
{
    opening = AT_ONCE;
    (void) start(0);

    opening = REFUSED;
    assert_int_equal(start(1), NGX_AGAIN);
    assert_int_equal(opened, 2);
    assert_int_equal(ncalled, 0);

    play_done(&ops[0]);
    ngx_sandbox_db_pool_dispatch(pool);
    assert_int_equal(executed, 2);
    play_done(&ops[1]);
    pass(100);

    ngx_sandbox_db_connection_close(
                              ngx_queue_data(ngx_queue_head(&pool->idle),
                                        ngx_sandbox_db_connection_t, idle));

    assert_int_equal(start(2), NGX_DONE);

    opening = AT_ONCE;
    pass(2000);
    assert_int_equal(start(3), NGX_AGAIN);
}


static void
test_schema(void **state)
{
    opening = AT_ONCE;
    (void) start(0);
    (void) start(1);
    play_done(&ops[0]);

    /* one is idle, one busy, and a third attempt finds another schema */

    ngx_sandbox_db_connection_close(ops[1].connection);
    (void) start(2);
    opening = REFUSED;
    refusal = NGX_SANDBOX_DB_SCHEMA;
    assert_int_equal(start(3), NGX_DONE);
    assert_int_equal(ops[3].status, NGX_SANDBOX_DB_SCHEMA);
    assert_text(&ops[3].message, "it failed");
    assert_int_equal(start(4), NGX_DONE);
    assert_int_equal(ops[4].status, NGX_SANDBOX_DB_SCHEMA);

    /* the busy one is not used again */

    assert_int_equal(pool->open, 1);
    play_done(&ops[2]);
    assert_int_equal(pool->open, 0);

    opening = AT_ONCE;
    pass(2000);
    assert_int_equal(start(5), NGX_AGAIN);
}


static void
test_burst(void **state)
{
    ngx_uint_t  i;

    pool->conf.queue = 100;

    for (i = 0; i < 100; i++) {
        assert_int_equal(start(i), NGX_AGAIN);
    }

    executing = AT_ONCE;
    play_connected(last);
    ngx_sandbox_db_pool_dispatch(pool);

    assert_true(executed > 10 && executed < 50);
    posted();
    assert_int_equal(ncalled, executed);

    for (i = 0; i < 4; i++) {
        ngx_event_move_posted_next(&unit_cycle);
        posted();
    }

    assert_int_equal(ncalled, 100);
}


static void
test_destroy(void **state)
{
    ngx_uint_t  i;

    opening = AT_ONCE;

    for (i = 0; i < SIZE + QUEUE; i++) {
        (void) start(i);
    }

    play_done(&ops[0]);

    ngx_sandbox_db_pool_destroy(pool);
    pool = NULL;

    assert_int_equal(ncalled, SIZE + QUEUE);
    assert_int_equal(ops[0].status, NGX_SANDBOX_DB_OK);

    for (i = 1; i < SIZE + QUEUE; i++) {
        assert_int_equal(ops[i].status, NGX_SANDBOX_DB_UNAVAILABLE);
        assert_text(&ops[i].message, "the pool is closed");
    }
}


static void
test_session(void **state)
{
    assert_text(&pool->name, "unix:/no/such.sock");
    assert_non_null(strstr((char *) pool->init.data, "time_zone='+00:00'"));
    assert_non_null(strstr((char *) pool->init.data, "STRICT_ALL_TABLES"));
    assert_non_null(strstr((char *) pool->init.data,
                           "max_statement_time=4.500"));
}


static const struct CMUnitTest  tests[] = {
    pool_test(test_waits_for_the_first_connection),
    pool_test(test_done_at_once),
    pool_test(test_first_come_first_served),
    pool_test(test_last_used_first),
    pool_test(test_deadline),
    pool_test(test_cancel),
    pool_test(test_repeat_is_first),
    pool_test(test_repeat_deadline),
    pool_test(test_repeat_not_on_a_stale_one),
    pool_test(test_outage),
    pool_test(test_outage_ends_waiting),
    pool_test(test_outage_after_all),
    pool_test(test_schema),
    pool_test(test_burst),
    pool_test(test_destroy),
    pool_test(test_session),
};

ngx_sandbox_unit_main(tests)
