
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _NGX_SANDBOX_REAP_H_INCLUDED_
#define _NGX_SANDBOX_REAP_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_flow.h"


/*
 * The job that finds what time alone decides, often: executions whose lease is
 * over, or whose next attempt is due, are handed over to the flow that settles
 * them.  It takes no data.
 */

extern const ngx_sandbox_step_t  ngx_sandbox_reap_steps[];


#endif /* _NGX_SANDBOX_REAP_H_INCLUDED_ */
