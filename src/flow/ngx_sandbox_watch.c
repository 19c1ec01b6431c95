
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Watching an execution.  Its row says whether it is open; as long as it is,
 * the executor is followed, and asked again when that breaks; when it has
 * ended, the row has the rest.  So a client keeps its stream over a sandbox
 * that dies and an execution that is attempted again, and loses nothing.
 *
 * The row is looked at in the beginning, when the executor has no more to say,
 * and when the row was changed; in between MariaDB is not asked.  Changes of
 * which nobody was told, since the worker that made them was killed or the zone
 * is another one, are found by a look now and then.
 *
 * It outlives each of its queries by an hour, so these are no subrequests but
 * operations of its own, each with a pool that dies with the next one.  What
 * arrives only leaves a mark and calls the handler: everything changes inside
 * of ngx_sandbox_watch_next(), when nobody has an event any more.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_execution_flow.h"
#include "ngx_sandbox_execution_store.h"
#include "ngx_sandbox_session_dir.h"
#include "ngx_sandbox_token.h"
#include "ngx_sandbox_watch.h"


/* before trying again: at once, then doubled up to the second */
#define NGX_SANDBOX_WATCH_WAIT_MIN_MS  20
#define NGX_SANDBOX_WATCH_WAIT_MAX_MS  500

/* how often the row is looked at although it is not known to have changed */
#define NGX_SANDBOX_WATCH_CHECK_MS     15000

/* the same when it has, and how long the executor has for the rest */
#define NGX_SANDBOX_WATCH_CLOSING_MS   1000
#define NGX_SANDBOX_WATCH_CLOSED_MS    15000


static void ngx_sandbox_watch_listen(ngx_sandbox_watch_t *w);
static ngx_int_t ngx_sandbox_watch_retry(ngx_sandbox_watch_t *w);
static ngx_msec_t ngx_sandbox_watch_longer(ngx_sandbox_watch_t *w);
static ngx_int_t ngx_sandbox_watch_pause(ngx_sandbox_watch_t *w,
    ngx_sandbox_watch_event_t *ev);
static ngx_int_t ngx_sandbox_watch_apart(ngx_sandbox_watch_t *w,
    ngx_sandbox_watch_event_t *ev);
static ngx_int_t ngx_sandbox_watch_open(ngx_sandbox_watch_t *w);
static ngx_int_t ngx_sandbox_watch_uri(ngx_sandbox_watch_t *w,
    ngx_pool_t *pool, ngx_str_t *uri);
static ngx_int_t ngx_sandbox_watch_check(ngx_sandbox_watch_t *w);
static ngx_int_t ngx_sandbox_watch_frame(ngx_sandbox_watch_t *w,
    ngx_sandbox_watch_event_t *ev, ngx_sandbox_frame_t *frame);
static ngx_int_t ngx_sandbox_watch_broken(ngx_sandbox_watch_t *w);
static void ngx_sandbox_watch_follow_handler(ngx_sandbox_follow_t *f);
static void ngx_sandbox_watch_timer_handler(ngx_event_t *ev);
static void ngx_sandbox_watch_waiter_handler(ngx_sandbox_waiter_t *waiter);


void
ngx_sandbox_watch_start(ngx_sandbox_watch_t *w, const ngx_str_t *session_id)
{
    w->asked = w->last;
    w->session_id.data = w->session;

    w->timer.data = w->connection;
    w->timer.handler = ngx_sandbox_watch_timer_handler;
    w->timer.log = w->log;

    w->follow.handler = ngx_sandbox_watch_follow_handler;
    w->follow.data = w;
    w->follow.log = w->log;

    w->waiter.handler = ngx_sandbox_watch_waiter_handler;
    w->waiter.data = w;
    w->waiter.connection = w->connection;
    w->waiter.uncounted = 1;
    w->waiter.stays = 1;

    (void) ngx_sandbox_waiter_add(w->node->waiters, &w->waiter, &w->id,
                                  NGX_TIMER_INFINITE);

    w->phase = ngx_sandbox_watch_look;

    if (session_id) {
        ngx_sandbox_watch_session(w, session_id);
        ngx_sandbox_watch_attempt(w, 1);

        w->looked = ngx_current_msec;
        w->phase = ngx_sandbox_watch_follow;
    }
}


