
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_INTERPRETER_H_INCLUDED_
#define _SANDBOX_INTERPRETER_H_INCLUDED_


#include "executor.h"
#include "request.h"


/*
 * A process that runs one request: started for it, or started before and
 * waiting.  The descriptors are its owner's: -1 once they are taken.
 */
typedef struct {
    const sandbox_language_t  *language;
    pid_t                      pid;
    int                        stdout_fd;
    int                        stderr_fd;
    int                        value_fd;    /* of the return value */
    int                        request_fd;  /* what it will read */
    int                        stdin_fd;
    int                        gate_fd;     /* until a byte arrives here */
} sandbox_interpreter_t;


/*
 * Opens the folder that the code will start in, made if it is absent.  No
 * link is followed.  -1: errno says why.
 */
int sandbox_interpreter_folder(int workspace_fd, const char *path);

/*
 * Starts one, in "folder".  Without a request ("r" is NULL) it waits for one,
 * which only languages with a runner can.  SANDBOX_ERROR after a line in the
 * log: nothing was started.
 */
int sandbox_interpreter_start(sandbox_interpreter_t *i,
    const sandbox_executor_t *ex, const sandbox_language_t *language,
    const sandbox_request_t *r, int folder);

/* SANDBOX_ERROR: it cannot take it, and may be dropped */
int sandbox_interpreter_hand_over(sandbox_interpreter_t *i,
    const sandbox_executor_t *ex, const sandbox_request_t *r);

/* kills it and closes what is open; it still has to be waited for */
void sandbox_interpreter_drop(sandbox_interpreter_t *i);

/* closes what only the start of a request needs */
void sandbox_interpreter_release(sandbox_interpreter_t *i);


#endif /* _SANDBOX_INTERPRETER_H_INCLUDED_ */
