
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * One connection to MariaDB: a protocol client in the form of nginx's OCSP
 * client.  A call of the library is started; while it is suspended "cont"
 * continues it when its descriptor is ready, and "next" says what follows.
 * Here are the parts all steps share: running, waiting, deadlines, the end.
 *
 * It belongs to the pool.  One that has failed is closed and freed before its
 * event handler returns.  Handlers of operations are never called from here.
 * Never blocks: what the library may do to a socket only follows shutdown().
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_sandbox_db_private.h"


#define NGX_SANDBOX_DB_ABORT_MAX  8    /* calls */


static ngx_sandbox_db_connection_t *ngx_sandbox_db_connection_create(
    ngx_sandbox_db_pool_t *pool);
static void ngx_sandbox_db_connection_bury(ngx_sandbox_db_connection_t *c);
static void ngx_sandbox_db_connection_end_op(ngx_sandbox_db_connection_t *c);
static void ngx_sandbox_db_connection_abort(ngx_sandbox_db_connection_t *c);
static void ngx_sandbox_db_connection_end(ngx_sandbox_db_connection_t *c);
static void ngx_sandbox_db_fd_handler(ngx_sandbox_fd_t *w, ngx_uint_t what);
static void ngx_sandbox_db_idle_handler(ngx_sandbox_db_connection_t *c);
static void ngx_sandbox_db_timer_handler(ngx_event_t *ev);


void
ngx_sandbox_db_connection_open(ngx_sandbox_db_pool_t *pool)
{
    ngx_sandbox_db_connection_t  *c;

    static ngx_str_t  nomem = ngx_string("no memory for a connection");

    c = ngx_sandbox_db_connection_create(pool);
    if (c == NULL) {
        ngx_sandbox_db_pool_failed(pool, NGX_SANDBOX_DB_UNAVAILABLE, &nomem);
        return;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_CORE, pool->log, 0,
                   "sandbox db: %p connecting", c);

    ngx_sandbox_db_connection_deadline(c, pool->conf.connect_timeout, 0);
    ngx_sandbox_db_connect(c);

    ngx_sandbox_db_connection_run(c);
}


ngx_uint_t
ngx_sandbox_db_connection_is_quiet(ngx_sandbox_db_connection_t *c)
{
    u_char   byte;
    ssize_t  n;

    n = recv(c->fd.connection->fd, &byte, 1, MSG_PEEK|MSG_DONTWAIT);

    return n == -1 && (ngx_socket_errno == NGX_EAGAIN
                       || ngx_socket_errno == NGX_EINTR);
}


void
ngx_sandbox_db_connection_run(ngx_sandbox_db_connection_t *c)
{
    ngx_sandbox_db_next_pt  next;

    for ( ;; ) {

        if (c->state == NGX_SANDBOX_DB_DEAD) {
            ngx_sandbox_db_connection_bury(c);
            return;
        }

        if (c->wait) {
            if (ngx_sandbox_db_is_too_large(c)) {
                ngx_sandbox_db_connection_die(c, NGX_SANDBOX_DB_ERROR,
                                              "the result is too large");
                continue;
            }

            if (ngx_sandbox_db_connection_watch(c, c->wait) != NGX_OK) {
                ngx_sandbox_db_connection_die(c,
                               c->sent ? NGX_SANDBOX_DB_LOST
                                       : NGX_SANDBOX_DB_UNAVAILABLE,
                               "the socket cannot be watched");
                continue;
            }

            return;
        }

        if (c->next == NULL) {
            return;
        }

        next = c->next;
        c->next = NULL;
        next(c);
    }
}


/*
 * A connection may be set up without a wait, so its first descriptor is seen
 * here at the latest when it becomes idle.
 */

ngx_int_t
ngx_sandbox_db_connection_watch(ngx_sandbox_db_connection_t *c, int wait)
{
    ngx_uint_t         what;
    ngx_socket_t       fd;
    ngx_sandbox_fd_t  *w;

    w = &c->fd;
    fd = mysql_get_socket(&c->my);

    if (w->connection && w->connection->fd != fd) {

        /* the library went on to another address and closed this one */

        ngx_sandbox_fd_close(w, 1);
    }

    if (fd == (ngx_socket_t) -1 || ngx_sandbox_db_tls_prepare(c) != NGX_OK) {
        return NGX_ERROR;
    }

    if (w->connection == NULL
        && ngx_sandbox_fd_open(w, fd, c->pool->log) != NGX_OK)
    {
        return NGX_ERROR;
    }

    what = 0;

    if (wait & MYSQL_WAIT_READ) {
        what |= NGX_SANDBOX_FD_READ;
    }

    if (wait & MYSQL_WAIT_WRITE) {
        what |= NGX_SANDBOX_FD_WRITE;
    }

    return ngx_sandbox_fd_watch(w, what);
}


