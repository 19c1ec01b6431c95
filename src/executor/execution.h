
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_EXECUTION_H_INCLUDED_
#define _SANDBOX_EXECUTION_H_INCLUDED_


#include "executor.h"
#include "interpreter.h"
#include "report.h"
#include "request.h"
#include "result.h"


/*
 * Called once when the result is there (e->body).  The handler answers
 * somebody, and says later how that went: _answered() or _report().  Without
 * a handler the result is reported at once.  One that was dropped has no body,
 * and the handler says nothing later.
 */
typedef void (*sandbox_execution_done_pt)(sandbox_execution_t *e);


/* queued -> alive -> sweeping -> ended; then it waits for its ack */
typedef enum {
    SANDBOX_EXECUTION_QUEUED = 0,   /* for a place */
    SANDBOX_EXECUTION_ALIVE,        /* the interpreter runs */
    SANDBOX_EXECUTION_SWEEPING,     /* it is gone, its children may not be */
    SANDBOX_EXECUTION_ENDED
} sandbox_execution_e;


struct sandbox_execution_s {
    TAILQ_ENTRY(sandbox_execution_s)  link;

    sandbox_executor_t        *executor;
    char                       id[SANDBOX_ID_MAX + 1];
    unsigned                   attempt;

    sandbox_language_t        *language;
    sandbox_request_t          request;     /* until it is started */
    struct evbuffer           *input;       /* what that points into */

    sandbox_execution_e        state;
    pid_t                      pid;         /* 0: it was not started */
    double                     created_ms;
    double                     started_ms;
    double                     sweep_end_ms;
    uint64_t                   oom_kills;   /* of the cgroup, at its start */
    sandbox_metrics_t          before;      /* used by then */
    unsigned                   sync:1;          /* its caller waits */
    unsigned                   terminated:1;    /* SIGTERM was sent */
    unsigned                   killed:1;        /* SIGKILL was sent */
    unsigned                   dropped:1;       /* nobody wants its result */
    unsigned                   spooled:1;       /* a file may be there */

    sandbox_events_t          *events;      /* NULL: of an earlier life */
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
    sandbox_execution_done_pt  gone;    /* before it is freed; NULL: none */
    void                      *data;
};


/*
 * Admits what was asked for: it is started, or waits for a place.  "input" is
 * the body; it is emptied.  Returns an HTTP status: 200, or why not with a line
 * in "error".
 */
int sandbox_execution_admit(sandbox_executor_t *ex, struct evbuffer *input,
    sandbox_execution_t **ret_execution, char *error, size_t size);

/*
 * From now on no attempt up to this one is admitted; what is here already goes
 * on.
 */
void sandbox_execution_fence(sandbox_executor_t *ex, const char *id,
    size_t len, unsigned attempt);

sandbox_execution_t *sandbox_execution_find(sandbox_executor_t *ex,
    const char *id, size_t len);

/* SIGTERM now, SIGKILL later; SANDBOX_REFUSED: it has ended already */
int sandbox_execution_cancel(sandbox_execution_t *e);

/*
 * Its result is not wanted.  One that runs is killed, and forgotten when all
 * of its processes are gone; any other is forgotten at once.
 */
void sandbox_execution_drop(sandbox_execution_t *e);

/*
 * One that ended in an earlier life, and whose result is known: it is
 * reported.  Takes the body, unless it fails with SANDBOX_ERROR.
 */
int sandbox_execution_restore(sandbox_executor_t *ex, const char *id,
    size_t len, unsigned attempt, struct evbuffer *body);

/* the client has the result: wait for its ack, then report */
void sandbox_execution_answered(sandbox_execution_t *e);

/* the client will not get it: post it */
void sandbox_execution_report(sandbox_execution_t *e);

/* the ack; only for an ended one */
void sandbox_execution_forget(sandbox_execution_t *e);


/* between the files of an execution's life */

/* execution.c: starts it in the place that is free; SANDBOX_ERROR: it cannot */
int sandbox_execution_run(sandbox_execution_t *e);

/* execution.c: makes the result, and gives the place to the next one */
void sandbox_execution_finish(sandbox_execution_t *e);

/* execution.c */
void sandbox_execution_set_name(sandbox_execution_t *e, const char *id,
    size_t len, unsigned attempt);
void sandbox_execution_set_timer(sandbox_execution_t *e, double ms);
void sandbox_execution_free(sandbox_execution_t *e);

/* admit.c: the places that are free are for those who wait */
void sandbox_execution_next(sandbox_executor_t *ex);

/* reap.c: waits for everything that ended, ours or an orphan */
void sandbox_execution_reap(sandbox_executor_t *ex);


#endif /* _SANDBOX_EXECUTION_H_INCLUDED_ */
