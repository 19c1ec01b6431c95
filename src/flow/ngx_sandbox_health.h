
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _NGX_SANDBOX_HEALTH_H_INCLUDED_
#define _NGX_SANDBOX_HEALTH_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_flow.h"
#include "ngx_sandbox_runtime.h"


/*
 * Asks each backend once.  The flow always ends well; what a backend did not
 * answer is in its check.
 */

typedef struct {
    ngx_str_t                    detail;     /* empty: it is well */
    ngx_msec_t                   took;       /* ms */
    ngx_msec_t                   started;
} ngx_sandbox_check_t;

typedef struct {
    ngx_sandbox_check_t          database;
    ngx_sandbox_check_t          runtime;
    ngx_str_t                    isolation;  /* JSON; data NULL: unknown */
    ngx_sandbox_runtime_call_t  *call;
    unsigned                     detailed:1; /* asks for that, too */
    void                        *data;       /* the caller's */
} ngx_sandbox_health_t;

extern const ngx_sandbox_step_t  ngx_sandbox_health_steps[];


#endif /* _NGX_SANDBOX_HEALTH_H_INCLUDED_ */