void
ngx_sandbox_db_connection_close(ngx_sandbox_db_connection_t *c)
{
    ngx_uint_t              i;
    ngx_sandbox_db_pool_t  *pool;

    pool = c->pool;

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, pool->log, 0,
                   "sandbox db: %p close, state:%d", c, c->state);

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

    if (c->timer.timer_set) {
        ngx_del_timer(&c->timer);
    }

    if (c->wait) {
        ngx_sandbox_db_connection_abort(c);
    }

    ngx_sandbox_db_connection_end(c);

    /* only memory is freed here: the library has forgotten the connection */

    for (i = 0; i < pool->statements; i++) {
        if (c->stmts[i]) {
            (void) mysql_stmt_close(c->stmts[i]);
        }
    }

    ngx_sandbox_db_params_free(&c->params);
    ngx_free(c);

    ngx_sandbox_db_pool_closed(pool);
}


void
ngx_sandbox_db_connection_die(ngx_sandbox_db_connection_t *c,
    ngx_sandbox_db_status_e status, char *text)
{
    if (text) {
        c->error = 0;
        ngx_sandbox_db_connection_text(c, "%s", text);
    }

    if (c->state == NGX_SANDBOX_DB_IDLE) {
        ngx_queue_remove(&c->idle);
    }

    c->state = NGX_SANDBOX_DB_DEAD;
    c->status = status;
    c->next = NULL;
}


void
ngx_sandbox_db_connection_error(ngx_sandbox_db_connection_t *c,
    ngx_uint_t error, const char *sqlstate, const char *message)
{
    c->error = error;
    c->text.data = c->buf;
    c->text.len = ngx_sandbox_db_error_text(c->buf, sizeof(c->buf), error,
                                            sqlstate, message);
}


void
ngx_sandbox_db_connection_text(ngx_sandbox_db_connection_t *c,
    const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    c->text.data = c->buf;
    c->text.len = ngx_vslprintf(c->buf, c->buf + sizeof(c->buf), fmt, args)
                  - c->buf;
    va_end(args);
}


/*
 * The timer is left where it is as long as it expires early enough: most
 * operations cost no change of the timer tree.
 */

void
ngx_sandbox_db_connection_deadline(ngx_sandbox_db_connection_t *c,
    ngx_msec_t timeout, ngx_uint_t cancelable)
{
    c->deadline = ngx_current_msec + timeout;
    c->timer.cancelable = cancelable ? 1 : 0;

    if (c->timer.timer_set) {
        if ((ngx_msec_int_t) (c->timer.timer.key - c->deadline) <= 0) {
            return;
        }

        ngx_del_timer(&c->timer);
    }

    ngx_add_timer(&c->timer, timeout);
}


static ngx_sandbox_db_connection_t *
ngx_sandbox_db_connection_create(ngx_sandbox_db_pool_t *pool)
{
    size_t                        size;
    ngx_sandbox_db_connection_t  *c;

    size = sizeof(ngx_sandbox_db_connection_t)
           + pool->statements * sizeof(MYSQL_STMT *);

    c = ngx_calloc(size, pool->log);
    if (c == NULL) {
        return NULL;
    }

    if (mysql_init(&c->my) == NULL) {
        ngx_free(c);
        return NULL;
    }

    c->pool = pool;
    c->state = NGX_SANDBOX_DB_CONNECTING;
    c->stmts = (MYSQL_STMT **) (c + 1);

    c->fd.handler = ngx_sandbox_db_fd_handler;
    c->fd.data = c;

    c->ident.fd = (ngx_socket_t) -1;
    c->ident.data = c;
    c->timer.handler = ngx_sandbox_db_timer_handler;
    c->timer.data = &c->ident;
    c->timer.log = pool->log;

    ngx_queue_insert_tail(&pool->connections, &c->queue);
    pool->total++;
    pool->connecting++;

    return c;
}


static void
ngx_sandbox_db_connection_bury(ngx_sandbox_db_connection_t *c)
{
    u_char                    buf[NGX_SANDBOX_DB_TEXT_MAX];
    ngx_str_t                 text;
    ngx_uint_t                established;
    ngx_sandbox_db_pool_t    *pool;
    ngx_sandbox_db_status_e   status;

    pool = c->pool;
    status = c->status;
    established = c->established;

    text.len = c->text.len;
    text.data = buf;
    ngx_memcpy(buf, c->text.data, c->text.len);

    if (c->op) {
        ngx_sandbox_db_connection_end_op(c);
    }

    ngx_sandbox_db_connection_close(c);

    if (established) {
        ngx_sandbox_db_pool_lost(pool, status, &text);

    } else {
        ngx_sandbox_db_pool_failed(pool, status, &text);
    }
}


/*
 * A connection that was closed by the server in the meantime is not the
 * operation's fault: it gets a second one, if nothing can have happened yet
 * or if that does not matter.
 */

static void
ngx_sandbox_db_connection_end_op(ngx_sandbox_db_connection_t *c)
{
    ngx_sandbox_db_op_t  *op;

    op = c->op;

    if (!c->answered && !c->final && !op->repeated
        && (c->status == NGX_SANDBOX_DB_UNAVAILABLE
            || (c->status == NGX_SANDBOX_DB_LOST && op->stmt->repeat)))
    {
        c->op = NULL;
        ngx_sandbox_db_pool_repeat(c->pool, op);
        return;
    }

    if (!c->answered) {
        ngx_sandbox_db_answer(c, c->status);
    }

    c->op = NULL;
    ngx_sandbox_db_pool_done(c->pool, op);
}


