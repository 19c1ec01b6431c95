
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * What the row of a watched execution says: whether it is open, and when it has
 * ended the rest of its output, its result and the end.  The stored shape of
 * the output gives each part of it the number that it was streamed with.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_execution_flow.h"
#include "ngx_sandbox_execution_store.h"
#include "ngx_sandbox_watch.h"


/* as long as MariaDB may be away before the client is told */
#define NGX_SANDBOX_WATCH_DOWN_MS  30000

/* of output without a shape: as executors cut theirs */
#define NGX_SANDBOX_WATCH_PIECE    16384


static void ngx_sandbox_watch_read_handler(ngx_sandbox_db_op_t *op);
static ngx_int_t ngx_sandbox_watch_row(ngx_sandbox_watch_t *w,
    ngx_sandbox_db_stmt_t *stmt);
static ngx_int_t ngx_sandbox_watch_rest(ngx_sandbox_watch_t *w,
    ngx_sandbox_watch_event_t *ev);
static ngx_int_t ngx_sandbox_watch_piece(ngx_sandbox_watch_t *w,
    ngx_sandbox_watch_event_t *ev);
static ngx_int_t ngx_sandbox_watch_result(ngx_sandbox_watch_t *w,
    ngx_sandbox_watch_event_t *ev);
static ngx_int_t ngx_sandbox_watch_error(ngx_sandbox_watch_t *w,
    ngx_sandbox_watch_event_t *ev);
static ngx_int_t ngx_sandbox_watch_end(ngx_sandbox_watch_t *w,
    ngx_sandbox_watch_event_t *ev);
static ngx_int_t ngx_sandbox_watch_over(ngx_sandbox_watch_t *w,
    ngx_sandbox_watch_event_t *ev);
static ngx_str_t *ngx_sandbox_watch_text(ngx_sandbox_watch_t *w,
    ngx_uint_t stream);


ngx_int_t
ngx_sandbox_watch_read(ngx_sandbox_watch_t *w, ngx_sandbox_db_stmt_t *stmt)
{
    if (w->reading) {
        return NGX_AGAIN;
    }

    if (w->pool) {
        ngx_destroy_pool(w->pool);
    }

    ngx_memzero(&w->op, sizeof(ngx_sandbox_db_op_t));
    w->answered = 0;

    w->looked = ngx_current_msec;
    w->changed = 0;
    w->hurried = 0;

    w->pool = ngx_create_pool(1024, w->log);

    if (w->pool == NULL) {
        w->op.status = NGX_SANDBOX_DB_UNAVAILABLE;
        w->answered = 1;
        return NGX_OK;
    }

    w->param.type = NGX_SANDBOX_DB_STRING;
    w->param.string = w->id;

    w->op.stmt = stmt;
    w->op.params = &w->param;
    w->op.pool = w->pool;
    w->op.log = w->log;
    w->op.handler = ngx_sandbox_watch_read_handler;
    w->op.data = w;

    if (ngx_sandbox_db_start(w->node->database, &w->op) == NGX_DONE) {
        w->answered = 1;
        return NGX_OK;
    }

    w->reading = 1;

    return NGX_AGAIN;
}


static void
ngx_sandbox_watch_read_handler(ngx_sandbox_db_op_t *op)
{
    ngx_sandbox_watch_t  *w;

    w = op->data;

    w->reading = 0;
    w->answered = 1;

    if (!w->node->closing) {
        w->handler(w);
    }
}


/* NGX_OK: it is there; what a row says is taken once */

static ngx_int_t
ngx_sandbox_watch_row(ngx_sandbox_watch_t *w, ngx_sandbox_db_stmt_t *stmt)
{
    if (w->reading
        || (!w->answered && ngx_sandbox_watch_read(w, stmt) == NGX_AGAIN))
    {
        return NGX_AGAIN;
    }

    w->answered = 0;

    if (w->op.stmt != stmt && w->op.status == NGX_SANDBOX_DB_OK) {
        /* it was asked for something else before */
        return NGX_DECLINED;
    }

    if (w->op.status == NGX_SANDBOX_DB_OK) {
        w->down = 0;

        return w->op.rows ? NGX_OK
               : ngx_sandbox_watch_fail(w, NGX_SANDBOX_EXECUTION_NOT_FOUND,
                                        "the session was deleted meanwhile");
    }

    if (w->down == 0) {
        w->down = ngx_current_msec ? ngx_current_msec : 1;
    }

    if (ngx_current_msec - w->down > NGX_SANDBOX_WATCH_DOWN_MS) {
        return ngx_sandbox_watch_fail(w, NGX_SANDBOX_DATABASE_UNAVAILABLE,
                                      "MariaDB does not answer");
    }

    return ngx_sandbox_watch_again(w);
}


