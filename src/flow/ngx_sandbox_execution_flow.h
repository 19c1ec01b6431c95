
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
#include "ngx_sandbox_result.h"


/*
 * POST /sessions/{id}/execute and execute-sync.  A synchronous one that is not
 * over within sync_timeout ends with NGX_SANDBOX_EXEC_TIMEOUT and goes on: the
 * executor sees that the connection is gone and reports as for an asynchronous
 * one.
 *
 * The third table follows a synchronous one that has been answered, with the
 * same structure: the executor need not keep the result any longer.
 */

typedef struct {
    ngx_str_t              id;
    ngx_str_t              session_id;
    ngx_str_t              language;
    ngx_str_t              code;
    ngx_str_t              event;               /* JSON; data NULL: none */
    ngx_str_t              env_vars;            /* JSON object */
    ngx_str_t              stdin_text;          /* data NULL: none */
    ngx_str_t              working_directory;   /* data NULL: none */
    ngx_int_t              timeout_sec;
    ngx_msec_t             sync_timeout;
    ngx_sandbox_call_t     call;
    ngx_msec_t             started;
    ngx_str_t              created_at;
    ngx_str_t              completed_at;
    ngx_sandbox_result_t   result;
    ngx_str_t             *row;                 /* to be shown, in the end */
    ngx_int_t              answered;            /* what sending it returned */
    unsigned               accepted:1;          /* its row is there */
    unsigned               unknown:1;           /* it may still be running */
} ngx_sandbox_execute_t;

extern const ngx_sandbox_step_t  ngx_sandbox_execute_sync_steps[];
extern const ngx_sandbox_step_t  ngx_sandbox_execute_async_steps[];
extern const ngx_sandbox_step_t  ngx_sandbox_execute_ack_steps[];


/*
 * GET /executions/{id}; settles one whose deadline is over, as the other one
 * does, which the loopback face serves.
 */

typedef struct {
    ngx_str_t              id;
    ngx_str_t              session_id;
    ngx_sandbox_call_t     call;
} ngx_sandbox_execution_id_t;

extern const ngx_sandbox_step_t  ngx_sandbox_execution_read_steps[];
extern const ngx_sandbox_step_t  ngx_sandbox_execution_settle_steps[];


/*
 * callback: the executor reports a result.  first: it was stored now; if not,
 * the row that is there already is the flow's result.
 */

typedef struct {
    ngx_str_t              id;
    ngx_str_t              session_id;          /* the token's */
    ngx_sandbox_result_t   result;
    unsigned               first:1;
} ngx_sandbox_report_result_t;

extern const ngx_sandbox_step_t  ngx_sandbox_report_result_steps[];


/* callback: is this execution still wanted?  409 if it has ended */

extern const ngx_sandbox_step_t  ngx_sandbox_report_status_steps[];


/*
 * The statement that stores a result, for both ways that it may come.
 * completed_at may be empty: now.
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


/* between the files of the two: asks the executor; why it would not */

ngx_int_t ngx_sandbox_execute_call(ngx_sandbox_flow_t *f, char *mode);
ngx_int_t ngx_sandbox_execute_refused(ngx_sandbox_flow_t *f);


#endif /* _NGX_SANDBOX_EXECUTION_FLOW_H_INCLUDED_ */
