
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The HTTP client of a worker for control calls, made when the worker starts
 * and destroyed when it exits.  libcurl's multi interface owns the sockets and
 * the connections that are kept open; nginx's event loop tells it about them.
 *
 * Every running call has a timer that is not cancelable: a worker that is
 * leaving waits for it, and no call outlives its deadline.  libcurl's own timer
 * only drives the calls and is cancelable.
 *
 * Handlers run from the event loop when libcurl's functions have returned, so
 * a handler may start and cancel calls, but must not destroy the client.  A
 * call that was sent over a kept connection which died before any byte of an
 * answer is sent once more by libcurl, so a POST gets a new one.  Nothing here
 * blocks, resolves a name, or keeps anything of a call that is done.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_sandbox_fd.h"
#include "ngx_sandbox_http_private.h"


#define NGX_SANDBOX_HTTP_KEPT      32L      /* connections kept open */
#define NGX_SANDBOX_HTTP_IDLE      32       /* easy handles kept */


struct ngx_sandbox_http_s {
    CURLM             *multi;        /* NULL: to be made by the next call */
    ngx_log_t         *log;

    ngx_queue_t        running;      /* of ngx_sandbox_http_transfer_t */
    ngx_queue_t        idle;
    ngx_uint_t         idle_n;
    ngx_queue_t        watchers;

    ngx_event_t        timer;        /* libcurl's */
    ngx_event_t        soon;         /* libcurl's timer of 0 ms */
    ngx_connection_t   nobody;       /* for the log of events without a fd */

    unsigned           driving:1;    /* inside of curl_multi_socket_action() */
    unsigned           starved:1;    /* one of the transfers is */
    unsigned           closing:1;
};


typedef struct {
    ngx_sandbox_fd_t   fd;
    ngx_queue_t        queue;
} ngx_sandbox_http_watcher_t;


static ngx_int_t ngx_sandbox_http_open(ngx_sandbox_http_t *http);
static void ngx_sandbox_http_close(ngx_sandbox_http_t *http);
static ngx_sandbox_http_transfer_t *ngx_sandbox_http_get(
    ngx_sandbox_http_t *http);
static void ngx_sandbox_http_put(ngx_sandbox_http_transfer_t *t);

static int ngx_sandbox_http_timer_callback(CURLM *multi, long ms, void *data);
static int ngx_sandbox_http_socket_callback(CURL *easy, curl_socket_t fd,
    int what, void *data, void *watcher);
static ngx_sandbox_http_watcher_t *ngx_sandbox_http_watch(
    ngx_sandbox_http_t *http, curl_socket_t fd);
static void ngx_sandbox_http_unwatch(ngx_sandbox_http_watcher_t *w);

static void ngx_sandbox_http_timer_handler(ngx_event_t *ev);
static void ngx_sandbox_http_fd_handler(ngx_sandbox_fd_t *fd, ngx_uint_t what);
static void ngx_sandbox_http_deadline_handler(ngx_event_t *ev);
static void ngx_sandbox_http_drive(ngx_sandbox_http_t *http, curl_socket_t fd,
    int what);
static void ngx_sandbox_http_reap(ngx_sandbox_http_t *http);
static void ngx_sandbox_http_reap_starved(ngx_sandbox_http_t *http);
static void ngx_sandbox_http_finish(ngx_sandbox_http_transfer_t *t,
    CURLcode code);
static void ngx_sandbox_http_fail_all(ngx_sandbox_http_t *http, char *cause);


ngx_sandbox_http_t *
ngx_sandbox_http_create(ngx_log_t *log)
{
    ngx_sandbox_http_t  *http;

    http = ngx_calloc(sizeof(ngx_sandbox_http_t), log);
    if (http == NULL) {
        return NULL;
    }

    /* TLS is never spoken here, and is nginx's to initialise */

    if (curl_global_init(CURL_GLOBAL_NOTHING) != CURLE_OK) {
        ngx_free(http);
        return NULL;
    }

    http->log = log;
    http->nobody.fd = (ngx_socket_t) -1;

    ngx_queue_init(&http->running);
    ngx_queue_init(&http->idle);
    ngx_queue_init(&http->watchers);

    http->timer.data = &http->nobody;
    http->timer.handler = ngx_sandbox_http_timer_handler;
    http->timer.log = log;
    http->timer.cancelable = 1;

    http->soon.data = &http->nobody;
    http->soon.handler = ngx_sandbox_http_timer_handler;
    http->soon.log = log;

    http->nobody.data = http;

    return http;
}


