
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_EXECUTION_H_INCLUDED_
#define _SANDBOX_EXECUTION_H_INCLUDED_


#include "executor.h"
#include "report.h"
#include "request.h"
#include "result.h"


/*
 * Called once when the result is there (e->body).  The handler answers
 * somebody, and says later how that went: _answered() or _report().  Without
 * a handler the result is reported at once.
 */
typedef void (*sandbox_execution_done_pt)(sandbox_execution_t *e);


/* alive -> sweeping -> ended; then it waits for its ack */
typedef enum {
    SANDBOX_EXECUTION_ALIVE = 0,    /* the interpreter runs */
    SANDBOX_EXECUTION_SWEEPING,     /* it is gone, its children may not be */
    SANDBOX_EXECUTION_ENDED
} sandbox_execution_e;


struct sandbox_execution_s {
    LIST_ENTRY(sandbox_execution_s)  link;

    sandbox_executor_t        *executor;
    char                       id[SANDBOX_ID_MAX + 1];

    sandbox_execution_e        state;
    pid_t                      pid;
    double                     started_ms;
    double                     sweep_end_ms;
    unsigned                   terminated:1;    /* SIGTERM was sent */

    sandbox_output_t           out;
    sandbox_output_t           err;
    sandbox_output_t           frame;
    sandbox_result_t           result;

    struct event              *timer;   /* what the state waits for */
    struct evbuffer           *body;    /* of the result, once ended */

    sandbox_report_t          *report;
    char                       report_path[SANDBOX_ID_MAX + 64];
    char                       report_key[SANDBOX_ID_MAX + 16];

    sandbox_execution_done_pt  done;
    void                      *data;
};


/*
 * Starts what was asked for.  Returns an HTTP status: 200, or why not with a
 * line in "error".  The request is not needed any more afterwards.
 */
int sandbox_execution_start(sandbox_executor_t *ex,
    const sandbox_request_t *r, sandbox_execution_t **ret_execution,
    char *error, size_t size);

sandbox_execution_t *sandbox_execution_find(sandbox_executor_t *ex,
    const char *id, size_t len);

/* SIGTERM now, SIGKILL later; SANDBOX_REFUSED: it has ended already */
int sandbox_execution_cancel(sandbox_execution_t *e);

/* the client has the result: wait for its ack, then report */
void sandbox_execution_answered(sandbox_execution_t *e);

/* the client will not get it: post it */
void sandbox_execution_report(sandbox_execution_t *e);

/* the ack; only for an ended one */
void sandbox_execution_forget(sandbox_execution_t *e);

/* on SIGCHLD: waits for everything that ended, ours or an orphan */
void sandbox_execution_reap(sandbox_executor_t *ex);


#endif /* _SANDBOX_EXECUTION_H_INCLUDED_ */
