
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The operations that a step may start.  Each returns NGX_AGAIN, or NGX_ERROR
 * when it could not be started, and resumes the flow when it has ended; a step
 * returns its result as its own.  If the operation failed, flow->error says
 * why, and a step without finish fails with it.
 */


#ifndef _NGX_SANDBOX_OP_H_INCLUDED_
#define _NGX_SANDBOX_OP_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_sandbox_flow.h"
#include "ngx_sandbox_node.h"


#define NGX_SANDBOX_OP_PARAMS  32


/*
 * Runs a flow for a request whose body has been read.  One that changes
 * something ignores a client that goes away; one that only reads is cancelled
 * then.  done() must finalize the request.
 */
void ngx_sandbox_op_flow(ngx_http_request_t *r, ngx_sandbox_node_t *node,
    const ngx_sandbox_step_t *steps, void *data, ngx_uint_t changes,
    ngx_sandbox_flow_done_pt done);


/*
 * MariaDB.  Name the statement, add its parameters in order, query; the result
 * is in *ngx_sandbox_op_result().  op_rc: NGX_OK; NGX_DECLINED for a duplicate
 * key or a missing reference, which only the step can explain; NGX_ERROR.
 * After a deadlock, or a wait for a lock that InnoDB has cut (half of the
 * database's timeout), it is repeated, as long as it can end in that time.
 */
ngx_int_t ngx_sandbox_op_statement(ngx_sandbox_flow_t *f,
    ngx_sandbox_db_stmt_t *stmt);
void ngx_sandbox_op_string(ngx_sandbox_flow_t *f, const ngx_str_t *value);
void ngx_sandbox_op_literal(ngx_sandbox_flow_t *f, char *value);
void ngx_sandbox_op_int(ngx_sandbox_flow_t *f, int64_t value);
void ngx_sandbox_op_null(ngx_sandbox_flow_t *f);
ngx_int_t ngx_sandbox_op_query(ngx_sandbox_flow_t *f);

ngx_sandbox_db_op_t *ngx_sandbox_op_result(ngx_sandbox_flow_t *f);

/* a value of the result's first row; data is NULL for SQL's NULL */
ngx_str_t *ngx_sandbox_op_value(ngx_sandbox_flow_t *f, ngx_uint_t column);


/*
 * The container engine: prepares a call for one of the runtime's verbs.
 * NULL: no memory.  op_rc is NGX_OK or NGX_ERROR.
 */
ngx_sandbox_runtime_call_t *ngx_sandbox_op_runtime(ngx_sandbox_flow_t *f);

#define ngx_sandbox_op_verb(f, verb, call, arg)                               \
    ((call) ? (f)->node->runtime->verbs->verb((call), (arg)) : NGX_ERROR)


/*
 * The executor of a session, over its socket.  The caller fills method, uri,
 * body, timeout and max_body; socket and token follow from the session.
 * op_rc is NGX_OK when it has answered, whatever the status.
 */
ngx_int_t ngx_sandbox_op_executor(ngx_sandbox_flow_t *f,
    ngx_sandbox_call_t *call, ngx_str_t *session_id);


/* Until it is the turn of a waiter: as ngx_sandbox_waiter_turn(). */
ngx_int_t ngx_sandbox_op_turn(ngx_sandbox_flow_t *f,
    ngx_sandbox_waiter_t *w);

/*
 * Waits for a change of what the waiter, which was added, waits for; that gets
 * its handler here.  Other than the rest, this may have its result at once: as
 * ngx_sandbox_waiter_wait().
 */
ngx_int_t ngx_sandbox_op_wait(ngx_sandbox_flow_t *f,
    ngx_sandbox_waiter_t *w);


/* Resumes the flow after some time. */
ngx_int_t ngx_sandbox_op_delay(ngx_sandbox_flow_t *f, ngx_msec_t delay);


/*
 * Hands work on to the instance's own loopback listener, so that it goes on
 * after the answer: POST /internal/{kind}/{id}/{verb}; verb may be NULL.
 * Nobody waits for it.
 */
ngx_int_t ngx_sandbox_op_hand_over(ngx_sandbox_flow_t *f, char *kind,
    ngx_str_t *id, char *verb);


#endif /* _NGX_SANDBOX_OP_H_INCLUDED_ */
