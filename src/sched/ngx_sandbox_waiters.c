
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The waiters of a worker: see the header for what they promise.
 *
 * A waiter is in one of two queues: those that are idle, which look at their
 * row or wait, and those that are ready, which have their turn next.  The ids
 * of all of them are in a hash.
 *
 * One event does the work: it runs as a timer, and is posted where there is
 * something to do now.  The timer is cancelable; those of the waiters are not,
 * so a worker that leaves stays until they were answered, and this event sees
 * that it leaves.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_sandbox_waiters.h"


#define NGX_SANDBOX_WAITERS_TICK   10     /* ms */
#define NGX_SANDBOX_WAITERS_TURN   100    /* look at a time */
#define NGX_SANDBOX_WAITERS_SHARE  2      /* of them to a bucket */
#define NGX_SANDBOX_WAITERS_LATE   2000   /* ms */


struct ngx_sandbox_waiters_s {
    ngx_sandbox_zone_t     *zone;
    ngx_uint_t              max;
    ngx_uint_t              count;
    ngx_uint_t              uncounted;
    ngx_uint_t              woken;
    ngx_queue_t             idle;
    ngx_queue_t             ready;
    ngx_queue_t            *buckets;
    ngx_uint_t              mask;
    ngx_atomic_uint_t       seen;          /* of the ring */
    ngx_event_t             tick;
    ngx_connection_t        connection;    /* for the timer's log only */
    unsigned                leaving:1;
};


static ngx_queue_t *ngx_sandbox_waiters_bucket(ngx_sandbox_waiters_t *waiters,
    const ngx_str_t *id);
static ngx_uint_t ngx_sandbox_waiters_same(const ngx_str_t *one,
    const ngx_str_t *other);
static void ngx_sandbox_waiters_tick(ngx_event_t *ev);
static void ngx_sandbox_waiters_post(ngx_sandbox_waiters_t *waiters);
static void ngx_sandbox_waiters_look(ngx_sandbox_waiters_t *waiters);
static void ngx_sandbox_waiters_changed(ngx_sandbox_waiters_t *waiters,
    const ngx_str_t *id);
static void ngx_sandbox_waiters_wake_all(ngx_sandbox_waiters_t *waiters);
static void ngx_sandbox_waiters_run(ngx_sandbox_waiters_t *waiters);
static void ngx_sandbox_waiter_hash(ngx_sandbox_waiter_t *w,
    const ngx_str_t *id);
static void ngx_sandbox_waiters_call(ngx_sandbox_waiters_t *waiters,
    ngx_sandbox_waiter_t *w);
static void ngx_sandbox_waiter_wake(ngx_sandbox_waiter_t *w);
static void ngx_sandbox_waiter_ready(ngx_sandbox_waiter_t *w);
static void ngx_sandbox_waiter_timeout(ngx_event_t *ev);


#define ngx_sandbox_waiter_counter(w, waiters)                                \
    ((w)->uncounted ? &(waiters)->uncounted : &(waiters)->count)


ngx_sandbox_waiters_t *
ngx_sandbox_waiters_create(ngx_sandbox_zone_t *zone, ngx_uint_t max,
    ngx_log_t *log)
{
    ngx_uint_t              i, n;
    ngx_sandbox_waiters_t  *waiters;

    waiters = ngx_calloc(sizeof(ngx_sandbox_waiters_t), log);
    if (waiters == NULL) {
        return NULL;
    }

    for (n = 1; n * NGX_SANDBOX_WAITERS_SHARE < max; n <<= 1) { /* void */ }

    waiters->buckets = ngx_alloc(n * sizeof(ngx_queue_t), log);

    if (waiters->buckets == NULL) {
        ngx_free(waiters);
        return NULL;
    }

    for (i = 0; i < n; i++) {
        ngx_queue_init(&waiters->buckets[i]);
    }

    ngx_queue_init(&waiters->idle);
    ngx_queue_init(&waiters->ready);

    waiters->zone = zone;
    waiters->max = max;
    waiters->mask = n - 1;

    waiters->connection.fd = (ngx_socket_t) -1;
    waiters->connection.data = waiters;

    waiters->tick.data = &waiters->connection;
    waiters->tick.handler = ngx_sandbox_waiters_tick;
    waiters->tick.log = log;
    waiters->tick.cancelable = 1;

    return waiters;
}


