
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_POOL_H_INCLUDED_
#define _SANDBOX_POOL_H_INCLUDED_


#include "interpreter.h"


/*
 * Interpreters that were started before anybody asked for them.  Each runs one
 * request and is replaced; one that is still starting is as good as a new one
 * and no worse.
 */

/* SANDBOX_ERROR: no memory */
int sandbox_pool_create(sandbox_executor_t *ex);

/* starts what is missing, a little later and one after the other */
void sandbox_pool_fill(sandbox_executor_t *ex);

/* SANDBOX_OK: "i" is one that waits, and now the caller's */
int sandbox_pool_take(sandbox_executor_t *ex,
    const sandbox_language_t *language, sandbox_interpreter_t *i);

/* 1 if the pool has this process */
int sandbox_pool_has(const sandbox_executor_t *ex, pid_t pid);

/* it has ended before it was needed, and was not waited for */
void sandbox_pool_ended(sandbox_executor_t *ex, pid_t pid);

/* how many wait, by the number of the language's row */
unsigned sandbox_pool_count(const sandbox_executor_t *ex, unsigned n);


#endif /* _SANDBOX_POOL_H_INCLUDED_ */
