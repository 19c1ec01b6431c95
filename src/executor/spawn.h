
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_SPAWN_H_INCLUDED_
#define _SANDBOX_SPAWN_H_INCLUDED_


#include "executor.h"
#include "request.h"


/* the descriptors that a runner finds, beside the three standard ones */
#define SANDBOX_SPAWN_REQUEST_FD  3
#define SANDBOX_SPAWN_VALUE_FD    4


typedef struct {
    pid_t  pid;             /* leader of its own session */
    int    stdout_fd;
    int    stderr_fd;
    int    value_fd;        /* the return value's pipe */
} sandbox_spawn_t;


/*
 * Opens the folder that the code will start in, made if it is absent.  No
 * link is followed.  -1: errno says why.
 */
int sandbox_spawn_open_folder(int workspace_fd, const char *path);

/*
 * Starts the interpreter; the caller owns the descriptors.  SANDBOX_ERROR
 * after a line in the log: nothing was started.
 */
int sandbox_spawn_start(sandbox_spawn_t *s, sandbox_executor_t *ex,
    const sandbox_language_t *language, const sandbox_request_t *r,
    int folder);


#endif /* _SANDBOX_SPAWN_H_INCLUDED_ */
