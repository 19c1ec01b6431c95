
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_PROCESS_H_INCLUDED_
#define _SANDBOX_PROCESS_H_INCLUDED_


#include <sys/types.h>


/* the processes of one execution are a session; its leader's pid names it */

/* the leader must not have been waited for: its number could be another's */
void sandbox_process_signal(pid_t leader, int signo);
void sandbox_process_kill_session(pid_t leader);

/* 1 while any process of the leader's group exists */
int sandbox_process_group_exists(pid_t leader);

/*
 * SIGKILL for everything that descends from us: as process 1 everything
 * there is, else every child of a child.
 */
void sandbox_process_kill_all(int init);


#endif /* _SANDBOX_PROCESS_H_INCLUDED_ */
