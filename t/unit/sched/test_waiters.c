
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Would catch: a change that is lost between adding and waiting, a waiter that
 * is woken twice or by another id, a database that gets all questions at once
 * when many are woken, one who is never woken after an overrun, a worker that
 * cannot leave, a waiter that is removed and touched again.
 */


#include "ngx_sandbox_unit.h"
#include "ngx_sandbox_waiters.h"


#define RING  50


static ngx_sandbox_zone_t      zone;
static ngx_slab_pool_t         shpool;
static ngx_sandbox_waiters_t  *waiters;
static ngx_connection_t        connection;
static ngx_uint_t              calls;
static ngx_uint_t              sync_end;


static ngx_str_t  id_a = ngx_string("a");
static ngx_str_t  id_b = ngx_string("b");


static void
start(ngx_uint_t max)
{
    ngx_memzero(&shpool, sizeof(ngx_slab_pool_t));
    assert_int_equal(ngx_shmtx_create(&shpool.mutex, &shpool.lock, NULL),
                     NGX_OK);

    zone.shpool = &shpool;
    zone.changes = ngx_pcalloc(unit_pool, ngx_sandbox_changes_size(RING));
    assert_non_null(zone.changes);
    ngx_sandbox_changes_init(zone.changes, RING);

    assert_int_equal(ngx_event_timer_init(&unit_log), NGX_OK);
    ngx_queue_init(&ngx_posted_events);

    connection.fd = -1;
    calls = 0;
    sync_end = 0;
    ngx_exiting = 0;

    waiters = ngx_sandbox_waiters_create(&zone, max, &unit_log);
    assert_non_null(waiters);
}


static void
stop(void)
{
    assert_int_equal(ngx_sandbox_waiters_count(waiters), 0);
    ngx_sandbox_waiters_destroy(waiters);
    assert_int_equal(ngx_event_no_timers_left(), NGX_OK);
    ngx_shmtx_destroy(&shpool.mutex);
    ngx_exiting = 0;
}


static void
woken(ngx_sandbox_waiter_t *w)
{
    (*(ngx_uint_t *) w->data)++;
    calls++;

    if (sync_end) {
        ngx_sandbox_waiter_remove(w);
    }
}


static ngx_sandbox_waiter_t *
waiter(ngx_str_t *id, ngx_msec_t timeout)
{
    ngx_sandbox_waiter_t  *w;

    w = ngx_pcalloc(unit_pool, sizeof(ngx_sandbox_waiter_t));
    assert_non_null(w);

    w->handler = woken;
    w->data = ngx_pcalloc(unit_pool, sizeof(ngx_uint_t));
    w->connection = &connection;

    assert_int_equal(ngx_sandbox_waiter_add(waiters, w, id, timeout), NGX_OK);

    return w;
}


static ngx_uint_t
times(ngx_sandbox_waiter_t *w)
{
    return *(ngx_uint_t *) w->data;
}


static void
turn(ngx_msec_t ms)
{
    ngx_current_msec += ms;

    ngx_event_expire_timers();
    ngx_event_process_posted(&unit_cycle, &ngx_posted_events);
}


/* what another worker does */

static void
elsewhere(ngx_str_t *id)
{
    ngx_sandbox_changes_publish(&zone, id);
}


static void
test_wake(void **state)
{
    ngx_sandbox_waiter_t  *a, *b;

    start(10);
    a = waiter(&id_a, 1000);
    b = waiter(&id_b, 1000);

    assert_int_equal(ngx_sandbox_waiter_wait(a), NGX_AGAIN);
    assert_int_equal(ngx_sandbox_waiter_wait(b), NGX_AGAIN);

    turn(100);
    assert_int_equal(calls, 0);

    /* of this worker: in this turn, and not from inside */

    ngx_sandbox_waiters_publish(waiters, &id_a);
    assert_int_equal(calls, 0);
    turn(0);
    assert_int_equal(times(a), 1);

    /* and once */

    turn(20);
    assert_int_equal(calls, 1);

    /* of another one: with the next tick */

    elsewhere(&id_b);
    turn(0);
    assert_int_equal(times(b), 0);
    turn(10);
    assert_int_equal(times(b), 1);
    assert_int_equal(calls, 2);

    /* it looked, and is not content */

    assert_int_equal(ngx_sandbox_waiter_wait(b), NGX_AGAIN);
    elsewhere(&id_b);
    turn(10);
    assert_int_equal(times(b), 2);
    assert_false(ngx_sandbox_waiter_expired(b));

    ngx_sandbox_waiter_remove(a);
    ngx_sandbox_waiter_remove(a);
    ngx_sandbox_waiter_remove(b);

    ngx_sandbox_waiters_publish(waiters, &id_b);
    turn(20);
    assert_int_equal(calls, 3);

    stop();
}


