
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_INSIDE_H_INCLUDED_
#define _SANDBOX_INSIDE_H_INCLUDED_


/* the only argument of the executor's binary when bubblewrap runs it */
#define SANDBOX_INSIDE_MODE  "--confine"


/*
 * Becomes the interpreter of the plan that it finds.  Returns only where it
 * cannot: a status for exit().
 */
int sandbox_inside_main(void);


#endif /* _SANDBOX_INSIDE_H_INCLUDED_ */
