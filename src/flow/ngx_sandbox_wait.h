
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Waiting for a session or an execution to be as somebody wants it.  It ends
 * well when it is, and when the time is over; whoever wants the whole row reads
 * it then.  While it waits it holds nothing but the request's memory.
 */


#ifndef _NGX_SANDBOX_WAIT_H_INCLUDED_
#define _NGX_SANDBOX_WAIT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_flow.h"


typedef enum {
    NGX_SANDBOX_WAIT_SESSION = 0,   /* running, or it can never be again */
    NGX_SANDBOX_WAIT_EXECUTION      /* has ended */
} ngx_sandbox_wait_e;


typedef struct {
    /* zeroed and set by the caller */
    ngx_sandbox_wait_e       kind;
    ngx_str_t                id;
    ngx_msec_t               timeout;
    ngx_uint_t               keep;         /* its turn, until the caller has
                                              removed the waiter */
    void                    *data;         /* the caller's */

    ngx_str_t                status;       /* as it was seen last */

    /* the flow's own */
    ngx_sandbox_waiter_t     waiter;
    unsigned                 looking:1;
    unsigned                 seen:1;       /* the row was there once */
} ngx_sandbox_wait_t;

/* a flow of its own, whose data it is */
extern const ngx_sandbox_step_t  ngx_sandbox_wait_steps[];

/*
 * Or a step of another one: what its start and its finish return.  NGX_OK: the
 * state is reached, or the time is over.
 */
ngx_int_t ngx_sandbox_wait_start(ngx_sandbox_flow_t *f,
    ngx_sandbox_wait_t *w);
ngx_int_t ngx_sandbox_wait_next(ngx_sandbox_flow_t *f,
    ngx_sandbox_wait_t *w);


#endif /* _NGX_SANDBOX_WAIT_H_INCLUDED_ */
