
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The way of events to a client.  One buffer is under way; the next one is
 * filled when all of it has left, and only then is anything taken from the
 * executor: a client that is slow slows down what is read for it, and misses
 * what the executor has forgotten meanwhile.  One that takes nothing is ended
 * by send_timeout.
 *
 * The timer of the comments is not cancelable: a worker that is leaving keeps
 * its streams until their ends.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_sandbox_sse.h"


#define NGX_SANDBOX_SSE_BUFFER      16384
#define NGX_SANDBOX_SSE_SILENCE_MS  15000
#define NGX_SANDBOX_SSE_CANCEL_MS   30000


static ngx_int_t ngx_sandbox_sse_head(ngx_sandbox_sse_t *s);
static void ngx_sandbox_sse_pump(ngx_sandbox_sse_t *s);
static ngx_int_t ngx_sandbox_sse_send(ngx_sandbox_sse_t *s);
static ngx_int_t ngx_sandbox_sse_last(ngx_sandbox_sse_t *s);
static ngx_uint_t ngx_sandbox_sse_blocked(ngx_sandbox_sse_t *s);
static ngx_int_t ngx_sandbox_sse_block(ngx_sandbox_sse_t *s);
static void ngx_sandbox_sse_finish(ngx_sandbox_sse_t *s, ngx_int_t rc);
static void ngx_sandbox_sse_wake(ngx_sandbox_sse_t *s);
static void ngx_sandbox_sse_watch_handler(ngx_sandbox_watch_t *w);
static void ngx_sandbox_sse_silence_handler(ngx_event_t *ev);
static void ngx_sandbox_sse_write_handler(ngx_http_request_t *r);
static void ngx_sandbox_sse_stop(ngx_sandbox_sse_t *s);
static void ngx_sandbox_sse_gone(void *data);
static ngx_uint_t ngx_sandbox_sse_is_left(ngx_sandbox_sse_t *s);
static void ngx_sandbox_sse_cancel(ngx_sandbox_sse_t *s);


ngx_sandbox_sse_t *
ngx_sandbox_sse_create(ngx_sandbox_api_t *a)
{
    ngx_sandbox_sse_t   *s;
    ngx_http_request_t  *r;
    ngx_http_cleanup_t  *cln;

    r = a->request;

    if (a->node->streams >= a->node->max_streams) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_TOO_MANY_REQUESTS,
                                  "as many clients watch executions as "
                                  "sandbox_max_streams allows");
        return NULL;
    }

    s = ngx_pcalloc(r->pool, sizeof(ngx_sandbox_sse_t));
    cln = ngx_http_cleanup_add(r, 0);

    if (s == NULL || cln == NULL) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INTERNAL_ERROR, "no memory");
        return NULL;
    }

    cln->handler = ngx_sandbox_sse_gone;
    cln->data = s;

    s->request = r;
    s->node = a->node;
    s->node->streams++;
    s->part = NGX_SANDBOX_SSE_PARTS;

    return s;
}


void
ngx_sandbox_sse_start(ngx_sandbox_sse_t *s, const ngx_str_t *session_id)
{
    ngx_int_t            rc;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = s->request;
    c = r->connection;

    s->buf = ngx_create_temp_buf(r->pool, NGX_SANDBOX_SSE_BUFFER);

    rc = s->buf ? ngx_sandbox_sse_head(s) : NGX_ERROR;

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        ngx_http_finalize_request(r, rc);
        return;
    }

    s->out.buf = s->buf;

    s->silence.data = c;
    s->silence.handler = ngx_sandbox_sse_silence_handler;
    s->silence.log = c->log;

    s->watch.node = s->node;
    s->watch.connection = c;
    s->watch.log = c->log;
    s->watch.handler = ngx_sandbox_sse_watch_handler;
    s->watch.data = s;

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_sandbox_sse_write_handler;

    if (c->read->ready) {
        ngx_post_event(c->read, &ngx_posted_events);
    }

    /* at once, so that the client, and what is in between, has the head */

    s->started = 1;
    s->comment = 1;

    ngx_sandbox_watch_start(&s->watch, session_id);

    ngx_sandbox_sse_pump(s);
}


