
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Who waits for a change, in one worker: requests that hold nothing else.
 *
 * A waiter is added before the row is read, and waits if the row is not as it
 * should be; whatever changes in between makes it look again.  While there are
 * waiters, the worker looks at the zone's ring of changes every 10 ms, and at
 * once after a change of its own; what that costs grows with the changes, not
 * with the waiters.  MariaDB is asked only by those that were woken.
 *
 * Not more than 100 look at a time, however many have come, were woken, or have
 * no time left: the others follow in their order.  A turn lasts until its owner
 * waits again or is removed.  So neither those that come at once, nor one
 * change that all wait for, nor a ring that was overrun, nor a worker that
 * leaves fills the queue of the database.  Whose time is over for 2 s has his
 * turn whatever the others do: then the database does not answer.
 */


#ifndef _NGX_SANDBOX_WAITERS_H_INCLUDED_
#define _NGX_SANDBOX_WAITERS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_sandbox_zone.h"


#define NGX_SANDBOX_WAITER_IDS  2


typedef struct ngx_sandbox_waiters_s  ngx_sandbox_waiters_t;
typedef struct ngx_sandbox_waiter_s   ngx_sandbox_waiter_t;

typedef void (*ngx_sandbox_waiter_handler_pt)(ngx_sandbox_waiter_t *w);


/* what a waiter is found by */
typedef struct {
    ngx_queue_t                      queue;
    ngx_str_t                        id;
    ngx_sandbox_waiter_t            *waiter;
} ngx_sandbox_waiter_id_t;


struct ngx_sandbox_waiter_s {
    /* zeroed and set by the caller, in memory that lives until it is removed */
    ngx_sandbox_waiter_handler_pt    handler;
    void                            *data;
    ngx_connection_t                *connection;   /* for the timer's log */
    ngx_uint_t                       uncounted;    /* bounded elsewhere */
    ngx_uint_t                       stays;        /* goes on in a worker that
                                                      leaves, which has to stay
                                                      for other reasons */

    /* the registry's own */
    ngx_sandbox_waiters_t           *waiters;      /* NULL: not added */
    ngx_sandbox_waiter_id_t          ids[NGX_SANDBOX_WAITER_IDS];
    ngx_uint_t                       n;
    ngx_queue_t                      queue;
    ngx_event_t                      timer;
    ngx_atomic_uint_t                since;        /* of the ring, when added */
    unsigned                         waiting:1;
    unsigned                         ready:1;
    unsigned                         changed:1;
    unsigned                         expired:1;
    unsigned                         woken:1;      /* one of the 100 */
};


/* One a worker; "max" waiters at most.  NULL: no memory. */
ngx_sandbox_waiters_t *ngx_sandbox_waiters_create(ngx_sandbox_zone_t *zone,
    ngx_uint_t max, ngx_log_t *log);
void ngx_sandbox_waiters_destroy(ngx_sandbox_waiters_t *waiters);

ngx_uint_t ngx_sandbox_waiters_count(ngx_sandbox_waiters_t *waiters);

/*
 * A row with this id has changed: wakes those that wait for it, here in this
 * turn of the event loop and in other workers within 10 ms.  Handlers are not
 * called from inside.
 */
void ngx_sandbox_waiters_publish(ngx_sandbox_waiters_t *waiters,
    const ngx_str_t *id);


/*
 * From now on no change of "id" is missed; the bytes must live as long as the
 * waiter.  NGX_DECLINED: there are too many of those that are counted.  A
 * timeout of NGX_TIMER_INFINITE is none.
 */
ngx_int_t ngx_sandbox_waiter_add(ngx_sandbox_waiters_t *waiters,
    ngx_sandbox_waiter_t *w, const ngx_str_t *id, ngx_msec_t timeout);

/*
 * Waits for the changes of another id as well, and for those that it has missed
 * since it was added.
 */
void ngx_sandbox_waiter_also(ngx_sandbox_waiter_t *w, const ngx_str_t *id);

/*
 * Before the first look, and after a pause.  NGX_OK: it is its turn; NGX_AGAIN:
 * the handler will be called when it is.
 */
ngx_int_t ngx_sandbox_waiter_turn(ngx_sandbox_waiter_t *w);

/* For a pause: the others may look. */
void ngx_sandbox_waiter_yield(ngx_sandbox_waiter_t *w);

/*
 * NGX_AGAIN: the handler will be called once, when there was a change or the
 * time is over.  NGX_OK: there was one already.  NGX_DONE: the time is over, or
 * the worker is about to leave.
 */
ngx_int_t ngx_sandbox_waiter_wait(ngx_sandbox_waiter_t *w);

/* It does not wait any longer, but has its turn until it is removed. */
void ngx_sandbox_waiter_stop(ngx_sandbox_waiter_t *w);

/* May be repeated, and called from the handler. */
void ngx_sandbox_waiter_remove(ngx_sandbox_waiter_t *w);

/* Is its time over, or is the worker about to leave? */
ngx_uint_t ngx_sandbox_waiter_expired(ngx_sandbox_waiter_t *w);


#endif /* _NGX_SANDBOX_WAITERS_H_INCLUDED_ */
