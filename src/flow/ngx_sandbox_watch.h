
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The output of an execution as a sequence of numbered events, wherever it is:
 * with the session's executor while it is written, and in the row afterwards.
 * Whoever passes them on pulls one after the other; nothing is read ahead.
 *
 * The number of an event follows from what it is, so any worker can go on where
 * another one has been: that of a record is the executor's, and attempt n
 * begins at (n - 1) * NGX_SANDBOX_WATCH_ATTEMPT, which is the event that tells
 * it.
 */


#ifndef _NGX_SANDBOX_WATCH_H_INCLUDED_
#define _NGX_SANDBOX_WATCH_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox.h"
#include "ngx_sandbox_db.h"
#include "ngx_sandbox_error.h"
#include "ngx_sandbox_events.h"
#include "ngx_sandbox_follow.h"
#include "ngx_sandbox_node.h"


#define NGX_SANDBOX_WATCH_ATTEMPT  1000000000000ULL

/* the largest number that an event can have */
#define NGX_SANDBOX_WATCH_MAX                                                 \
    (NGX_SANDBOX_WATCH_ATTEMPT * (NGX_SANDBOX_RETRIES_MAX + 1) - 1)


typedef enum {
    NGX_SANDBOX_WATCH_STDOUT = 0,
    NGX_SANDBOX_WATCH_STDERR,
    NGX_SANDBOX_WATCH_GAP,
    NGX_SANDBOX_WATCH_RETRY,
    NGX_SANDBOX_WATCH_RESULT,
    NGX_SANDBOX_WATCH_ERROR,
    NGX_SANDBOX_WATCH_DONE
} ngx_sandbox_watch_type_e;


typedef struct {
    ngx_sandbox_watch_type_e   type;
    uint64_t                   id;         /* 0: it has none */
    ngx_str_t                  text;       /* STDOUT, STDERR: UTF-8 */
    ngx_uint_t                 stream;     /* GAP: NGX_SANDBOX_EVENTS_* */
    uint64_t                   bytes;      /* GAP: if the stream is known */
    ngx_int_t                  attempt;    /* RETRY */
    ngx_str_t                 *row;        /* RESULT: NGX_SANDBOX_EXECUTION_* */
    ngx_sandbox_error_t       *error;      /* ERROR */
} ngx_sandbox_watch_event_t;


typedef struct ngx_sandbox_watch_s  ngx_sandbox_watch_t;

/* There may be an event: ask.  May stop it. */
typedef void (*ngx_sandbox_watch_handler_pt)(ngx_sandbox_watch_t *w);

typedef ngx_int_t (*ngx_sandbox_watch_phase_pt)(ngx_sandbox_watch_t *w,
    ngx_sandbox_watch_event_t *ev);


struct ngx_sandbox_watch_s {
    /* zeroed and set by the caller, in memory that lives until it is stopped */
    ngx_sandbox_node_t           *node;
    ngx_str_t                     id;          /* of the execution */
    uint64_t                      last;        /* the event that is known */
    ngx_connection_t             *connection;  /* for the timer's log */
    ngx_log_t                    *log;
    ngx_sandbox_watch_handler_pt  handler;
    void                         *data;

    /* its own */
    ngx_sandbox_watch_phase_pt    phase;
    ngx_sandbox_follow_t          follow;
    ngx_sandbox_waiter_t          waiter;      /* for changes of the row */
    ngx_sandbox_db_op_t           op;
    ngx_sandbox_db_param_t        param;
    ngx_pool_t                   *pool;        /* of the row that was read */
    ngx_event_t                   timer;
    ngx_msec_t                    wait;        /* before it looks again */
    ngx_msec_t                    opened;      /* when it began to follow */
    ngx_msec_t                    looked;      /* at the row, the last time */
    ngx_msec_t                    down;        /* MariaDB, since */
    ngx_msec_t                    closed;      /* when the row was found so */
    uint64_t                      passed;      /* records, at the last check */

