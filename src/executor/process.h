
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_PROCESS_H_INCLUDED_
#define _SANDBOX_PROCESS_H_INCLUDED_


#include <sys/types.h>


typedef int (*sandbox_process_known_pt)(void *data, pid_t pid);


/* SANDBOX_ERROR after a line in the log: the kernel tells nobody's children */
int sandbox_process_init(void);

/*
 * To an interpreter and its group.  It must not have been waited for: its
 * number could be another's.
 */
void sandbox_process_signal(pid_t leader, int signo);

/* SIGKILL for it, and for everything that descends from it */
void sandbox_process_end_family(pid_t leader);

/*
 * A child of ours that is not known has lost its parent: SIGKILL for it, and
 * for everything that descends from it.  How many there were, zombies too.
 */
unsigned sandbox_process_end_strays(sandbox_process_known_pt known,
    void *data);


#endif /* _SANDBOX_PROCESS_H_INCLUDED_ */
