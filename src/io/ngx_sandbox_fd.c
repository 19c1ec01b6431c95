
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Watches descriptors that foreign libraries own (MariaDB's, curl's).
 *
 * A watcher is embedded in the user's object and lives as long as that; it
 * borrows an ngx_connection_t for the time in between.  Events are
 * level-triggered: the libraries do not promise to drain a socket.  The
 * descriptor is never closed here, and never handed to epoll again once the
 * library has closed it.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_sandbox_fd.h"


static ngx_int_t ngx_sandbox_fd_set(ngx_sandbox_fd_t *w, ngx_uint_t what,
    ngx_uint_t on);
static void ngx_sandbox_fd_read_handler(ngx_event_t *rev);
static void ngx_sandbox_fd_write_handler(ngx_event_t *wev);


ngx_int_t
ngx_sandbox_fd_open(ngx_sandbox_fd_t *w, ngx_socket_t fd, ngx_log_t *log)
{
    ngx_connection_t  *c;

    c = ngx_get_connection(fd, log);
    if (c == NULL) {
        return NGX_ERROR;
    }

    c->data = w;
    c->pool = NULL;
    c->log = log;
    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);

    /* worker_shutdown_timeout calls every read handler: never leave it NULL */

    c->read->handler = ngx_sandbox_fd_read_handler;
    c->read->log = log;
    c->write->handler = ngx_sandbox_fd_write_handler;
    c->write->log = log;

    w->connection = c;
    w->watched = 0;

    return NGX_OK;
}


ngx_int_t
ngx_sandbox_fd_watch(ngx_sandbox_fd_t *w, ngx_uint_t what)
{
    ngx_uint_t  bit;

    for (bit = NGX_SANDBOX_FD_READ; bit <= NGX_SANDBOX_FD_WRITE; bit <<= 1) {

        if ((what & bit) == (w->watched & bit)) {
            continue;
        }

        if (ngx_sandbox_fd_set(w, bit, what & bit) != NGX_OK) {
            return NGX_ERROR;
        }

        w->watched ^= bit;
    }

    return NGX_OK;
}


void
ngx_sandbox_fd_idle(ngx_sandbox_fd_t *w, ngx_uint_t idle)
{
    w->connection->idle = idle ? 1 : 0;
}


void
ngx_sandbox_fd_close(ngx_sandbox_fd_t *w, ngx_uint_t closed)
{
    ngx_connection_t  *c;

    c = w->connection;

    if (c == NULL) {
        return;
    }

    if (closed) {
        if (c->read->active) {
            ngx_del_event(c->read, NGX_READ_EVENT, NGX_CLOSE_EVENT);
        }

        if (c->write->active) {
            ngx_del_event(c->write, NGX_WRITE_EVENT, NGX_CLOSE_EVENT);
        }

    } else {
        (void) ngx_sandbox_fd_watch(w, 0);
    }

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    if (c->write->posted) {
        ngx_delete_posted_event(c->write);
    }

    /* ngx_free_connection() looks at c->fd, so it is forgotten only then */

    ngx_free_connection(c);
    c->fd = (ngx_socket_t) -1;

    w->connection = NULL;
    w->watched = 0;
}


static ngx_int_t
ngx_sandbox_fd_set(ngx_sandbox_fd_t *w, ngx_uint_t what, ngx_uint_t on)
{
    ngx_int_t     event;
    ngx_event_t  *ev;

    if (what == NGX_SANDBOX_FD_READ) {
        ev = w->connection->read;
        event = NGX_READ_EVENT;

    } else {
        ev = w->connection->write;
        event = NGX_WRITE_EVENT;
    }

    if (on) {
        return ev->active ? NGX_OK : ngx_add_event(ev, event, NGX_LEVEL_EVENT);
    }

    return ev->active ? ngx_del_event(ev, event, 0) : NGX_OK;
}


static void
ngx_sandbox_fd_read_handler(ngx_event_t *rev)
{
    ngx_connection_t  *c;
    ngx_sandbox_fd_t  *w;

    c = rev->data;
    w = c->data;

    w->handler(w, c->close ? NGX_SANDBOX_FD_CLOSE : NGX_SANDBOX_FD_READ);
}


static void
ngx_sandbox_fd_write_handler(ngx_event_t *wev)
{
    ngx_connection_t  *c;
    ngx_sandbox_fd_t  *w;

    c = wev->data;
    w = c->data;

    w->handler(w, NGX_SANDBOX_FD_WRITE);
}