void
ngx_sandbox_http_destroy(ngx_sandbox_http_t *http)
{
    ngx_queue_t                  *q;
    ngx_sandbox_http_transfer_t  *t;

    http->closing = 1;

    ngx_sandbox_http_fail_all(http, "the worker is leaving");

    while (!ngx_queue_empty(&http->idle)) {
        q = ngx_queue_head(&http->idle);
        ngx_queue_remove(q);

        t = ngx_queue_data(q, ngx_sandbox_http_transfer_t, queue);
        ngx_sandbox_http_transfer_free(t);
    }

    ngx_sandbox_http_close(http);

    curl_global_cleanup();
    ngx_free(http);
}


ngx_int_t
ngx_sandbox_http_start(ngx_sandbox_http_t *http, ngx_sandbox_call_t *call)
{
    ngx_sandbox_http_transfer_t  *t;

    call->transfer = NULL;

    if (http->closing || ngx_sandbox_http_open(http) != NGX_OK) {
        return NGX_ERROR;
    }

    t = ngx_sandbox_http_get(http);
    if (t == NULL) {
        return NGX_ERROR;
    }

    if (ngx_sandbox_http_transfer_prepare(t, call) != NGX_OK) {
        ngx_sandbox_http_put(t);
        return NGX_ERROR;
    }

    /* only asks for a timer of 0 ms: nothing happens before the event loop */

    if (curl_multi_add_handle(http->multi, t->easy) != CURLM_OK) {
        ngx_sandbox_http_put(t);
        return NGX_ERROR;
    }

    t->attached = 1;
    call->transfer = t;

    ngx_queue_insert_tail(&http->running, &t->queue);
    ngx_add_timer(&t->timer, call->timeout);

    ngx_log_debug3(NGX_LOG_DEBUG_CORE, call->log, 0,
                   "sandbox: call %s %V of unix:%V",
                   call->method, &call->uri, &call->socket);

    return NGX_AGAIN;
}


void
ngx_sandbox_http_cancel(ngx_sandbox_http_t *http, ngx_sandbox_call_t *call)
{
    ngx_sandbox_http_transfer_t  *t;

    t = call->transfer;

    if (t == NULL) {
        return;
    }

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, call->log, 0,
                   "sandbox: call %s %V cancelled", call->method, &call->uri);

    call->transfer = NULL;

    ngx_queue_remove(&t->queue);
    ngx_sandbox_http_put(t);
}


static ngx_int_t
ngx_sandbox_http_open(ngx_sandbox_http_t *http)
{
    int     rc;
    CURLM  *multi;

    if (http->multi) {
        return NGX_OK;
    }

    multi = curl_multi_init();
    if (multi == NULL) {
        return NGX_ERROR;
    }

    rc = 0;

    rc |= curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION,
                            ngx_sandbox_http_socket_callback);
    rc |= curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, http);
    rc |= curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION,
                            ngx_sandbox_http_timer_callback);
    rc |= curl_multi_setopt(multi, CURLMOPT_TIMERDATA, http);
    rc |= curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, NGX_SANDBOX_HTTP_KEPT);

    if (rc) {
        (void) curl_multi_cleanup(multi);
        return NGX_ERROR;
    }

    http->multi = multi;

    return NGX_OK;
}


static void
ngx_sandbox_http_close(ngx_sandbox_http_t *http)
{
    ngx_queue_t                 *q;
    ngx_sandbox_http_watcher_t  *w;

    if (http->multi) {
        /* may still call back to tell that it closes its sockets */

        (void) curl_multi_cleanup(http->multi);
        http->multi = NULL;
    }

    while (!ngx_queue_empty(&http->watchers)) {
        q = ngx_queue_head(&http->watchers);
        w = ngx_queue_data(q, ngx_sandbox_http_watcher_t, queue);

        ngx_sandbox_fd_close(&w->fd, 1);
        ngx_sandbox_http_unwatch(w);
    }

    (void) ngx_sandbox_http_timer_callback(NULL, -1, http);
}


static ngx_sandbox_http_transfer_t *
ngx_sandbox_http_get(ngx_sandbox_http_t *http)
{
    ngx_queue_t                  *q;
    ngx_sandbox_http_transfer_t  *t;

    if (!ngx_queue_empty(&http->idle)) {
        q = ngx_queue_head(&http->idle);
        ngx_queue_remove(q);
        http->idle_n--;

        return ngx_queue_data(q, ngx_sandbox_http_transfer_t, queue);
    }

    t = ngx_sandbox_http_transfer_create();
    if (t == NULL) {
        return NULL;
    }

    t->http = http;
    t->timer.data = &http->nobody;
    t->timer.handler = ngx_sandbox_http_deadline_handler;
    t->timer.log = http->log;

    return t;
}