void
ngx_sandbox_watch_session(ngx_sandbox_watch_t *w, const ngx_str_t *session_id)
{
    if (w->session_id.len) {
        return;
    }

    w->session_id.len = ngx_min(session_id->len, NGX_SANDBOX_ID_MAX);
    ngx_memcpy(w->session, session_id->data, w->session_id.len);

    ngx_sandbox_waiter_also(&w->waiter, &w->session_id);
    ngx_sandbox_watch_listen(w);
}


/* it never has a turn for longer than this */

static void
ngx_sandbox_watch_listen(ngx_sandbox_watch_t *w)
{
    while (ngx_sandbox_waiter_wait(&w->waiter) == NGX_OK) {
        w->changed = 1;
    }
}


ngx_int_t
ngx_sandbox_watch_next(ngx_sandbox_watch_t *w, ngx_sandbox_watch_event_t *ev)
{
    ngx_int_t  rc;

    for ( ;; ) {

        if (w->retry) {
            ngx_memzero(ev, sizeof(ngx_sandbox_watch_event_t));

            w->retry = 0;
            w->last = w->base;

            ev->type = NGX_SANDBOX_WATCH_RETRY;
            ev->id = w->base;
            ev->attempt = w->attempt;

            return NGX_OK;
        }

        rc = w->phase(w, ev);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }
}


void
ngx_sandbox_watch_stop(ngx_sandbox_watch_t *w)
{
    ngx_sandbox_follow_close(&w->follow);
    ngx_sandbox_waiter_remove(&w->waiter);

    if (w->timer.timer_set) {
        ngx_del_timer(&w->timer);
    }

    if (w->reading) {
        w->reading = 0;
        ngx_sandbox_db_cancel(w->node->database, &w->op);
    }

    if (w->pool) {
        ngx_destroy_pool(w->pool);
        w->pool = NULL;
    }
}


/* a number from another attempt than this one is before or behind all of it */

void
ngx_sandbox_watch_attempt(ngx_sandbox_watch_t *w, ngx_int_t attempt)
{
    if (attempt == w->attempt) {
        return;
    }

    w->attempt = attempt;
    w->base = (uint64_t) (attempt - 1) * NGX_SANDBOX_WATCH_ATTEMPT;
    w->ended = 0;
    w->over = 0;
    w->live = 0;
    w->wait = 0;

    if (w->last < w->base) {
        w->retry = 1;
        w->number = 0;
        w->asked = 0;
        return;
    }

    w->number = ngx_min(w->last - w->base, NGX_SANDBOX_FRAME_NUMBER_MAX);
    w->asked = w->number;
}


ngx_int_t
ngx_sandbox_watch_record(ngx_sandbox_watch_t *w, ngx_sandbox_watch_event_t *ev,
    ngx_uint_t type, uint64_t number)
{
    w->number = number;
    w->last = w->base + number;
    w->live = 1;

    ev->type = type;
    ev->id = w->last;

    return NGX_OK;
}


ngx_int_t
ngx_sandbox_watch_again(ngx_sandbox_watch_t *w)
{
    ngx_msec_t  wait;

    wait = ngx_sandbox_watch_longer(w);

    if (wait == 0) {
        w->phase = ngx_sandbox_watch_look;
        return NGX_DECLINED;
    }

    ngx_sandbox_watch_timer(w, wait);
    w->phase = ngx_sandbox_watch_pause;

    return NGX_AGAIN;
}


/* MariaDB is asked only if the row has changed, or for the first time */

static ngx_int_t
ngx_sandbox_watch_retry(ngx_sandbox_watch_t *w)
{
    ngx_msec_t  wait;

    wait = ngx_sandbox_watch_longer(w);

    if (wait == 0 || w->changed) {
        w->phase = ngx_sandbox_watch_look;
        return NGX_DECLINED;
    }

    ngx_sandbox_watch_timer(w, wait);
    w->phase = ngx_sandbox_watch_apart;

    return NGX_AGAIN;
}


ngx_int_t
ngx_sandbox_watch_idle(ngx_sandbox_watch_t *w)
{
    ngx_sandbox_watch_timer(w, NGX_SANDBOX_WATCH_CHECK_MS);
    w->phase = ngx_sandbox_watch_pause;

    return NGX_DECLINED;
}


static ngx_msec_t
ngx_sandbox_watch_longer(ngx_sandbox_watch_t *w)
{
    ngx_msec_t  wait;

    wait = w->wait;

    w->wait = wait ? ngx_min(2 * wait, NGX_SANDBOX_WATCH_WAIT_MAX_MS)
                   : NGX_SANDBOX_WATCH_WAIT_MIN_MS;

    return wait;
}


