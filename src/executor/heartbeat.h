
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_HEARTBEAT_H_INCLUDED_
#define _SANDBOX_HEARTBEAT_H_INCLUDED_


#include "executor.h"


/* SANDBOX_ERROR: no memory */
int sandbox_heartbeat_create(sandbox_executor_t *ex);

/* there is an execution; there may be others */
void sandbox_heartbeat_begin(sandbox_executor_t *ex);

/* one was forgotten; it may have been the last */
void sandbox_heartbeat_end(sandbox_executor_t *ex);


#endif /* _SANDBOX_HEARTBEAT_H_INCLUDED_ */
