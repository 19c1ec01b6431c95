
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The use cases of executions.  Each is a table of steps and the structure
 * that its flow->data points to; those that show an execution leave its row as
 * the flow's last result.
 */


#ifndef _NGX_SANDBOX_EXECUTION_FLOW_H_INCLUDED_
#define _NGX_SANDBOX_EXECUTION_FLOW_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_flow.h"
#include "ngx_sandbox_http.h"
#include "ngx_sandbox_idempotency.h"
#include "ngx_sandbox_result.h"
#include "ngx_sandbox_wait.h"


/*
 * POST /sessions/{id}/execute and execute-sync.  A synchronous one that is not
 * over within sync_timeout ends with NGX_SANDBOX_EXEC_TIMEOUT and goes on: the
 * executor sees that the connection is gone and reports as for an asynchronous
 * one.
 *
 * The other two tables follow an answer, with the same structure: of a
 * synchronous one the executor need not keep the result any longer, and an
 * asynchronous one that it has begun is shown as running.
 */

typedef struct ngx_sandbox_execute_s {
    ngx_str_t                   id;
    ngx_str_t                   session_id;
    ngx_str_t                   language;
    ngx_str_t                   code;
    ngx_str_t                   event;           /* JSON; data NULL: none */
    ngx_str_t                   env_vars;        /* JSON object */
    ngx_str_t                   stdin_text;      /* data NULL: none */
    ngx_str_t                   working_directory;   /* data NULL: none */
    ngx_int_t                   timeout_sec;
    ngx_int_t                   attempt;         /* from 1 */
    ngx_int_t                   max_retries;
    ngx_msec_t                  sync_timeout;
    ngx_sandbox_idempotency_t  *key;             /* NULL: none */
    ngx_sandbox_call_t          call;
    ngx_msec_t                  started;
    ngx_str_t                   status;          /* to be told */
    ngx_str_t                   created_at;
    ngx_str_t                   completed_at;
    ngx_sandbox_result_t        result;
    ngx_sandbox_wait_t          wait;            /* for its end */
    ngx_str_t                  *row;             /* to be shown, in the end */
    ngx_int_t                   answered;        /* what sending it returned */
    unsigned                    accepted:1;      /* its row is there */
    unsigned                    unknown:1;       /* it may run, or have run */
    unsigned                    begun:1;         /* it does not wait */
    unsigned                    broken:1;        /* the way to it was lost */
} ngx_sandbox_execute_t;

extern const ngx_sandbox_step_t  ngx_sandbox_execute_sync_steps[];
extern const ngx_sandbox_step_t  ngx_sandbox_execute_async_steps[];
extern const ngx_sandbox_step_t  ngx_sandbox_execute_ack_steps[];
extern const ngx_sandbox_step_t  ngx_sandbox_execute_mark_steps[];


/* GET /executions/{id} */

typedef struct {
    ngx_str_t                   id;
} ngx_sandbox_execution_id_t;

extern const ngx_sandbox_step_t  ngx_sandbox_execution_read_steps[];

/* GET /executions/{id}/events: NGX_SANDBOX_EXECUTION_WATCH_* instead */
extern const ngx_sandbox_step_t  ngx_sandbox_execution_watch_steps[];


/*
 * loopback: looks after an execution that is due.  Its executor is asked; what
 * that does not know any more is given up, and attempted again if it may be.
 */

typedef struct {
    ngx_sandbox_execute_t       run;             /* first */
    ngx_int_t                   due;             /* ms, until then */
    ngx_uint_t                  conflicts;       /* with an older attempt */
    unsigned                    paused:1;        /* for its end */
    unsigned                    crashed:1;       /* no attempt at present */
    unsigned                    pending:1;
    unsigned                    alive:1;         /* the executor knows it */
    unsigned                    asked:1;         /* and does not know it */
    unsigned                    silent:1;        /* it did not answer */
    unsigned                    claimed:1;       /* the next attempt */
} ngx_sandbox_execution_settle_t;

extern const ngx_sandbox_step_t  ngx_sandbox_execution_settle_steps[];


/* POST /executions/{id}/cancel */

typedef struct {
    ngx_str_t                   id;
    ngx_str_t                   session_id;
    ngx_str_t                   before;          /* the status that it met */
    ngx_sandbox_call_t          call;
    ngx_sandbox_wait_t          wait;
} ngx_sandbox_execution_cancel_t;