static ngx_int_t
ngx_sandbox_watch_pause(ngx_sandbox_watch_t *w, ngx_sandbox_watch_event_t *ev)
{
    if (!w->due && !w->changed) {
        return NGX_AGAIN;
    }

    w->due = 0;
    w->phase = ngx_sandbox_watch_look;

    return NGX_DECLINED;
}


/* the executor may be there again */

static ngx_int_t
ngx_sandbox_watch_apart(ngx_sandbox_watch_t *w, ngx_sandbox_watch_event_t *ev)
{
    if (w->changed
        || ngx_current_msec - w->looked >= NGX_SANDBOX_WATCH_CHECK_MS)
    {
        w->phase = ngx_sandbox_watch_look;
        return NGX_DECLINED;
    }

    if (!w->due) {
        return NGX_AGAIN;
    }

    w->due = 0;
    w->phase = ngx_sandbox_watch_follow;

    return NGX_DECLINED;
}


ngx_int_t
ngx_sandbox_watch_follow(ngx_sandbox_watch_t *w, ngx_sandbox_watch_event_t *ev)
{
    ngx_int_t            rc;
    ngx_sandbox_frame_t  frame;

    if (w->follow.connection == NULL && ngx_sandbox_watch_open(w) != NGX_OK) {
        return ngx_sandbox_watch_broken(w);
    }

    /* what it was about, the executor is likely to tell by itself */

    if (w->changed && !w->hurried) {
        w->hurried = 1;
        ngx_sandbox_watch_timer(w, NGX_SANDBOX_WATCH_CLOSING_MS);
    }

    if (w->due) {
        w->due = 0;
        ngx_sandbox_watch_timer(w, w->over ? NGX_SANDBOX_WATCH_CLOSING_MS
                                           : NGX_SANDBOX_WATCH_CHECK_MS);

        (void) ngx_sandbox_watch_read(w,
               &ngx_sandbox_execution_stmts[NGX_SANDBOX_SQL_EXECUTION_WATCH]);
    }

    if (w->answered && ngx_sandbox_watch_check(w) != NGX_OK) {
        ngx_sandbox_follow_close(&w->follow);
        w->phase = ngx_sandbox_watch_look;
        return NGX_DECLINED;
    }

    rc = ngx_sandbox_follow_next(&w->follow, &frame);

    if (rc == NGX_OK) {
        return ngx_sandbox_watch_frame(w, ev, &frame);
    }

    return (rc == NGX_AGAIN) ? NGX_AGAIN : ngx_sandbox_watch_broken(w);
}


