
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Follows the output of an execution where it is written: a connection of its
 * own to the session's executor, which is read only as fast as somebody asks
 * for the next frame.
 */


#ifndef _NGX_SANDBOX_FOLLOW_H_INCLUDED_
#define _NGX_SANDBOX_FOLLOW_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_sandbox_frames.h"


typedef struct ngx_sandbox_follow_s  ngx_sandbox_follow_t;

/* There may be a frame: ask.  May close it. */
typedef void (*ngx_sandbox_follow_handler_pt)(ngx_sandbox_follow_t *f);


struct ngx_sandbox_follow_s {
    /* zeroed and set by the caller, in memory that lives until it is closed */
    ngx_sandbox_follow_handler_pt   handler;
    void                           *data;
    ngx_log_t                      *log;
    uint64_t                        after;       /* numbers rise above it */

    /* the result */
    ngx_uint_t                      status;      /* of the answer, or 0 */
    char                           *error;       /* after NGX_ERROR: why */

    /* its own */
    ngx_connection_t               *connection;  /* NULL: it is closed */
    ngx_buf_t                       buffer;      /* of what has come */
    ngx_sandbox_frames_t            frames;
    size_t                          turn;        /* bytes read in this one */
};


/*
 * Connects to the socket (its path, NUL-terminated) and asks for "uri" with the
 * bearer token; nothing of the three is needed afterwards.  NGX_OK: the handler
 * will be called; NGX_ERROR: nothing was begun, error says why.
 */
ngx_int_t ngx_sandbox_follow_start(ngx_sandbox_follow_t *f, ngx_str_t *socket,
    ngx_str_t *uri, ngx_str_t *token);

/*
 * NGX_OK:    ret is the next frame, its text is good until the next call
 * NGX_AGAIN: the handler will be called
 * NGX_ERROR: it ended, as status or error says; close it
 *
 * Between a result that is not NGX_AGAIN and the next call it is paused:
 * nothing more is read than has been, and no time runs.  The frame 'z' is the
 * last one.
 */
ngx_int_t ngx_sandbox_follow_next(ngx_sandbox_follow_t *f,
    ngx_sandbox_frame_t *ret);

/* May be repeated, and called from the handler. */
void ngx_sandbox_follow_close(ngx_sandbox_follow_t *f);


#endif /* _NGX_SANDBOX_FOLLOW_H_INCLUDED_ */