void
ngx_sandbox_waiters_destroy(ngx_sandbox_waiters_t *waiters)
{
    if (waiters->tick.timer_set) {
        ngx_del_timer(&waiters->tick);
    }

    if (waiters->tick.posted) {
        ngx_delete_posted_event(&waiters->tick);
    }

    ngx_free(waiters->buckets);
    ngx_free(waiters);
}


ngx_uint_t
ngx_sandbox_waiters_count(ngx_sandbox_waiters_t *waiters)
{
    return waiters->count;
}


void
ngx_sandbox_waiters_publish(ngx_sandbox_waiters_t *waiters,
    const ngx_str_t *id)
{
    ngx_sandbox_changes_publish(waiters->zone, id);

    if (waiters->count || waiters->uncounted) {
        ngx_sandbox_waiters_post(waiters);
    }
}


ngx_int_t
ngx_sandbox_waiter_add(ngx_sandbox_waiters_t *waiters, ngx_sandbox_waiter_t *w,
    const ngx_str_t *id, ngx_msec_t timeout)
{
    if (!w->uncounted && waiters->count >= waiters->max) {
        return NGX_DECLINED;
    }

    if (waiters->count == 0 && waiters->uncounted == 0) {
        waiters->seen = ngx_sandbox_changes_newest(waiters->zone->changes);
    }

    (*ngx_sandbox_waiter_counter(w, waiters))++;

    w->waiters = waiters;
    w->since = waiters->seen;

    ngx_sandbox_waiter_hash(w, id);
    ngx_queue_insert_tail(&waiters->idle, &w->queue);

    w->timer.data = w->connection;
    w->timer.handler = ngx_sandbox_waiter_timeout;
    w->timer.log = waiters->tick.log;

    if (timeout != NGX_TIMER_INFINITE) {
        ngx_add_timer(&w->timer, timeout);
    }

    if (!waiters->tick.timer_set) {
        ngx_add_timer(&waiters->tick, NGX_SANDBOX_WAITERS_TICK);
    }

    return NGX_OK;
}


/* what the registry has seen since is of no use: the id was not in the hash */

void
ngx_sandbox_waiter_also(ngx_sandbox_waiter_t *w, const ngx_str_t *id)
{
    u_char                  buf[NGX_SANDBOX_ID_MAX];
    ngx_int_t               rc;
    ngx_str_t               changed;
    ngx_atomic_uint_t       generation;
    ngx_sandbox_waiters_t  *waiters;

    waiters = w->waiters;

    if (w->n == NGX_SANDBOX_WAITER_IDS) {
        return;
    }

    ngx_sandbox_waiter_hash(w, id);

    generation = w->since;

    while (generation != waiters->seen && !w->changed) {
        rc = ngx_sandbox_changes_read(waiters->zone->changes, &generation, buf,
                                      &changed);

        w->changed = (rc != NGX_OK || ngx_sandbox_waiters_same(&changed, id));
    }
}


ngx_int_t
ngx_sandbox_waiter_wait(ngx_sandbox_waiter_t *w)
{
    if (ngx_sandbox_waiter_expired(w)) {
        return NGX_DONE;
    }

    if (w->changed) {
        w->changed = 0;
        return NGX_OK;
    }

    w->waiting = 1;
    ngx_sandbox_waiter_yield(w);

    return NGX_AGAIN;
}


ngx_int_t
ngx_sandbox_waiter_turn(ngx_sandbox_waiter_t *w)
{
    ngx_sandbox_waiters_t  *waiters;

    waiters = w->waiters;

    if (w->woken) {
        return NGX_OK;
    }

    if (waiters->woken < NGX_SANDBOX_WAITERS_TURN
        && ngx_queue_empty(&waiters->ready))
    {
        w->changed = 0;
        w->woken = 1;
        waiters->woken++;

        return NGX_OK;
    }

    ngx_sandbox_waiter_ready(w);

    return NGX_AGAIN;
}