extern const ngx_sandbox_step_t  ngx_sandbox_execution_cancel_steps[];


/*
 * callback: the executor reports a result.  first: it was stored now; if not,
 * the row that is there already is the flow's result.
 */

typedef struct {
    ngx_str_t                   id;
    ngx_str_t                   session_id;      /* the token's */
    ngx_sandbox_result_t        result;
    unsigned                    first:1;
} ngx_sandbox_report_result_t;

extern const ngx_sandbox_step_t  ngx_sandbox_report_result_steps[];


/*
 * callback: what a session's executor has.  What nobody wants any more, it is
 * told to end.
 */

typedef struct {
    ngx_str_t                   session_id;
    ngx_str_t                   attempts;        /* "id.attempt,..." */
    ngx_str_t                   ids;             /* JSON array */
    ngx_uint_t                  n;               /* of them; of the unwanted */
    ngx_str_t                  *unwanted;
    ngx_uint_t                  next;            /* of these to be told */
    ngx_sandbox_call_t          call;
} ngx_sandbox_heartbeat_t;

extern const ngx_sandbox_step_t  ngx_sandbox_heartbeat_steps[];


/* callback: is this execution still wanted?  409 if it has ended */

extern const ngx_sandbox_step_t  ngx_sandbox_report_status_steps[];


/*
 * The statement that stores a result, for both ways that it may come.
 * completed_at may be empty: now.  result->attempt is the one that counts.
 */

ngx_int_t ngx_sandbox_execution_store(ngx_sandbox_flow_t *f,
    const ngx_str_t *id, const ngx_str_t *session_id,
    const ngx_str_t *completed_at, const ngx_sandbox_result_t *result);

/*
 * The row that a synchronous one has when its result was stored, as reading it
 * would give it.  NULL: no memory.
 */

ngx_str_t *ngx_sandbox_execution_row(ngx_pool_t *pool,
    const ngx_sandbox_execute_t *e);


/*
 * Between the files of these use cases: steps that accept an execution, and
 * what asks its executor.
 */

ngx_int_t ngx_sandbox_execute_insert(ngx_sandbox_flow_t *f, char *status);
ngx_int_t ngx_sandbox_execute_inserted(ngx_sandbox_flow_t *f);
ngx_int_t ngx_sandbox_execute_fail(ngx_sandbox_flow_t *f);
ngx_int_t ngx_sandbox_execute_look(ngx_sandbox_flow_t *f);
ngx_int_t ngx_sandbox_execute_why(ngx_sandbox_flow_t *f);
ngx_int_t ngx_sandbox_execute_release_key(ngx_sandbox_flow_t *f);
ngx_int_t ngx_sandbox_execute_reread(ngx_sandbox_flow_t *f);
ngx_int_t ngx_sandbox_execute_shown(ngx_sandbox_flow_t *f);

/* how long the executor may take to accept one */
#define NGX_SANDBOX_DISPATCH_MS  10000

/* posts it to the executor; why that would not */
ngx_int_t ngx_sandbox_execute_call(ngx_sandbox_flow_t *f, char *mode);
ngx_int_t ngx_sandbox_execute_refused(ngx_sandbox_flow_t *f);

/*
 * what the executor is to do with one of its executions, or, without a verb,
 * how it is; attempt 0: any
 */
ngx_int_t ngx_sandbox_execute_ask(ngx_sandbox_flow_t *f,
    ngx_sandbox_call_t *call, ngx_str_t *id, char *verb, ngx_int_t attempt,
    ngx_str_t *session_id);

/* does its answer say that it has this attempt? */
ngx_uint_t ngx_sandbox_execute_knows(ngx_sandbox_flow_t *f,
    ngx_sandbox_call_t *call, ngx_int_t attempt);

/* "{id}.{attempt}" and NUL, as heartbeats and the spool spell it */
ngx_int_t ngx_sandbox_execution_attempt(ngx_sandbox_flow_t *f,
    const ngx_sandbox_execute_t *e, ngx_str_t *ret_name);

/* an operation: its lease ends this long from now, ms */
ngx_int_t ngx_sandbox_execution_renew(ngx_sandbox_flow_t *f,
    const ngx_sandbox_execute_t *e, ngx_msec_t lease);

/* is a status one that is never left? */
ngx_uint_t ngx_sandbox_execution_is_over(const ngx_str_t *status);


#endif /* _NGX_SANDBOX_EXECUTION_FLOW_H_INCLUDED_ */
