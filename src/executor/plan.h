
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

typedef struct {
    sandbox_spawn_t     spawn;          /* its "confine" is the one below */
    sandbox_confine_t   confine;
    char               *data;
} sandbox_plan_t;


/* its descriptor, or -1 after a line in the log */
int sandbox_plan_create(const sandbox_spawn_t *s);

/*
 * Of descriptors, the ruleset's too, a plan has only which were given: they are
 * 0, the others -1.  SANDBOX_ERROR: it is no plan, or no memory.
 */
int sandbox_plan_read(sandbox_plan_t *plan, int fd);

/* also of one that could not be read */
void sandbox_plan_free(sandbox_plan_t *plan);


#endif /* _SANDBOX_PLAN_H_INCLUDED_ */
