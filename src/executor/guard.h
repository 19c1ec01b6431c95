
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_GUARD_H_INCLUDED_
#define _SANDBOX_GUARD_H_INCLUDED_


#include <event2/http.h>
#include <event2/listener.h>
#include "executor.h"


/*
 * Connections that may wait to be accepted, if the kernel's somaxconn lets
 * them.  After an outage hundreds of a session's executions are asked for at
 * the same moment, and whoever cannot connect takes the executor for dead.
 */
#define SANDBOX_GUARD_BACKLOG  1024


/* looks at each connection of the server before its first request is read */
void sandbox_guard_start(sandbox_executor_t *ex, struct evhttp *http,
    struct evconnlistener *listener);


#endif /* _SANDBOX_GUARD_H_INCLUDED_ */