static ngx_int_t
ngx_sandbox_sse_head(ngx_sandbox_sse_t *s)
{
    ngx_str_t            id;
    ngx_http_request_t  *r;

    static ngx_str_t  no_store = ngx_string("no-store");
    static ngx_str_t  no = ngx_string("no");

    r = s->request;

    if (ngx_sandbox_api_request_id(r, &id) != NGX_OK
        || ngx_sandbox_api_header(r, "X-Request-ID", &id) != NGX_OK
        || ngx_sandbox_api_header(r, "Cache-Control", &no_store) != NGX_OK
        || ngx_sandbox_api_header(r, "X-Accel-Buffering", &no) != NGX_OK)
    {
        return NGX_ERROR;
    }

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = -1;

    ngx_str_set(&r->headers_out.content_type, "text/event-stream");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

#if (NGX_HTTP_GZIP)

    /* it would keep events back */

    r->gzip_tested = 1;
    r->gzip_ok = 0;

#endif

    return ngx_http_send_header(r);
}


/* the request may be gone afterwards */

static void
ngx_sandbox_sse_pump(ngx_sandbox_sse_t *s)
{
    ngx_int_t     rc;
    ngx_event_t  *wev;

    rc = ngx_sandbox_sse_send(s);

    if (rc == NGX_AGAIN && ngx_sandbox_sse_block(s) != NGX_OK) {
        rc = NGX_ERROR;
    }

    if (rc == NGX_DONE || rc == NGX_ERROR) {
        ngx_sandbox_sse_finish(s, (rc == NGX_DONE) ? NGX_OK : NGX_ERROR);
        return;
    }

    wev = s->request->connection->write;

    if (rc == NGX_OK && wev->timer_set && !wev->delayed) {
        ngx_del_timer(wev);
    }
}


/*
 * NGX_OK: nothing more is there; NGX_AGAIN: the client is slow; NGX_DONE: the
 * end is on its way.
 */

static ngx_int_t
ngx_sandbox_sse_send(ngx_sandbox_sse_t *s)
{
    ngx_int_t            rc;
    ngx_buf_t           *b;
    ngx_http_request_t  *r;

    r = s->request;
    b = s->buf;

    for ( ;; ) {

        if (ngx_sandbox_sse_blocked(s)) {
            rc = ngx_http_output_filter(r, NULL);

        } else {
            ngx_sandbox_sse_write(s);

            if (b->pos == b->last) {
                return s->finished ? ngx_sandbox_sse_last(s) : NGX_OK;
            }

            b->flush = 1;
            b->last_buf = s->finished;

            s->out.next = NULL;

            rc = ngx_http_output_filter(r, &s->out);

            ngx_add_timer(&s->silence, NGX_SANDBOX_SSE_SILENCE_MS);
        }

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (s->finished) {
            return NGX_DONE;
        }

        if (ngx_sandbox_sse_blocked(s)) {
            return NGX_AGAIN;
        }
    }
}


/* the buffer before had no room to find out that it was the last */

static ngx_int_t
ngx_sandbox_sse_last(ngx_sandbox_sse_t *s)
{
    return (ngx_http_send_special(s->request, NGX_HTTP_LAST) == NGX_ERROR)
           ? NGX_ERROR : NGX_DONE;
}


static ngx_uint_t
ngx_sandbox_sse_blocked(ngx_sandbox_sse_t *s)
{
    return s->buf->pos != s->buf->last
           || s->request->buffered
           || s->request->connection->buffered;
}


static ngx_int_t
ngx_sandbox_sse_block(ngx_sandbox_sse_t *s)
{
    ngx_event_t               *wev;
    ngx_http_core_loc_conf_t  *clcf;

    wev = s->request->connection->write;
    clcf = ngx_http_get_module_loc_conf(s->request, ngx_http_core_module);

    if (!wev->delayed) {
        ngx_add_timer(wev, clcf->send_timeout);
    }

    return ngx_handle_write_event(wev, clcf->send_lowat);
}


