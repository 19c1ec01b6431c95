
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_STREAM_H_INCLUDED_
#define _SANDBOX_STREAM_H_INCLUDED_


#include <event2/http.h>
#include "execution.h"


#define SANDBOX_STREAM_MAX      16      /* of an execution */
#define SANDBOX_STREAM_MAX_ALL  64


/*
 * Answers a request with the log of an execution, and goes on until that has
 * ended.  200: the request is taken; another status: it is not, and a line is
 * in "error".
 */
int sandbox_stream_start(sandbox_execution_t *e, struct evhttp_request *req,
    char *error, size_t size);


#endif /* _SANDBOX_STREAM_H_INCLUDED_ */