static void
test_between(void **state)
{
    ngx_sandbox_waiter_t  *a;

    start(10);
    elsewhere(&id_a);
    a = waiter(&id_a, 1000);

    /* that was before; what follows is while it looks */

    turn(10);
    assert_int_equal(ngx_sandbox_waiter_wait(a), NGX_AGAIN);
    elsewhere(&id_a);
    turn(10);
    assert_int_equal(calls, 1);

    elsewhere(&id_a);
    turn(10);
    assert_int_equal(calls, 1);
    assert_int_equal(ngx_sandbox_waiter_wait(a), NGX_OK);
    assert_int_equal(ngx_sandbox_waiter_wait(a), NGX_AGAIN);

    ngx_sandbox_waiter_remove(a);
    stop();
}


static void
test_two_ids(void **state)
{
    ngx_sandbox_waiter_t  *a, *c;

    start(10);
    a = waiter(&id_a, 1000);

    /* missed before it was known that this one counts, seen or not */

    elsewhere(&id_b);
    turn(10);
    ngx_sandbox_waiter_also(a, &id_b);
    assert_int_equal(ngx_sandbox_waiter_wait(a), NGX_OK);
    assert_int_equal(ngx_sandbox_waiter_wait(a), NGX_AGAIN);

    elsewhere(&id_b);
    turn(10);
    assert_int_equal(times(a), 1);
    assert_int_equal(ngx_sandbox_waiter_wait(a), NGX_AGAIN);
    elsewhere(&id_a);
    turn(10);
    assert_int_equal(times(a), 2);

    /* what was before it was added is none of its business */

    c = waiter(&id_a, 1000);
    ngx_sandbox_waiter_also(c, &id_b);
    assert_int_equal(ngx_sandbox_waiter_wait(c), NGX_AGAIN);

    ngx_sandbox_waiter_remove(a);
    ngx_sandbox_waiter_remove(c);
    stop();
}


static void
test_timeout(void **state)
{
    ngx_sandbox_waiter_t  *a, *b;

    start(10);
    a = waiter(&id_a, 50);
    b = waiter(&id_b, 50);
    assert_int_equal(ngx_sandbox_waiter_wait(a), NGX_AGAIN);

    turn(49);
    assert_int_equal(calls, 0);
    turn(1);
    assert_int_equal(times(a), 1);
    assert_true(ngx_sandbox_waiter_expired(a));
    assert_int_equal(ngx_sandbox_waiter_wait(a), NGX_DONE);

    /* the other one was still looking */

    assert_int_equal(times(b), 0);
    assert_int_equal(ngx_sandbox_waiter_wait(b), NGX_DONE);

    ngx_sandbox_waiter_remove(a);
    ngx_sandbox_waiter_remove(b);
    stop();
}


static void
test_bound(void **state)
{
    ngx_sandbox_waiter_t  *a, *b, c;

    start(2);
    a = waiter(&id_a, 1000);
    b = waiter(&id_a, 1000);

    ngx_memzero(&c, sizeof(ngx_sandbox_waiter_t));
    assert_int_equal(ngx_sandbox_waiter_add(waiters, &c, &id_a, 10),
                     NGX_DECLINED);
    ngx_sandbox_waiter_remove(&c);
    assert_int_equal(ngx_sandbox_waiters_count(waiters), 2);

    ngx_sandbox_waiter_remove(a);
    a = waiter(&id_a, 1000);

    ngx_sandbox_waiter_remove(a);
    ngx_sandbox_waiter_remove(b);
    stop();
}


static void
many(ngx_sandbox_waiter_t **w, ngx_uint_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        w[i] = waiter(&id_a, 100000);
        assert_int_equal(ngx_sandbox_waiter_wait(w[i]), NGX_AGAIN);
    }
}


/* 100 look at a time; who has done makes room for the next */