/*
 * Lets a suspended call run to its end, so that the library frees what is on
 * the call's own stack: after shutdown() nothing there can wait any more.
 */

static void
ngx_sandbox_db_connection_abort(ngx_sandbox_db_connection_t *c)
{
    ngx_uint_t    n;
    ngx_socket_t  fd;

    fd = mysql_get_socket(&c->my);

    if (fd != (ngx_socket_t) -1) {
        (void) shutdown(fd, SHUT_RDWR);
    }

    for (n = 0; c->wait && n < NGX_SANDBOX_DB_ABORT_MAX; n++) {
        c->wait = c->cont(c, MYSQL_WAIT_TIMEOUT);
    }

    if (c->wait) {
        ngx_log_error(NGX_LOG_ALERT, c->pool->log, 0,
                      "sandbox: a call to MariaDB could not be aborted");
    }
}


static void
ngx_sandbox_db_connection_end(ngx_sandbox_db_connection_t *c)
{
    int           wait;
    ngx_uint_t    n, closed;
    ngx_socket_t  fd;

    if (c->res) {
        mysql_free_result(c->res);
    }

    /* without an "pvio" the library has closed the socket already */

    closed = (c->my.net.pvio == NULL);

    ngx_sandbox_fd_close(&c->fd, closed);

    if (closed) {
        mysql_close(&c->my);
        return;
    }

    fd = mysql_get_socket(&c->my);

    if (c->state != NGX_SANDBOX_DB_IDLE) {
        (void) shutdown(fd, SHUT_RDWR);
    }

    /* an idle one says good-bye, unless there is no room for even that */

    wait = mysql_close_start(&c->my);

    for (n = 0; wait && n < NGX_SANDBOX_DB_ABORT_MAX; n++) {
        (void) shutdown(fd, SHUT_RDWR);
        wait = mysql_close_cont(&c->my, MYSQL_WAIT_TIMEOUT);
    }

    if (wait) {
        mysql_close(&c->my);
    }
}


static void
ngx_sandbox_db_fd_handler(ngx_sandbox_fd_t *w, ngx_uint_t what)
{
    ngx_sandbox_db_pool_t        *pool;
    ngx_sandbox_db_connection_t  *c;

    c = w->data;
    pool = c->pool;

    if (c->state == NGX_SANDBOX_DB_IDLE) {

        if (what == NGX_SANDBOX_FD_CLOSE) {
            ngx_sandbox_db_connection_close(c);

        } else {
            ngx_sandbox_db_idle_handler(c);
        }

    } else if (what == NGX_SANDBOX_FD_CLOSE) {

        /* worker_shutdown_timeout is over */

        c->final = 1;
        ngx_sandbox_db_connection_die(c, c->sent ? NGX_SANDBOX_DB_LOST
                                                 : NGX_SANDBOX_DB_UNAVAILABLE,
                                      "the worker is shutting down");
        ngx_sandbox_db_connection_run(c);

    } else {
        c->wait = c->cont(c, what == NGX_SANDBOX_FD_READ ? MYSQL_WAIT_READ
                                                         : MYSQL_WAIT_WRITE);
        ngx_sandbox_db_connection_run(c);
    }

    ngx_sandbox_db_pool_dispatch(pool);
}


/* the server closes: wait_timeout, KILL, a restart */

static void
ngx_sandbox_db_idle_handler(ngx_sandbox_db_connection_t *c)
{
    if (ngx_sandbox_db_connection_is_quiet(c)) {
        return;
    }

    ngx_log_error(NGX_LOG_INFO, c->pool->log, 0,
                  "sandbox: MariaDB at %V closed an idle connection",
                  &c->pool->name);

    ngx_sandbox_db_connection_close(c);
}


static void
ngx_sandbox_db_timer_handler(ngx_event_t *ev)
{
    ngx_msec_int_t                left;
    ngx_connection_t             *ident;
    ngx_sandbox_db_pool_t        *pool;
    ngx_sandbox_db_connection_t  *c;

    ident = ev->data;
    c = ident->data;
    pool = c->pool;

    left = (ngx_msec_int_t) (c->deadline - ngx_current_msec);

    if (left > 0) {
        ngx_add_timer(ev, (ngx_msec_t) left);
        return;
    }

    if (c->state == NGX_SANDBOX_DB_IDLE) {
        ngx_sandbox_db_connection_close(c);
        return;
    }

    c->final = 1;
    c->error = 0;
    ngx_sandbox_db_connection_text(c, "no answer in %M ms",
                                   c->established ? pool->conf.query_timeout
                                          : pool->conf.connect_timeout);
    ngx_sandbox_db_connection_die(c, c->sent ? NGX_SANDBOX_DB_LOST
                                             : NGX_SANDBOX_DB_UNAVAILABLE,
                                  NULL);
    ngx_sandbox_db_connection_run(c);

    ngx_sandbox_db_pool_dispatch(pool);
}