/* the next one's turn */

void
ngx_sandbox_waiter_yield(ngx_sandbox_waiter_t *w)
{
    ngx_sandbox_waiters_t  *waiters;

    waiters = w->waiters;

    if (!w->woken) {
        return;
    }

    w->woken = 0;
    waiters->woken--;

    if (!ngx_queue_empty(&waiters->ready)) {
        ngx_sandbox_waiters_post(waiters);
    }
}


void
ngx_sandbox_waiter_stop(ngx_sandbox_waiter_t *w)
{
    ngx_uint_t  i;

    if (w->n == 0) {
        return;
    }

    for (i = 0; i < w->n; i++) {
        ngx_queue_remove(&w->ids[i].queue);
    }

    ngx_queue_remove(&w->queue);

    if (w->timer.timer_set) {
        ngx_del_timer(&w->timer);
    }

    (*ngx_sandbox_waiter_counter(w, w->waiters))--;

    w->n = 0;
    w->waiting = 0;
    w->ready = 0;
}


void
ngx_sandbox_waiter_remove(ngx_sandbox_waiter_t *w)
{
    if (w->waiters == NULL) {
        return;
    }

    ngx_sandbox_waiter_stop(w);
    ngx_sandbox_waiter_yield(w);

    w->waiters = NULL;
}


ngx_uint_t
ngx_sandbox_waiter_expired(ngx_sandbox_waiter_t *w)
{
    return w->expired || (ngx_exiting && !w->stays);
}


static ngx_queue_t *
ngx_sandbox_waiters_bucket(ngx_sandbox_waiters_t *waiters, const ngx_str_t *id)
{
    return &waiters->buckets[ngx_murmur_hash2(id->data, id->len)
                             & waiters->mask];
}


static ngx_uint_t
ngx_sandbox_waiters_same(const ngx_str_t *one, const ngx_str_t *other)
{
    return one->len == other->len
           && ngx_memcmp(one->data, other->data, one->len) == 0;
}


static void
ngx_sandbox_waiters_tick(ngx_event_t *ev)
{
    ngx_sandbox_waiters_t  *waiters;

    waiters = ngx_queue_data(ev, ngx_sandbox_waiters_t, tick);

    if (ngx_exiting && !waiters->leaving) {
        waiters->leaving = 1;
        ngx_sandbox_waiters_wake_all(waiters);
    }

    ngx_sandbox_waiters_look(waiters);
    ngx_sandbox_waiters_run(waiters);

    if ((waiters->count || waiters->uncounted) && !ev->timer_set) {
        ngx_add_timer(ev, NGX_SANDBOX_WAITERS_TICK);
    }
}


static void
ngx_sandbox_waiters_post(ngx_sandbox_waiters_t *waiters)
{
    if (!waiters->tick.posted) {
        ngx_post_event(&waiters->tick, &ngx_posted_events);
    }
}


/* to the newest of now: those who write must not keep this worker here */

static void
ngx_sandbox_waiters_look(ngx_sandbox_waiters_t *waiters)
{
    u_char                  buf[NGX_SANDBOX_ID_MAX];
    ngx_int_t               rc;
    ngx_str_t               id;
    ngx_atomic_uint_t       newest;
    ngx_sandbox_changes_t  *changes;

    changes = waiters->zone->changes;
    newest = ngx_sandbox_changes_newest(changes);

    while ((ngx_atomic_int_t) (newest - waiters->seen) > 0) {

        rc = ngx_sandbox_changes_read(changes, &waiters->seen, buf, &id);

        if (rc == NGX_OK) {
            ngx_sandbox_waiters_changed(waiters, &id);
            continue;
        }

        ngx_sandbox_waiters_wake_all(waiters);
        break;
    }
}