/* takes a transfer that is in no queue; never called from a curl callback */

static void
ngx_sandbox_http_put(ngx_sandbox_http_transfer_t *t)
{
    ngx_sandbox_http_t  *http;

    http = t->http;

    if (t->timer.timer_set) {
        ngx_del_timer(&t->timer);
    }

    if (t->attached) {
        /* closes the connection of a transfer that is not complete */

        (void) curl_multi_remove_handle(http->multi, t->easy);
        t->attached = 0;
    }

    ngx_sandbox_http_transfer_clear(t);

    if (http->closing || http->idle_n >= NGX_SANDBOX_HTTP_IDLE) {
        ngx_sandbox_http_transfer_free(t);
        return;
    }

    ngx_queue_insert_head(&http->idle, &t->queue);
    http->idle_n++;
}


/* libcurl has one timer; it must not be called back from in here */

static int
ngx_sandbox_http_timer_callback(CURLM *multi, long ms, void *data)
{
    ngx_sandbox_http_t  *http = data;

    if (http->timer.timer_set) {
        ngx_del_timer(&http->timer);
    }

    if (http->soon.posted) {
        ngx_delete_posted_event(&http->soon);
    }

    if (ms > 0) {
        ngx_add_timer(&http->timer, (ngx_msec_t) ms);

    } else if (ms == 0) {
        /* libcurl that asks again and again must not starve the others */

        if (http->driving) {
            ngx_post_event(&http->soon, &ngx_posted_next_events);

        } else {
            ngx_post_event(&http->soon, &ngx_posted_events);
        }
    }

    return 0;
}


/* an error from here would end all transfers: one that starves is marked */

static int
ngx_sandbox_http_socket_callback(CURL *easy, curl_socket_t fd, int what,
    void *data, void *watcher)
{
    ngx_sandbox_http_t           *http = data;
    ngx_sandbox_http_watcher_t   *w = watcher;

    ngx_uint_t                    events;
    ngx_sandbox_http_transfer_t  *t;

    if (what == CURL_POLL_REMOVE) {
        /* the descriptor is open still: it is closed, or kept, after this */

        if (w) {
            ngx_sandbox_fd_close(&w->fd, 0);
            ngx_sandbox_http_unwatch(w);
        }

        return 0;
    }

    if (w == NULL) {
        w = ngx_sandbox_http_watch(http, fd);
    }

    events = ((what & CURL_POLL_IN) ? NGX_SANDBOX_FD_READ : 0)
             | ((what & CURL_POLL_OUT) ? NGX_SANDBOX_FD_WRITE : 0);

    if (w && ngx_sandbox_fd_watch(&w->fd, events) == NGX_OK) {
        return 0;
    }

    t = NULL;
    (void) curl_easy_getinfo(easy, CURLINFO_PRIVATE, &t);

    if (t) {
        t->starved = 1;
        http->starved = 1;
    }

    return 0;
}


static ngx_sandbox_http_watcher_t *
ngx_sandbox_http_watch(ngx_sandbox_http_t *http, curl_socket_t fd)
{
    ngx_sandbox_http_watcher_t  *w;

    w = ngx_calloc(sizeof(ngx_sandbox_http_watcher_t), http->log);
    if (w == NULL) {
        return NULL;
    }

    w->fd.handler = ngx_sandbox_http_fd_handler;
    w->fd.data = http;

    if (ngx_sandbox_fd_open(&w->fd, fd, http->log) != NGX_OK) {
        ngx_free(w);
        return NULL;
    }

    if (curl_multi_assign(http->multi, fd, w) != CURLM_OK) {
        ngx_sandbox_fd_close(&w->fd, 0);
        ngx_free(w);
        return NULL;
    }

    ngx_queue_insert_tail(&http->watchers, &w->queue);

    return w;
}


static void
ngx_sandbox_http_unwatch(ngx_sandbox_http_watcher_t *w)
{
    ngx_queue_remove(&w->queue);
    ngx_free(w);
}


static void
ngx_sandbox_http_timer_handler(ngx_event_t *ev)
{
    ngx_connection_t    *nobody;
    ngx_sandbox_http_t  *http;

    nobody = ev->data;
    http = nobody->data;

    ngx_sandbox_http_drive(http, CURL_SOCKET_TIMEOUT, 0);
}


static void
ngx_sandbox_http_fd_handler(ngx_sandbox_fd_t *fd, ngx_uint_t what)
{
    ngx_sandbox_http_t  *http;

    http = fd->data;

    if (what == NGX_SANDBOX_FD_CLOSE) {
        /* worker_shutdown_timeout is over */

        ngx_sandbox_http_fail_all(http, "the worker is leaving");
        return;
    }

    /* the watcher may be gone after this */

    ngx_sandbox_http_drive(http, fd->connection->fd,
                           (what == NGX_SANDBOX_FD_READ) ? CURL_CSELECT_IN
                                                         : CURL_CSELECT_OUT);
}