    ngx_int_t                     attempt;     /* 0: not known yet */
    uint64_t                      base;        /* its event */
    uint64_t                      number;      /* of the last record */
    uint64_t                      asked;       /* of the one to go on behind */
    ngx_str_t                     session_id;
    u_char                        session[NGX_SANDBOX_ID_MAX];

    ngx_sandbox_events_t          shape;
    uint64_t                      pieces;      /* where there is no shape */
    size_t                        offset;
    ngx_uint_t                    stream;
    ngx_sandbox_error_t           error;

    unsigned                      reading:1;   /* the row */
    unsigned                      answered:1;  /* it is there */
    unsigned                      changed:1;   /* the row, since it was read */
    unsigned                      hurried:1;   /* the timer, for that */
    unsigned                      due:1;       /* the timer was */
    unsigned                      retry:1;     /* the attempt is to be told */
    unsigned                      live:1;      /* records have come */
    unsigned                      ended:1;     /* all of this attempt's have */
    unsigned                      over:1;      /* the row said so */
    unsigned                      blamed:1;    /* the executor, in the log */
};


/*
 * session_id may be NULL: then the row is read first.  With it the execution is
 * known to be open and in its first attempt.
 */
void ngx_sandbox_watch_start(ngx_sandbox_watch_t *w,
    const ngx_str_t *session_id);

/*
 * NGX_OK:    ev is the next event, what it points to is good until the next
 *            call
 * NGX_AGAIN: the handler will be called
 * NGX_DONE:  NGX_SANDBOX_WATCH_DONE was the last one
 */
ngx_int_t ngx_sandbox_watch_next(ngx_sandbox_watch_t *w,
    ngx_sandbox_watch_event_t *ev);

/* May be repeated, and called from the handler. */
void ngx_sandbox_watch_stop(ngx_sandbox_watch_t *w);


/*
 * Between the files of the watching: a phase returns what
 * ngx_sandbox_watch_next() does, or NGX_DECLINED when another one goes on.
 */

/* reads the row and finds out where the output is */
ngx_int_t ngx_sandbox_watch_look(ngx_sandbox_watch_t *w,
    ngx_sandbox_watch_event_t *ev);

/* reads all of the row, and tells what it has */
ngx_int_t ngx_sandbox_watch_load(ngx_sandbox_watch_t *w,
    ngx_sandbox_watch_event_t *ev);

/* passes on what the executor sends */
ngx_int_t ngx_sandbox_watch_follow(ngx_sandbox_watch_t *w,
    ngx_sandbox_watch_event_t *ev);

/* looks again, at once or after a pause that grows: MariaDB is away */
ngx_int_t ngx_sandbox_watch_again(ngx_sandbox_watch_t *w);

/* looks again when the row has changed */
ngx_int_t ngx_sandbox_watch_idle(ngx_sandbox_watch_t *w);

/* the session is known: its end is the execution's as well */
void ngx_sandbox_watch_session(ngx_sandbox_watch_t *w,
    const ngx_str_t *session_id);

/* sends the statement with the execution's id; NGX_AGAIN, NGX_OK: answered */
ngx_int_t ngx_sandbox_watch_read(ngx_sandbox_watch_t *w,
    ngx_sandbox_db_stmt_t *stmt);

/* after some time "due" is set, and the handler called */
void ngx_sandbox_watch_timer(ngx_sandbox_watch_t *w, ngx_msec_t ms);

void ngx_sandbox_watch_attempt(ngx_sandbox_watch_t *w, ngx_int_t attempt);

/* the event of the record with this number of the attempt; NGX_OK */
ngx_int_t ngx_sandbox_watch_record(ngx_sandbox_watch_t *w,
    ngx_sandbox_watch_event_t *ev, ngx_uint_t type, uint64_t number);

ngx_int_t ngx_sandbox_watch_fail(ngx_sandbox_watch_t *w,
    ngx_sandbox_error_e error, char *detail);


#endif /* _NGX_SANDBOX_WATCH_H_INCLUDED_ */