static void
ngx_sandbox_waiters_changed(ngx_sandbox_waiters_t *waiters,
    const ngx_str_t *id)
{
    ngx_queue_t              *q, *bucket;
    ngx_sandbox_waiter_id_t  *key;

    bucket = ngx_sandbox_waiters_bucket(waiters, id);

    for (q = ngx_queue_head(bucket);
         q != ngx_queue_sentinel(bucket);
         q = ngx_queue_next(q))
    {
        key = ngx_queue_data(q, ngx_sandbox_waiter_id_t, queue);

        if (ngx_sandbox_waiters_same(&key->id, id)) {
            key->waiter->changed = 1;
            ngx_sandbox_waiter_wake(key->waiter);
        }
    }
}


static void
ngx_sandbox_waiters_wake_all(ngx_sandbox_waiters_t *waiters)
{
    ngx_queue_t           *q, *next;
    ngx_sandbox_waiter_t  *w;

    for (q = ngx_queue_head(&waiters->idle);
         q != ngx_queue_sentinel(&waiters->idle);
         q = next)
    {
        next = ngx_queue_next(q);
        w = ngx_queue_data(q, ngx_sandbox_waiter_t, queue);

        w->changed = 1;
        ngx_sandbox_waiter_wake(w);
    }
}


/* a handler may end its own waiter, now or later */

static void
ngx_sandbox_waiters_run(ngx_sandbox_waiters_t *waiters)
{
    ngx_uint_t             n;
    ngx_queue_t           *q;
    ngx_sandbox_waiter_t  *w;

    for (n = 0; n < NGX_SANDBOX_WAITERS_TURN; n++) {

        if (waiters->woken >= NGX_SANDBOX_WAITERS_TURN
            || ngx_queue_empty(&waiters->ready))
        {
            return;
        }

        q = ngx_queue_head(&waiters->ready);
        w = ngx_queue_data(q, ngx_sandbox_waiter_t, queue);

        ngx_sandbox_waiters_call(waiters, w);
    }
}


static void
ngx_sandbox_waiters_call(ngx_sandbox_waiters_t *waiters,
    ngx_sandbox_waiter_t *w)
{
    ngx_queue_remove(&w->queue);
    ngx_queue_insert_tail(&waiters->idle, &w->queue);

    w->ready = 0;
    w->changed = 0;
    w->woken = 1;
    waiters->woken++;

    w->handler(w);
}


static void
ngx_sandbox_waiter_hash(ngx_sandbox_waiter_t *w, const ngx_str_t *id)
{
    ngx_queue_t              *bucket;
    ngx_sandbox_waiter_id_t  *key;

    key = &w->ids[w->n++];

    key->id = *id;
    key->waiter = w;

    bucket = ngx_sandbox_waiters_bucket(w->waiters, id);
    ngx_queue_insert_tail(bucket, &key->queue);
}


/* one that still looks at its row will be told when it wants to wait */

static void
ngx_sandbox_waiter_wake(ngx_sandbox_waiter_t *w)
{
    if (!w->waiting) {
        return;
    }

    ngx_sandbox_waiter_ready(w);
}


static void
ngx_sandbox_waiter_ready(ngx_sandbox_waiter_t *w)
{
    w->waiting = 0;
    w->ready = 1;

    ngx_queue_remove(&w->queue);
    ngx_queue_insert_tail(&w->waiters->ready, &w->queue);
}


static void
ngx_sandbox_waiter_timeout(ngx_event_t *ev)
{
    ngx_sandbox_waiter_t  *w;

    w = ngx_queue_data(ev, ngx_sandbox_waiter_t, timer);

    if (w->ready && w->expired) {
        ngx_sandbox_waiters_call(w->waiters, w);
        return;
    }

    w->expired = 1;

    ngx_add_timer(&w->timer, NGX_SANDBOX_WAITERS_LATE);

    if (w->waiting) {
        ngx_sandbox_waiter_wake(w);
        ngx_sandbox_waiters_post(w->waiters);
    }
}