static void
ngx_sandbox_sse_finish(ngx_sandbox_sse_t *s, ngx_int_t rc)
{
    ngx_sandbox_sse_stop(s);

    ngx_http_finalize_request(s->request, rc);
}


/* from a foreign event; who is blocked goes on when the client has taken it */

static void
ngx_sandbox_sse_wake(ngx_sandbox_sse_t *s)
{
    ngx_connection_t  *c;

    if (ngx_sandbox_sse_blocked(s)) {
        return;
    }

    c = s->request->connection;

    ngx_http_set_log_request(c->log, s->request);

    ngx_sandbox_sse_pump(s);

    ngx_http_run_posted_requests(c);
}


static void
ngx_sandbox_sse_watch_handler(ngx_sandbox_watch_t *w)
{
    ngx_sandbox_sse_wake(w->data);
}


static void
ngx_sandbox_sse_silence_handler(ngx_event_t *ev)
{
    ngx_sandbox_sse_t  *s;

    s = ngx_queue_data(ev, ngx_sandbox_sse_t, silence);

    ngx_add_timer(ev, NGX_SANDBOX_SSE_SILENCE_MS);

    s->comment = 1;
    ngx_sandbox_sse_wake(s);
}


static void
ngx_sandbox_sse_write_handler(ngx_http_request_t *r)
{
    ngx_event_t         *wev;
    ngx_connection_t    *c;
    ngx_sandbox_api_t   *a;
    ngx_sandbox_sse_t   *s;

    c = r->connection;
    wev = c->write;

    a = ngx_http_get_module_ctx(r, ngx_http_sandbox_module);
    s = a->data;

    if (wev->timedout) {
        ngx_log_error(NGX_LOG_INFO, c->log, NGX_ETIMEDOUT,
                      "client timed out");
        c->timedout = 1;

        ngx_sandbox_sse_finish(s, NGX_HTTP_REQUEST_TIME_OUT);
        return;
    }

    if (wev->delayed) {
        if (ngx_sandbox_sse_block(s) != NGX_OK) {
            ngx_sandbox_sse_finish(s, NGX_ERROR);
        }

        return;
    }

    ngx_sandbox_sse_pump(s);
}


static void
ngx_sandbox_sse_stop(ngx_sandbox_sse_t *s)
{
    if (s->silence.timer_set) {
        ngx_del_timer(&s->silence);
    }

    ngx_sandbox_watch_stop(&s->watch);
}


static void
ngx_sandbox_sse_gone(void *data)
{
    ngx_sandbox_sse_t  *s = data;

    ngx_sandbox_sse_stop(s);

    s->node->streams--;

    if (s->started && s->cancel && !s->over && ngx_sandbox_sse_is_left(s)) {
        ngx_sandbox_sse_cancel(s);
    }
}


/* not when it is the worker that leaves, at worker_shutdown_timeout */

static ngx_uint_t
ngx_sandbox_sse_is_left(ngx_sandbox_sse_t *s)
{
    ngx_connection_t  *c;

    c = s->request->connection;

#if (NGX_HTTP_V2)

    if (s->request->stream) {
        c = s->request->stream->connection->connection;
    }

#endif

    return !c->close && !s->node->closing;
}


/* by a request of its own, which outlives this one */

static void
ngx_sandbox_sse_cancel(ngx_sandbox_sse_t *s)
{
    u_char     buf[sizeof("/internal/executions//cancel")
                   + NGX_SANDBOX_ID_MAX];
    ngx_str_t  uri;

    uri.data = buf;
    uri.len = ngx_snprintf(buf, sizeof(buf), "/internal/executions/%V/cancel",
                           &s->watch.id)
              - buf;

    (void) ngx_sandbox_http_post_detached(s->node->http, &s->node->loopback,
                                          &uri, &s->node->loopback_token,
                                          NGX_SANDBOX_SSE_CANCEL_MS,
                                          s->request->connection->log);
}
