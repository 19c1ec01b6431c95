
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_ENVIRONMENT_H_INCLUDED_
#define _SANDBOX_ENVIRONMENT_H_INCLUDED_


#include "executor.h"
#include "request.h"


/*
 * The variables of an execution: ours, the session's, the request's; a later
 * one wins.  "r" may be NULL: what is known before there is one.  A new array
 * for execve(), NULL: no memory.
 */
char **sandbox_environment_create(const sandbox_executor_t *ex,
    const sandbox_language_t *language, const sandbox_request_t *r);
void sandbox_environment_free(char **envp);

/*
 * 1 if the request sets a variable that is read while the interpreter starts:
 * one that runs already would not see it.
 */
int sandbox_environment_is_early(const sandbox_language_t *language,
    const sandbox_request_t *r);

/*
 * The request's own variables as a runner reads them: "NAME=value" and NUL,
 * each.  A new text, NULL: no memory.
 */
char *sandbox_environment_block(const sandbox_request_t *r, size_t *ret_len);


#endif /* _SANDBOX_ENVIRONMENT_H_INCLUDED_ */