static void
ngx_sandbox_http_deadline_handler(ngx_event_t *ev)
{
    ngx_sandbox_http_transfer_t  *t;

    t = ngx_queue_data(ev, ngx_sandbox_http_transfer_t, timer);
    t->cause = "timed out";

    ngx_sandbox_http_finish(t, CURLE_OPERATION_TIMEDOUT);
}


static void
ngx_sandbox_http_drive(ngx_sandbox_http_t *http, curl_socket_t fd, int what)
{
    int                           running;
    CURLMcode                     rc;
    ngx_queue_t                  *q;
    ngx_sandbox_http_transfer_t  *t;

    http->driving = 1;
    rc = curl_multi_socket_action(http->multi, fd, what, &running);
    http->driving = 0;

    if (rc == CURLM_OK) {
        ngx_sandbox_http_reap(http);
        return;
    }

    /* libcurl's state is unknown now: take all apart and begin anew */

    ngx_log_error(NGX_LOG_ERR, http->log, 0,
                  "sandbox: curl_multi_socket_action() failed: %s",
                  curl_multi_strerror(rc));

    for (q = ngx_queue_head(&http->running);
         q != ngx_queue_sentinel(&http->running);
         q = ngx_queue_next(q))
    {
        t = ngx_queue_data(q, ngx_sandbox_http_transfer_t, queue);

        (void) curl_multi_remove_handle(http->multi, t->easy);
        t->attached = 0;
    }

    ngx_sandbox_http_close(http);
    ngx_sandbox_http_fail_all(http, "libcurl failed");
}


static void
ngx_sandbox_http_reap(ngx_sandbox_http_t *http)
{
    int                           left;
    CURLMsg                      *msg;
    CURLcode                      code;
    ngx_sandbox_http_transfer_t  *t;

    for ( ;; ) {
        msg = curl_multi_info_read(http->multi, &left);

        if (msg == NULL) {
            break;
        }

        if (msg->msg != CURLMSG_DONE) {
            continue;
        }

        /* the message dies when its handle is removed */

        code = msg->data.result;
        t = NULL;
        (void) curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &t);

        if (t) {
            ngx_sandbox_http_finish(t, code);
        }
    }

    if (http->starved) {
        ngx_sandbox_http_reap_starved(http);
    }
}


static void
ngx_sandbox_http_reap_starved(ngx_sandbox_http_t *http)
{
    ngx_queue_t                  *q;
    ngx_sandbox_http_transfer_t  *t;

    http->starved = 0;

    q = ngx_queue_head(&http->running);

    while (q != ngx_queue_sentinel(&http->running)) {
        t = ngx_queue_data(q, ngx_sandbox_http_transfer_t, queue);

        if (!t->starved) {
            q = ngx_queue_next(q);
            continue;
        }

        t->cause = "worker_connections are not enough";
        ngx_sandbox_http_finish(t, CURLE_COULDNT_CONNECT);

        /* the handler may have changed the queue */
        q = ngx_queue_head(&http->running);
    }
}


static void
ngx_sandbox_http_finish(ngx_sandbox_http_transfer_t *t, CURLcode code)
{
    ngx_sandbox_call_t  *call;

    call = t->call;

    ngx_sandbox_http_transfer_result(t, code);

    call->transfer = NULL;

    ngx_queue_remove(&t->queue);
    ngx_sandbox_http_put(t);

    ngx_log_debug5(NGX_LOG_DEBUG_CORE, call->log, 0,
                   "sandbox: call %s %V done: %i, %ui, \"%V\"", call->method,
                   &call->uri, call->rc, call->status, &call->error);

    call->handler(call);
}


/* calls that the handlers start meanwhile are not among "all" */

static void
ngx_sandbox_http_fail_all(ngx_sandbox_http_t *http, char *cause)
{
    ngx_queue_t                   failed, *q;
    ngx_sandbox_http_transfer_t  *t;

    ngx_queue_init(&failed);
    ngx_queue_add(&failed, &http->running);
    ngx_queue_init(&http->running);

    while (!ngx_queue_empty(&failed)) {
        q = ngx_queue_head(&failed);
        t = ngx_queue_data(q, ngx_sandbox_http_transfer_t, queue);

        t->cause = cause;
        ngx_sandbox_http_finish(t, CURLE_ABORTED_BY_CALLBACK);
    }
}
