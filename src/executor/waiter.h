
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_WAITER_H_INCLUDED_
#define _SANDBOX_WAITER_H_INCLUDED_


#include <event2/http.h>
#include "execution.h"


/*
 * Keeps a request until its execution has ended, and answers it with the
 * result.  SANDBOX_ERROR: there is no memory, and the caller still has to.
 */
int sandbox_waiter_start(sandbox_execution_t *e, struct evhttp_request *req);


#endif /* _SANDBOX_WAITER_H_INCLUDED_ */
