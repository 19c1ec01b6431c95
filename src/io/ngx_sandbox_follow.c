
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * A stream of frames from an executor, pulled by whoever passes them on.
 *
 * It is neither libcurl's (0005-libcurl.md: the socket cannot be opened as it
 * has to be, and a paused transfer keeps its event loop busy) nor nginx's
 * upstream (a subrequest would have the client's connection for an hour, and
 * read on by itself): not to read is all that pausing takes, and HTTP/1.0 has
 * no chunks, so the frames are what comes.
 *
 * The other side is a sandbox.  One frame is kept, 64 KiB at most; one that
 * sends without an end gets 256 KiB a turn of the event loop; one that says
 * nothing, not even its sign of life each 10 s, is left.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_sandbox_follow.h"
#include "ngx_sandbox_socket.h"


#define NGX_SANDBOX_FOLLOW_ANSWER_MS  5000
#define NGX_SANDBOX_FOLLOW_QUIET_MS   30000

#define NGX_SANDBOX_FOLLOW_BUFFER     (16384 + 1024)
#define NGX_SANDBOX_FOLLOW_TURN       (256 * 1024)


static ngx_int_t ngx_sandbox_follow_connect(ngx_sandbox_follow_t *f,
    ngx_str_t *socket);
static ngx_socket_t ngx_sandbox_follow_socket(struct sockaddr_un *sun);
static ngx_int_t ngx_sandbox_follow_send(ngx_sandbox_follow_t *f,
    ngx_str_t *uri, ngx_str_t *token);
static ngx_int_t ngx_sandbox_follow_parse(ngx_sandbox_follow_t *f,
    ngx_sandbox_frame_t *ret);
static ngx_int_t ngx_sandbox_follow_read(ngx_sandbox_follow_t *f);
static ngx_int_t ngx_sandbox_follow_room(ngx_sandbox_follow_t *f);
static ngx_int_t ngx_sandbox_follow_wait(ngx_sandbox_follow_t *f);
static void ngx_sandbox_follow_read_handler(ngx_event_t *rev);
static void ngx_sandbox_follow_write_handler(ngx_event_t *wev);


ngx_int_t
ngx_sandbox_follow_start(ngx_sandbox_follow_t *f, ngx_str_t *socket,
    ngx_str_t *uri, ngx_str_t *token)
{
    ngx_memzero(&f->frames, sizeof(ngx_sandbox_frames_t));
    ngx_memzero(&f->buffer, sizeof(ngx_buf_t));

    f->frames.number = f->after;
    f->status = 0;
    f->turn = 0;
    f->error = "the session's executor cannot be reached";

    if (ngx_sandbox_follow_connect(f, socket) != NGX_OK) {
        return NGX_ERROR;
    }

    f->buffer.start = ngx_alloc(NGX_SANDBOX_FOLLOW_BUFFER, f->log);

    if (f->buffer.start == NULL
        || ngx_sandbox_follow_send(f, uri, token) != NGX_OK)
    {
        ngx_sandbox_follow_close(f);
        return NGX_ERROR;
    }

    f->buffer.end = f->buffer.start + NGX_SANDBOX_FOLLOW_BUFFER;
    f->buffer.pos = f->buffer.start;
    f->buffer.last = f->buffer.start;

    ngx_add_timer(f->connection->read, NGX_SANDBOX_FOLLOW_ANSWER_MS);

    return NGX_OK;
}


ngx_int_t
ngx_sandbox_follow_next(ngx_sandbox_follow_t *f, ngx_sandbox_frame_t *ret)
{
    ngx_int_t     rc;
    ngx_event_t  *rev;

    rev = f->connection->read;

    if (rev->timer_set) {
        ngx_del_timer(rev);
    }

    for ( ;; ) {
        rc = ngx_sandbox_follow_parse(f, ret);

        if (rc != NGX_AGAIN) {
            return rc;
        }

        if (rev->timedout || f->connection->close) {
            f->error = rev->timedout ? "the executor says nothing"
                                     : "the worker is leaving";
            return NGX_ERROR;
        }

        rc = ngx_sandbox_follow_read(f);

        if (rc == NGX_AGAIN) {
            return ngx_sandbox_follow_wait(f);
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }
}


void
ngx_sandbox_follow_close(ngx_sandbox_follow_t *f)
{
    if (f->connection) {
        ngx_close_connection(f->connection);
        f->connection = NULL;
    }

    if (f->buffer.start) {
        ngx_free(f->buffer.start);
        f->buffer.start = NULL;
    }
}


static ngx_int_t
ngx_sandbox_follow_connect(ngx_sandbox_follow_t *f, ngx_str_t *socket)
{
    ngx_fd_t             path;
    ngx_socket_t         s;
    ngx_connection_t    *c;
    struct sockaddr_un   sun;

    path = ngx_sandbox_socket_open(socket, f->log);

    if (path == NGX_INVALID_FILE) {
        return NGX_ERROR;
    }

    ngx_sandbox_socket_address(path, &sun);

    s = ngx_sandbox_follow_socket(&sun);

    (void) ngx_close_file(path);

    if (s == (ngx_socket_t) -1) {
        return NGX_ERROR;
    }

    c = ngx_get_connection(s, f->log);

    if (c == NULL) {
        f->error = "worker_connections are not enough";
        (void) ngx_close_socket(s);
        return NGX_ERROR;
    }

    c->data = f;
    c->log = f->log;
    c->log_error = NGX_ERROR_INFO;
    c->read->log = f->log;
    c->write->log = f->log;
    c->read->handler = ngx_sandbox_follow_read_handler;
    c->write->handler = ngx_sandbox_follow_write_handler;
    c->recv = ngx_recv;
    c->send = ngx_send;
    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);

    f->connection = c;

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_sandbox_follow_close(f);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* a unix socket connects at once, or not; nobody is told but the caller */

static ngx_socket_t
ngx_sandbox_follow_socket(struct sockaddr_un *sun)
{
    ngx_socket_t  s;

    s = ngx_socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0);

    if (s == (ngx_socket_t) -1) {
        return s;
    }

    if (connect(s, (struct sockaddr *) sun, sizeof(struct sockaddr_un)) == -1) {
        (void) ngx_close_socket(s);
        return (ngx_socket_t) -1;
    }

    return s;
}


