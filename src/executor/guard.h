
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_GUARD_H_INCLUDED_
#define _SANDBOX_GUARD_H_INCLUDED_


#include <event2/http.h>
#include <event2/listener.h>
#include "executor.h"


/* looks at each connection of the server before its first request is read */
void sandbox_guard_start(sandbox_executor_t *ex, struct evhttp *http,
    struct evconnlistener *listener);


#endif /* _SANDBOX_GUARD_H_INCLUDED_ */
