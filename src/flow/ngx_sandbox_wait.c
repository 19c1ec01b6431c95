
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Waits for a state.  The waiter is added first and then the row is looked at,
 * so whatever happens in between is not missed; it is looked at again only when
 * there was a change.  A session that ends takes its executions with it in one
 * statement, so who waits for one of those waits for its session as well.
 *
 * A state that has lapsed is settled by a flow of its own, whose change wakes
 * this one like any other.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_execution_flow.h"
#include "ngx_sandbox_execution_store.h"
#include "ngx_sandbox_op.h"
#include "ngx_sandbox_session_store.h"
#include "ngx_sandbox_wait.h"


/* when MariaDB was away, after a change */
#define NGX_SANDBOX_WAIT_PAUSE  500    /* ms */


static ngx_int_t ngx_sandbox_wait_begin(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_wait_go_on(ngx_sandbox_flow_t *f);
static void ngx_sandbox_wait_remove(void *data);
static ngx_int_t ngx_sandbox_wait_turn(ngx_sandbox_flow_t *f,
    ngx_sandbox_wait_t *w);
static ngx_int_t ngx_sandbox_wait_look(ngx_sandbox_flow_t *f,
    ngx_sandbox_wait_t *w);
static ngx_int_t ngx_sandbox_wait_looked(ngx_sandbox_flow_t *f,
    ngx_sandbox_wait_t *w);
static ngx_int_t ngx_sandbox_wait_failed(ngx_sandbox_flow_t *f,
    ngx_sandbox_wait_t *w);
static ngx_uint_t ngx_sandbox_wait_reached(ngx_sandbox_wait_t *w);


const ngx_sandbox_step_t  ngx_sandbox_wait_steps[] = {

    { "waiting for a change",
      ngx_sandbox_wait_begin,
      ngx_sandbox_wait_go_on, NULL },

      ngx_sandbox_null_step
};


static ngx_int_t
ngx_sandbox_wait_begin(ngx_sandbox_flow_t *f)
{
    return ngx_sandbox_wait_start(f, f->data);
}


static ngx_int_t
ngx_sandbox_wait_go_on(ngx_sandbox_flow_t *f)
{
    return ngx_sandbox_wait_next(f, f->data);
}


ngx_int_t
ngx_sandbox_wait_start(ngx_sandbox_flow_t *f, ngx_sandbox_wait_t *w)
{
    ngx_http_cleanup_t  *cln;

    /* whatever the flow is doing when the client leaves */

    cln = ngx_http_cleanup_add(f->request, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_sandbox_wait_remove;
    cln->data = &w->waiter;

    w->waiter.connection = f->connection;

    if (ngx_sandbox_waiter_add(f->node->waiters, &w->waiter, &w->id,
                               w->timeout)
        != NGX_OK)
    {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_TOO_MANY_REQUESTS,
                                     "too many requests wait: "
                                     "sandbox_max_waiters");
    }

    return ngx_sandbox_wait_turn(f, w);
}


static void
ngx_sandbox_wait_remove(void *data)
{
    ngx_sandbox_waiter_remove(data);
}


static ngx_int_t
ngx_sandbox_wait_turn(ngx_sandbox_flow_t *f, ngx_sandbox_wait_t *w)
{
    ngx_int_t  rc;

    rc = ngx_sandbox_op_turn(f, &w->waiter);

    return rc == NGX_OK ? ngx_sandbox_wait_look(f, w) : rc;
}


static ngx_int_t
ngx_sandbox_wait_look(ngx_sandbox_flow_t *f, ngx_sandbox_wait_t *w)
{
    w->looking = 1;

    ngx_sandbox_op_statement(f,
           w->kind == NGX_SANDBOX_WAIT_SESSION
           ? &ngx_sandbox_session_stmts[NGX_SANDBOX_SQL_SESSION_STATE]
           : &ngx_sandbox_execution_stmts[NGX_SANDBOX_SQL_EXECUTION_STATE]);
    ngx_sandbox_op_string(f, &w->id);

    return ngx_sandbox_op_query(f);
}


/* looks and waits take turns; the waiter ends with them */

ngx_int_t
ngx_sandbox_wait_next(ngx_sandbox_flow_t *f, ngx_sandbox_wait_t *w)
{
    ngx_int_t  rc;

    if (w->looking) {
        w->looking = 0;
        rc = ngx_sandbox_wait_looked(f, w);

    } else if (ngx_sandbox_waiter_expired(&w->waiter)) {
        rc = NGX_OK;

    } else {
        rc = ngx_sandbox_wait_turn(f, w);
    }

    if (rc != NGX_AGAIN && w->keep) {
        ngx_sandbox_waiter_stop(&w->waiter);

    } else if (rc != NGX_AGAIN) {
        ngx_sandbox_waiter_remove(&w->waiter);
    }

    return rc;
}


static ngx_int_t
ngx_sandbox_wait_looked(ngx_sandbox_flow_t *f, ngx_sandbox_wait_t *w)
{
    ngx_int_t   rc;
    ngx_str_t  *session, *overdue;

    if (f->op_rc != NGX_OK || ngx_sandbox_op_result(f)->rows == 0) {
        return ngx_sandbox_wait_failed(f, w);
    }

    w->status = *ngx_sandbox_op_value(f, NGX_SANDBOX_STATE_STATUS);

    if (ngx_sandbox_wait_reached(w)) {
        return NGX_OK;
    }

    session = ngx_sandbox_op_value(f, NGX_SANDBOX_STATE_SESSION);
    overdue = ngx_sandbox_op_value(f, NGX_SANDBOX_STATE_OVERDUE);

    if (!w->seen && w->kind == NGX_SANDBOX_WAIT_EXECUTION) {
        ngx_sandbox_waiter_also(&w->waiter, session);
    }

    w->seen = 1;

    if (ngx_sandbox_value_is(overdue, "1")) {
        (void) ngx_sandbox_op_hand_over(f,
                           w->kind == NGX_SANDBOX_WAIT_SESSION ? "sessions"
                                                               : "executions",
                           &w->id, "settle");
    }

    rc = ngx_sandbox_op_wait(f, &w->waiter);

    return rc == NGX_OK ? ngx_sandbox_wait_look(f, w)
           : rc == NGX_DONE ? NGX_OK
           : rc;
}


/* one that has waited goes on when MariaDB is back, if that is in time */

static ngx_int_t
ngx_sandbox_wait_failed(ngx_sandbox_flow_t *f, ngx_sandbox_wait_t *w)
{
    if (f->op_rc == NGX_OK) {
        return ngx_sandbox_flow_fail(f, w->kind == NGX_SANDBOX_WAIT_SESSION
                                        ? NGX_SANDBOX_SESSION_NOT_FOUND
                                        : NGX_SANDBOX_EXECUTION_NOT_FOUND,
                                     "no %s \"%V\"",
                                     w->kind == NGX_SANDBOX_WAIT_SESSION
                                     ? "session" : "execution", &w->id);
    }

    if (w->seen
        && f->error.id == NGX_SANDBOX_DATABASE_UNAVAILABLE
        && !ngx_sandbox_waiter_expired(&w->waiter))
    {
        f->error.id = NGX_SANDBOX_NO_ERROR;
        ngx_sandbox_waiter_yield(&w->waiter);

        return ngx_sandbox_op_delay(f, NGX_SANDBOX_WAIT_PAUSE);
    }

    return NGX_ERROR;
}


static ngx_uint_t
ngx_sandbox_wait_reached(ngx_sandbox_wait_t *w)
{
    if (w->kind == NGX_SANDBOX_WAIT_SESSION) {
        return !ngx_sandbox_value_is(&w->status, "creating");
    }

    return ngx_sandbox_execution_is_over(&w->status);
}