static ngx_int_t
ngx_sandbox_watch_open(ngx_sandbox_watch_t *w)
{
    ngx_int_t    rc;
    ngx_str_t    socket, token, uri;
    ngx_pool_t  *pool;

    w->opened = ngx_current_msec;
    w->follow.status = 0;
    w->follow.error = "no memory";

    pool = ngx_create_pool(1024, w->log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    if (ngx_sandbox_session_dir_socket(pool, &w->node->state_path->name,
                                       &w->session_id, &socket)
        != NGX_OK
        || ngx_sandbox_token_make(pool, &w->node->secret, &w->session_id,
                                  &token)
           != NGX_OK
        || ngx_sandbox_watch_uri(w, pool, &uri) != NGX_OK)
    {
        ngx_destroy_pool(pool);
        return NGX_ERROR;
    }

    /* what the client said may be anything, what has come is not repeated */

    w->follow.after = w->live ? w->number : 0;

    rc = ngx_sandbox_follow_start(&w->follow, &socket, &uri, &token);

    ngx_explicit_memzero(token.data, token.len);
    ngx_destroy_pool(pool);

    ngx_sandbox_watch_timer(w, NGX_SANDBOX_WATCH_CHECK_MS);

    return rc;
}


static ngx_int_t
ngx_sandbox_watch_uri(ngx_sandbox_watch_t *w, ngx_pool_t *pool, ngx_str_t *uri)
{
    u_char  *p;

    p = ngx_pnalloc(pool, sizeof("/v1/executions//events?after=&attempt=")
                          + w->id.len + 2 * NGX_INT64_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    uri->data = p;
    uri->len = ngx_sprintf(p, "/v1/executions/%V/events?after=%uL&attempt=%i",
                           &w->id, w->number, w->attempt)
               - p;

    return NGX_OK;
}


/*
 * NGX_DECLINED: the executor need not be followed any longer.  Of one that has
 * ended it gets some time to send the rest, of which it may have more than the
 * row, if it does send it.
 */

static ngx_int_t
ngx_sandbox_watch_check(ngx_sandbox_watch_t *w)
{
    ngx_str_t  *row;

    w->answered = 0;

    if (w->op.status != NGX_SANDBOX_DB_OK) {
        return NGX_OK;
    }

    if (w->op.rows == 0) {
        return NGX_DECLINED;
    }

    row = w->op.values;

    if (ngx_sandbox_value_number(&row[NGX_SANDBOX_EXECUTION_WATCH_ATTEMPT])
        != w->attempt)
    {
        return NGX_DECLINED;
    }

    if (!ngx_sandbox_execution_is_over(
                                   &row[NGX_SANDBOX_EXECUTION_WATCH_STATUS]))
    {
        return NGX_OK;
    }

    if (!w->over) {
        w->over = 1;
        w->closed = ngx_current_msec;
        ngx_sandbox_watch_timer(w, NGX_SANDBOX_WATCH_CLOSING_MS);

    } else if (w->number == w->passed
               || ngx_current_msec - w->closed > NGX_SANDBOX_WATCH_CLOSED_MS)
    {
        return NGX_DECLINED;
    }

    w->passed = w->number;

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_watch_frame(ngx_sandbox_watch_t *w, ngx_sandbox_watch_event_t *ev,
    ngx_sandbox_frame_t *frame)
{
    switch (frame->type) {

    case 'h':
        return NGX_DECLINED;

    case 'z':
        ngx_sandbox_follow_close(&w->follow);

        w->ended = 1;
        w->wait = 0;

        return ngx_sandbox_watch_again(w);

    default:
        break;
    }

    ngx_memzero(ev, sizeof(ngx_sandbox_watch_event_t));

    ev->stream = (frame->type == 'o' || frame->type == 'O')
                 ? NGX_SANDBOX_EVENTS_STDOUT : NGX_SANDBOX_EVENTS_STDERR;
    ev->text = frame->text;
    ev->bytes = frame->missed;

    return ngx_sandbox_watch_record(w, ev,
                                    (frame->type == 'o')
                                    ? NGX_SANDBOX_WATCH_STDOUT
                                    : (frame->type == 'e')
                                      ? NGX_SANDBOX_WATCH_STDERR
                                      : NGX_SANDBOX_WATCH_GAP,
                                    frame->number);
}


/* only one that has lasted is worth another try at once */

static ngx_int_t
ngx_sandbox_watch_broken(ngx_sandbox_watch_t *w)
{
    ngx_uint_t  level;

    level = NGX_LOG_INFO;

    if (w->follow.connection
        && (w->follow.status == 0 || w->follow.status == NGX_HTTP_OK)
        && !w->blamed)
    {
        w->blamed = 1;
        level = NGX_LOG_ERR;
    }

    ngx_log_error(level, w->log, 0,
                  "sandbox: the output of execution \"%V\" is cut: %s (%ui)",
                  &w->id, w->follow.error, w->follow.status);

    ngx_sandbox_follow_close(&w->follow);

    if (ngx_current_msec - w->opened >= NGX_SANDBOX_WATCH_WAIT_MAX_MS) {
        w->wait = 0;
    }

    return ngx_sandbox_watch_retry(w);
}


void
ngx_sandbox_watch_timer(ngx_sandbox_watch_t *w, ngx_msec_t ms)
{
    if (w->timer.timer_set) {
        ngx_del_timer(&w->timer);
    }

    w->due = 0;

    ngx_add_timer(&w->timer, ms);
}


static void
ngx_sandbox_watch_follow_handler(ngx_sandbox_follow_t *f)
{
    ngx_sandbox_watch_t  *w;

    w = f->data;

    w->handler(w);
}


static void
ngx_sandbox_watch_timer_handler(ngx_event_t *ev)
{
    ngx_sandbox_watch_t  *w;

    w = ngx_queue_data(ev, ngx_sandbox_watch_t, timer);

    w->due = 1;
    w->handler(w);
}


static void
ngx_sandbox_watch_waiter_handler(ngx_sandbox_waiter_t *waiter)
{
    ngx_sandbox_watch_t  *w;

    w = waiter->data;

    w->changed = 1;

    ngx_sandbox_watch_listen(w);

    w->handler(w);
}
