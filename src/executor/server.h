
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_SERVER_H_INCLUDED_
#define _SANDBOX_SERVER_H_INCLUDED_


#include "executor.h"


/*
 * Listens on executor.sock in the executor's folder.  SANDBOX_ERROR after a
 * line in the log.
 */
int sandbox_server_start(sandbox_executor_t *ex);


#endif /* _SANDBOX_SERVER_H_INCLUDED_ */
