
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _NGX_SANDBOX_FD_H_INCLUDED_
#define _NGX_SANDBOX_FD_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>


#define NGX_SANDBOX_FD_READ   1
#define NGX_SANDBOX_FD_WRITE  2
#define NGX_SANDBOX_FD_CLOSE  4    /* the worker is leaving: close if idle */


typedef struct ngx_sandbox_fd_s  ngx_sandbox_fd_t;

/*
 * Called with exactly one of NGX_SANDBOX_FD_READ, _WRITE or _CLOSE.  May call
 * ngx_sandbox_fd_close() and free what the watcher is embedded in.
 */
typedef void (*ngx_sandbox_fd_handler_pt)(ngx_sandbox_fd_t *w,
    ngx_uint_t what);

/* A watcher of a descriptor that a foreign library owns. */
struct ngx_sandbox_fd_s {
    ngx_connection_t           *connection;   /* NULL: not watching */
    ngx_sandbox_fd_handler_pt   handler;      /* set by the user, before open */
    void                       *data;         /* the user's */
    unsigned                    watched:2;    /* NGX_SANDBOX_FD_READ | _WRITE */
};


/*
 * Begins to watch fd; nothing is reported before ngx_sandbox_fd_watch().
 * Takes one of worker_connections.  NGX_ERROR: there is none left.
 */
ngx_int_t ngx_sandbox_fd_open(ngx_sandbox_fd_t *w, ngx_socket_t fd,
    ngx_log_t *log);

/* Wants exactly these events (level-triggered) from now on; 0 is allowed. */
ngx_int_t ngx_sandbox_fd_watch(ngx_sandbox_fd_t *w, ngx_uint_t what);

/* An idle descriptor gets NGX_SANDBOX_FD_CLOSE when the worker shuts down. */
void ngx_sandbox_fd_idle(ngx_sandbox_fd_t *w, ngx_uint_t idle);

/*
 * Stops watching and gives the connection back; never closes the descriptor,
 * the library does.  "closed" tells that it has done so already: then the
 * number may be a stranger's by now and is not handed to epoll.
 */
void ngx_sandbox_fd_close(ngx_sandbox_fd_t *w, ngx_uint_t closed);


#endif /* _NGX_SANDBOX_FD_H_INCLUDED_ */