ngx_int_t
ngx_sandbox_watch_look(ngx_sandbox_watch_t *w, ngx_sandbox_watch_event_t *ev)
{
    ngx_int_t   rc;
    ngx_str_t  *row, *status;

    rc = ngx_sandbox_watch_row(w,
               &ngx_sandbox_execution_stmts[NGX_SANDBOX_SQL_EXECUTION_WATCH]);

    if (rc != NGX_OK) {
        return rc;
    }

    row = w->op.values;
    status = &row[NGX_SANDBOX_EXECUTION_WATCH_STATUS];

    ngx_sandbox_watch_session(w, &row[NGX_SANDBOX_EXECUTION_WATCH_SESSION]);
    ngx_sandbox_watch_attempt(w,
        ngx_sandbox_value_number(&row[NGX_SANDBOX_EXECUTION_WATCH_ATTEMPT]));

    if (ngx_sandbox_execution_is_over(status)) {
        w->phase = ngx_sandbox_watch_load;
        return NGX_DECLINED;
    }

    if (w->ended || ngx_sandbox_value_is(status, "crashed")) {
        return ngx_sandbox_watch_idle(w);
    }

    w->phase = ngx_sandbox_watch_follow;

    return NGX_DECLINED;
}


ngx_int_t
ngx_sandbox_watch_load(ngx_sandbox_watch_t *w, ngx_sandbox_watch_event_t *ev)
{
    ngx_int_t   rc;
    ngx_str_t  *row;

    rc = ngx_sandbox_watch_row(w,
               &ngx_sandbox_execution_stmts[NGX_SANDBOX_SQL_EXECUTION_SHAPE]);

    if (rc != NGX_OK) {
        return rc;
    }

    row = w->op.values;

    ngx_sandbox_watch_attempt(w,
          ngx_sandbox_value_number(&row[NGX_SANDBOX_EXECUTION_RETRIES]) + 1);

    ngx_sandbox_events_init(&w->shape, &row[NGX_SANDBOX_EXECUTION_EVENTS],
                            w->number);
    w->pieces = 0;
    w->offset = 0;
    w->stream = NGX_SANDBOX_EVENTS_STDOUT;

    w->phase = row[NGX_SANDBOX_EXECUTION_EVENTS].data
               ? ngx_sandbox_watch_rest : ngx_sandbox_watch_piece;

    return NGX_DECLINED;
}


static ngx_int_t
ngx_sandbox_watch_rest(ngx_sandbox_watch_t *w, ngx_sandbox_watch_event_t *ev)
{
    ngx_str_t            *text;
    ngx_sandbox_event_t   e;

    if (ngx_sandbox_events_next(&w->shape, &e) != NGX_OK) {
        w->phase = ngx_sandbox_watch_result;
        return NGX_DECLINED;
    }

    ngx_memzero(ev, sizeof(ngx_sandbox_watch_event_t));

    ev->stream = e.stream;

    if (e.gap) {
        ev->bytes = e.len;
        return ngx_sandbox_watch_record(w, ev, NGX_SANDBOX_WATCH_GAP,
                                        e.number);
    }

    text = ngx_sandbox_watch_text(w, e.stream);

    if (e.offset > text->len || e.len > text->len - e.offset) {
        /* it was checked when it was stored: somebody has changed the row */
        w->phase = ngx_sandbox_watch_result;
        return NGX_DECLINED;
    }

    ev->text.data = text->data + e.offset;
    ev->text.len = e.len;

    return ngx_sandbox_watch_record(w, ev,
                                    (e.stream == NGX_SANDBOX_EVENTS_STDOUT)
                                    ? NGX_SANDBOX_WATCH_STDOUT
                                    : NGX_SANDBOX_WATCH_STDERR,
                                    e.number);
}