static void
test_turns(void **state)
{
    ngx_uint_t             i;
    ngx_sandbox_waiter_t  *w[250];

    start(250);
    many(w, 250);

    ngx_sandbox_waiters_publish(waiters, &id_a);
    turn(0);
    assert_int_equal(calls, 100);
    turn(50);
    assert_int_equal(calls, 100);

    /* in the order in which they came */

    assert_int_equal(times(w[99]), 1);
    assert_int_equal(times(w[100]), 0);

    for (i = 0; i < 30; i++) {
        ngx_sandbox_waiter_remove(w[i]);
    }

    for (i = 30; i < 60; i++) {
        assert_int_equal(ngx_sandbox_waiter_wait(w[i]), NGX_AGAIN);
    }

    turn(0);
    assert_int_equal(calls, 160);

    /* one that is removed while it is ready is not woken */

    ngx_sandbox_waiter_remove(w[200]);

    for (i = 60; i < 160; i++) {
        ngx_sandbox_waiter_remove(w[i]);
    }

    turn(0);
    assert_int_equal(calls, 249);
    assert_int_equal(times(w[200]), 0);

    for (i = 0; i < 250; i++) {
        ngx_sandbox_waiter_remove(w[i]);
    }

    stop();
}


/* those that have come take turns with those that were woken */

static void
test_first_turns(void **state)
{
    ngx_uint_t             i;
    ngx_sandbox_waiter_t  *w[150], *a;

    start(250);

    for (i = 0; i < 150; i++) {
        w[i] = waiter(&id_a, 100000);
        assert_int_equal(ngx_sandbox_waiter_turn(w[i]),
                         i < 100 ? NGX_OK : NGX_AGAIN);
    }

    a = waiter(&id_b, 100000);
    assert_int_equal(ngx_sandbox_waiter_wait(a), NGX_AGAIN);
    ngx_sandbox_waiters_publish(waiters, &id_b);

    turn(20);
    assert_int_equal(calls, 0);

    /* one that has its turn keeps it, also where it does not wait any more */

    assert_int_equal(ngx_sandbox_waiter_turn(w[0]), NGX_OK);
    ngx_sandbox_waiter_stop(w[0]);
    ngx_sandbox_waiter_stop(w[0]);
    turn(20);
    assert_int_equal(calls, 0);
    assert_int_equal(ngx_sandbox_waiters_count(waiters), 150);

    ngx_sandbox_waiter_remove(w[0]);
    turn(20);
    assert_int_equal(calls, 1);
    assert_int_equal(times(w[100]), 1);
    assert_int_equal(ngx_sandbox_waiters_count(waiters), 150);

    /* in a pause the others go on, and it comes last */

    ngx_sandbox_waiter_yield(w[1]);
    assert_int_equal(ngx_sandbox_waiter_turn(w[1]), NGX_AGAIN);

    for (i = 2; i < 60; i++) {
        ngx_sandbox_waiter_remove(w[i]);
    }

    turn(20);
    assert_int_equal(times(w[149]), 1);
    assert_int_equal(times(a), 1);
    assert_int_equal(times(w[1]), 1);
    assert_int_equal(calls, 52);

    for (i = 0; i < 150; i++) {
        ngx_sandbox_waiter_remove(w[i]);
    }

    ngx_sandbox_waiter_remove(a);
    stop();
}


/* whose time is over waits for a turn, but not for ever */

static void
test_late(void **state)
{
    ngx_uint_t             i;
    ngx_sandbox_waiter_t  *w[101];

    start(250);

    for (i = 0; i < 101; i++) {
        w[i] = waiter(&id_a, 50);
        (void) ngx_sandbox_waiter_turn(w[i]);
    }

    turn(50);
    turn(1990);
    assert_int_equal(calls, 0);
    turn(10);
    assert_int_equal(calls, 1);
    assert_int_equal(times(w[100]), 1);
    assert_true(ngx_sandbox_waiter_expired(w[100]));

    turn(3000);
    assert_int_equal(calls, 1);

    for (i = 0; i < 101; i++) {
        ngx_sandbox_waiter_remove(w[i]);
    }

    stop();
}


/* those that end at once do not keep the worker in one turn for ever */

static void
test_ended_inside(void **state)
{
    ngx_sandbox_waiter_t  *w[250];

    start(250);
    many(w, 250);
    sync_end = 1;

    ngx_sandbox_waiters_publish(waiters, &id_a);
    turn(0);
    assert_int_equal(calls, 250);
    assert_int_equal(ngx_sandbox_waiters_count(waiters), 0);

    turn(10);
    stop();
}


