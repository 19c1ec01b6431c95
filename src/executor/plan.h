
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_PLAN_H_INCLUDED_
#define _SANDBOX_PLAN_H_INCLUDED_


#include "spawn.h"


/*
 * A start as a memory file: how the executor tells it to its own binary on the
 * other side of bubblewrap.  It has what a command line and an environment
 * would show to others, and hand to bubblewrap.
 */

/* its descriptor, or -1 after a line in the log */
int sandbox_plan_create(const sandbox_spawn_t *s);

/*
 * What was read; it is never freed, an interpreter takes its place.  Of the
 * descriptors it has only which were given: those of "s" are 0, the others -1.
 * So it is with the ruleset of "confine", which "s" refers to.  SANDBOX_ERROR:
 * it is no plan, or no memory.
 */
int sandbox_plan_read(int fd, sandbox_spawn_t *s, sandbox_confine_t *confine);


#endif /* _SANDBOX_PLAN_H_INCLUDED_ */
