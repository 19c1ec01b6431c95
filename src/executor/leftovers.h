
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_LEFTOVERS_H_INCLUDED_
#define _SANDBOX_LEFTOVERS_H_INCLUDED_


/*
 * Removes what outlives its process and is no file of the workspace or of
 * /tmp: shared memory, semaphores, message queues.  Of a whole IPC namespace,
 * so only in a container, and only while no code runs.
 */
void sandbox_leftovers_remove(void);

/*
 * Removes what is in a folder, however deep that is and whoever writes there at
 * the same time, without following a link, until "end_ms" of sandbox_now_ms()
 * at most.
 */
void sandbox_leftovers_empty_folder(int dir, const char *name, double end_ms);


#endif /* _SANDBOX_LEFTOVERS_H_INCLUDED_ */