static void
test_overrun(void **state)
{
    ngx_uint_t             i;
    ngx_sandbox_waiter_t  *a, *b;

    start(10);
    a = waiter(&id_a, 1000);
    b = waiter(&id_a, 1000);
    assert_int_equal(ngx_sandbox_waiter_wait(a), NGX_AGAIN);

    for (i = 0; i <= RING; i++) {
        elsewhere(&id_b);
    }

    turn(10);
    assert_int_equal(times(a), 1);
    assert_int_equal(ngx_sandbox_waiter_wait(a), NGX_AGAIN);

    /* and one that was looking looks again */

    assert_int_equal(ngx_sandbox_waiter_wait(b), NGX_OK);
    assert_int_equal(ngx_sandbox_waiter_wait(b), NGX_AGAIN);

    /* once: the ring is in order again */

    turn(50);
    assert_int_equal(calls, 1);

    ngx_sandbox_waiter_remove(a);
    ngx_sandbox_waiter_remove(b);
    stop();
}


/* a worker that leaves: all are told, and nobody waits any more */

static void
test_leaving(void **state)
{
    ngx_sandbox_waiter_t  *a, *b;

    start(10);
    a = waiter(&id_a, 100000);
    assert_int_equal(ngx_sandbox_waiter_wait(a), NGX_AGAIN);

    /* the waiter keeps the worker, the tick does not */

    assert_int_equal(ngx_event_no_timers_left(), NGX_AGAIN);

    ngx_exiting = 1;
    turn(10);
    assert_int_equal(calls, 1);
    assert_true(ngx_sandbox_waiter_expired(a));

    b = waiter(&id_b, 100000);
    assert_int_equal(ngx_sandbox_waiter_wait(b), NGX_DONE);

    ngx_sandbox_waiter_remove(a);
    ngx_sandbox_waiter_remove(b);
    assert_int_equal(ngx_event_no_timers_left(), NGX_OK);
    stop();
}


/* a stream: not counted, without a time, and also in a worker that leaves */

static void
test_stream(void **state)
{
    ngx_sandbox_waiter_t  *a, w;

    start(1);

    ngx_memzero(&w, sizeof(ngx_sandbox_waiter_t));
    w.handler = woken;
    w.data = &(ngx_uint_t) { 0 };
    w.connection = &connection;
    w.uncounted = 1;
    w.stays = 1;

    assert_int_equal(ngx_sandbox_waiter_add(waiters, &w, &id_a,
                                            NGX_TIMER_INFINITE), NGX_OK);
    assert_int_equal(ngx_sandbox_waiters_count(waiters), 0);
    assert_int_equal(ngx_event_no_timers_left(), NGX_OK);

    a = waiter(&id_b, 1000);
    assert_int_equal(ngx_sandbox_waiters_count(waiters), 1);
    ngx_sandbox_waiter_remove(a);

    assert_int_equal(ngx_sandbox_waiter_wait(&w), NGX_AGAIN);
    turn(100000);
    assert_int_equal(calls, 0);
    elsewhere(&id_a);
    turn(10);
    assert_int_equal(calls, 1);
    assert_int_equal(ngx_sandbox_waiter_wait(&w), NGX_AGAIN);

    /* that it leaves is a change, since another zone may count by now */

    ngx_exiting = 1;
    turn(10);
    assert_int_equal(calls, 2);
    assert_false(ngx_sandbox_waiter_expired(&w));
    assert_int_equal(ngx_sandbox_waiter_wait(&w), NGX_AGAIN);

    ngx_sandbox_waiters_publish(waiters, &id_a);
    turn(0);
    assert_int_equal(calls, 3);

    ngx_sandbox_waiter_remove(&w);
    stop();
}


static const struct CMUnitTest  tests[] = {
    ngx_sandbox_unit_test(test_wake),
    ngx_sandbox_unit_test(test_between),
    ngx_sandbox_unit_test(test_two_ids),
    ngx_sandbox_unit_test(test_timeout),
    ngx_sandbox_unit_test(test_bound),
    ngx_sandbox_unit_test(test_turns),
    ngx_sandbox_unit_test(test_first_turns),
    ngx_sandbox_unit_test(test_late),
    ngx_sandbox_unit_test(test_ended_inside),
    ngx_sandbox_unit_test(test_overrun),
    ngx_sandbox_unit_test(test_leaving),
    ngx_sandbox_unit_test(test_stream),
};

ngx_sandbox_unit_main(tests)