/* of a row that is older than shapes: one stream after the other */

static ngx_int_t
ngx_sandbox_watch_piece(ngx_sandbox_watch_t *w, ngx_sandbox_watch_event_t *ev)
{
    size_t       len;
    u_char      *p;
    ngx_str_t   *text;
    ngx_uint_t   type;

    for ( ;; ) {
        text = ngx_sandbox_watch_text(w, w->stream);

        if (w->offset == text->len) {

            if (w->stream == NGX_SANDBOX_EVENTS_STDERR) {
                w->phase = ngx_sandbox_watch_result;
                return NGX_DECLINED;
            }

            w->stream = NGX_SANDBOX_EVENTS_STDERR;
            w->offset = 0;
            continue;
        }

        p = text->data + w->offset;
        len = ngx_min(text->len - w->offset, NGX_SANDBOX_WATCH_PIECE);

        /* between characters */

        while (len > NGX_SANDBOX_WATCH_PIECE - 4 && w->offset + len < text->len
               && (p[len] & 0xc0) == 0x80)
        {
            len--;
        }

        w->offset += len;

        if (++w->pieces > w->number) {
            break;
        }
    }

    ngx_memzero(ev, sizeof(ngx_sandbox_watch_event_t));

    ev->text.data = p;
    ev->text.len = len;

    type = (w->stream == NGX_SANDBOX_EVENTS_STDOUT) ? NGX_SANDBOX_WATCH_STDOUT
                                                    : NGX_SANDBOX_WATCH_STDERR;

    return ngx_sandbox_watch_record(w, ev, type, w->pieces);
}


/*
 * It has the number after the last record.  A client that comes back behind it
 * has it; where the row does not tell how many records there were, nobody knows
 * that, and it is told again.
 */

static ngx_int_t
ngx_sandbox_watch_result(ngx_sandbox_watch_t *w, ngx_sandbox_watch_event_t *ev)
{
    uint64_t  last;

    last = ngx_max(w->shape.number, w->pieces);

    w->phase = ngx_sandbox_watch_end;

    if (last > 0 && !w->live && w->asked > last) {
        w->last = ngx_max(w->last, w->base + last + 1);
        return NGX_DECLINED;
    }

    ngx_memzero(ev, sizeof(ngx_sandbox_watch_event_t));

    w->last = w->base + ngx_max(w->number, last) + 1;

    ev->type = NGX_SANDBOX_WATCH_RESULT;
    ev->id = w->last;
    ev->row = w->op.values;

    return NGX_OK;
}


ngx_int_t
ngx_sandbox_watch_fail(ngx_sandbox_watch_t *w, ngx_sandbox_error_e error,
    char *detail)
{
    w->error.id = error;
    w->error.detail.data = (u_char *) detail;
    w->error.detail.len = ngx_strlen(detail);

    w->phase = ngx_sandbox_watch_error;

    return NGX_DECLINED;
}


/* without a number: a client that comes back goes on behind the output */

static ngx_int_t
ngx_sandbox_watch_error(ngx_sandbox_watch_t *w, ngx_sandbox_watch_event_t *ev)
{
    ngx_memzero(ev, sizeof(ngx_sandbox_watch_event_t));

    ev->type = NGX_SANDBOX_WATCH_ERROR;
    ev->error = &w->error;

    w->phase = ngx_sandbox_watch_end;

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_watch_end(ngx_sandbox_watch_t *w, ngx_sandbox_watch_event_t *ev)
{
    ngx_memzero(ev, sizeof(ngx_sandbox_watch_event_t));

    ev->type = NGX_SANDBOX_WATCH_DONE;
    ev->id = w->error.id ? 0 : w->last + 1;

    w->phase = ngx_sandbox_watch_over;

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_watch_over(ngx_sandbox_watch_t *w, ngx_sandbox_watch_event_t *ev)
{
    return NGX_DONE;
}


static ngx_str_t *
ngx_sandbox_watch_text(ngx_sandbox_watch_t *w, ngx_uint_t stream)
{
    return &w->op.values[(stream == NGX_SANDBOX_EVENTS_STDOUT)
                         ? NGX_SANDBOX_EXECUTION_STDOUT
                         : NGX_SANDBOX_EXECUTION_STDERR];
}
