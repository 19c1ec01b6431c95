
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The step runner.  A use case is a table of steps; reading the table tells
 * the whole story:
 *
 *     name    completes the log line: "... while <name>"
 *     start   begins the step.  NGX_OK: done; NGX_AGAIN: an operation is
 *             pending and will resume the flow; NGX_DONE: the flow has
 *             reached its goal, the remaining steps are skipped; NGX_ERROR:
 *             failed, flow->error says why
 *     finish  reads the result of the operation, same codes; NGX_AGAIN when
 *             it has started one more operation.  NULL: the result decides
 *     undo    takes the step's effect back, same codes.  It is also called
 *             for the step that failed, since its effect is unknown, so it
 *             must be idempotent.  A failed undo is left to the reconciler
 *
 * A flow belongs to one HTTP request; its memory and its log are the
 * request's.  The runner does not recurse: an operation may complete inside
 * start().  ngx_sandbox_flow_t.done is called exactly once, and last.
 */


#ifndef _NGX_SANDBOX_FLOW_H_INCLUDED_
#define _NGX_SANDBOX_FLOW_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_sandbox_error.h"
#include "ngx_sandbox_node.h"


typedef struct ngx_sandbox_flow_s  ngx_sandbox_flow_t;

typedef ngx_int_t (*ngx_sandbox_step_pt)(ngx_sandbox_flow_t *f);
typedef void (*ngx_sandbox_flow_done_pt)(ngx_sandbox_flow_t *f, ngx_int_t rc);


typedef struct {
    char                      *name;
    ngx_sandbox_step_pt        start;
    ngx_sandbox_step_pt        finish;
    ngx_sandbox_step_pt        undo;
} ngx_sandbox_step_t;

#define ngx_sandbox_null_step  { NULL, NULL, NULL, NULL }


struct ngx_sandbox_flow_s {
    /* set by the caller */
    const ngx_sandbox_step_t  *steps;
    ngx_pool_t                *pool;
    ngx_log_t                 *log;
    ngx_connection_t          *connection;   /* for the timer's log only */
    void                      *data;         /* the use case's own */
    ngx_http_request_t        *request;      /* for the operations only */
    ngx_sandbox_node_t        *node;         /* likewise */
    ngx_sandbox_flow_done_pt   done;         /* rc: NGX_OK or NGX_ERROR */

    /* the operation in flight */
    ngx_int_t                  op_rc;        /* how it ended */
    void                      *op;           /* its own structure */
    void                     (*cancel)(ngx_sandbox_flow_t *f);

    ngx_sandbox_error_t        error;        /* why the flow failed */

    /* the runner's own */
    ngx_uint_t                 current;
    ngx_int_t                  rc;
    ngx_event_t                timer;
    ngx_sandbox_error_t        deadline;     /* the reason if it is missed */
    unsigned                   running:1;
    unsigned                   woken:1;
    unsigned                   undoing:1;
    unsigned                   expired:1;
    unsigned                   finished:1;
};


void ngx_sandbox_flow_start(ngx_sandbox_flow_t *f);

/*
 * An operation has ended; op_rc is handed to the step's finish.  May be called
 * from inside start() or finish().  The flow may be gone when this returns.
 */
void ngx_sandbox_flow_resume(ngx_sandbox_flow_t *f, ngx_int_t op_rc);

/*
 * The whole flow must end within this time: when it is over, the operation in
 * flight is cancelled, or its end awaited if it cannot be, and its step fails
 * with the given error.  The undo that follows is not bound by it; each
 * operation has a deadline of its own.
 */
void ngx_sandbox_flow_deadline(ngx_sandbox_flow_t *f, ngx_msec_t timeout,
    ngx_sandbox_error_e error, char *detail);

/* The request is gone: cancels what is in flight; done is not called. */
void ngx_sandbox_flow_abort(ngx_sandbox_flow_t *f);

/* Sets the reason, which an undo does not change any more; NGX_ERROR. */
ngx_int_t ngx_sandbox_flow_fail(ngx_sandbox_flow_t *f,
    ngx_sandbox_error_e error, char *fmt, ...);


#endif /* _NGX_SANDBOX_FLOW_H_INCLUDED_ */
