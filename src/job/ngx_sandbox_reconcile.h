
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _NGX_SANDBOX_RECONCILE_H_INCLUDED_
#define _NGX_SANDBOX_RECONCILE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_flow.h"
#include "ngx_sandbox_runtime.h"


/*
 * The job that compares rows and engine: finds sessions whose state has lapsed,
 * containers whose session has ended, and containers that no row knows, and
 * hands each over to the flow that settles it.
 */

typedef struct {
    ngx_sandbox_runtime_call_t  *call;
    ngx_uint_t                   found;
} ngx_sandbox_reconcile_t;

extern const ngx_sandbox_step_t  ngx_sandbox_reconcile_steps[];


#endif /* _NGX_SANDBOX_RECONCILE_H_INCLUDED_ */