/* it is far smaller than what a socket takes at once */

static ngx_int_t
ngx_sandbox_follow_send(ngx_sandbox_follow_t *f, ngx_str_t *uri,
    ngx_str_t *token)
{
    size_t   len;
    ssize_t  n;
    u_char  *p;

    static const char  format[] =
        "GET %V HTTP/1.0" CRLF
        "Host: executor" CRLF
        "Authorization: Bearer %V" CRLF CRLF;

    p = ngx_alloc(sizeof(format) + uri->len + token->len, f->log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    len = ngx_sprintf(p, format, uri, token) - p;

    n = send(f->connection->fd, p, len, MSG_NOSIGNAL);

    ngx_explicit_memzero(p, len);
    ngx_free(p);

    return (n == (ssize_t) len) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_sandbox_follow_parse(ngx_sandbox_follow_t *f, ngx_sandbox_frame_t *ret)
{
    ngx_int_t   rc;
    ngx_buf_t  *b;

    b = &f->buffer;

    if (f->status == 0) {
        f->frames.need = NGX_SANDBOX_FRAMES_ANSWER_MAX;

        rc = ngx_sandbox_frames_answer(&b->pos, b->last, &f->status);

        if (rc != NGX_OK) {
            f->error = "the executor sent no valid HTTP";
            return rc;
        }

        if (f->status != 200) {
            f->error = "the executor refused";
            return NGX_ERROR;
        }
    }

    rc = ngx_sandbox_frames_next(&f->frames, &b->pos, b->last, ret);

    if (rc == NGX_ERROR) {
        f->error = "the executor sent what is no output";
    }

    return rc;
}


static ngx_int_t
ngx_sandbox_follow_read(ngx_sandbox_follow_t *f)
{
    ssize_t      n;
    ngx_buf_t   *b;
    ngx_event_t *rev;

    b = &f->buffer;
    rev = f->connection->read;

    if (!rev->ready) {
        return NGX_AGAIN;
    }

    if (f->turn >= NGX_SANDBOX_FOLLOW_TURN) {
        /* the others' turn */

        f->turn = 0;
        ngx_post_event(rev, &ngx_posted_next_events);

        return NGX_AGAIN;
    }

    if (ngx_sandbox_follow_room(f) != NGX_OK) {
        f->error = "no memory for a frame";
        return NGX_ERROR;
    }

    n = f->connection->recv(f->connection, b->last, b->end - b->last);

    if (n == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    if (n <= 0) {
        f->error = "the sandbox closed the connection";
        return NGX_ERROR;
    }

    b->last += n;
    f->turn += n;

    return NGX_OK;
}


/* the parser has said what it needs, and that is bounded */

static ngx_int_t
ngx_sandbox_follow_room(ngx_sandbox_follow_t *f)
{
    size_t      left;
    u_char     *p;
    ngx_buf_t  *b;

    b = &f->buffer;
    left = b->last - b->pos;

    if (f->frames.need <= (size_t) (b->end - b->start)) {

        if (b->pos != b->start) {
            ngx_memmove(b->start, b->pos, left);
        }

    } else {
        p = ngx_alloc(f->frames.need, f->log);
        if (p == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(p, b->pos, left);
        ngx_free(b->start);

        b->start = p;
        b->end = p + f->frames.need;
    }

    b->pos = b->start;
    b->last = b->start + left;

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_follow_wait(ngx_sandbox_follow_t *f)
{
    ngx_event_t  *rev;

    rev = f->connection->read;

    if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        f->error = "the sandbox cannot be waited for";
        return NGX_ERROR;
    }

    ngx_add_timer(rev, f->status ? NGX_SANDBOX_FOLLOW_QUIET_MS
                                 : NGX_SANDBOX_FOLLOW_ANSWER_MS);

    return NGX_AGAIN;
}


static void
ngx_sandbox_follow_read_handler(ngx_event_t *rev)
{
    ngx_connection_t      *c;
    ngx_sandbox_follow_t  *f;

    c = rev->data;
    f = c->data;

    f->turn = 0;
    f->handler(f);
}


static void
ngx_sandbox_follow_write_handler(ngx_event_t *wev)
{
    /* the request has left already */
}
