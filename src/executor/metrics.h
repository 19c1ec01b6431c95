
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_METRICS_H_INCLUDED_
#define _SANDBOX_METRICS_H_INCLUDED_


#include <stdint.h>
#include <sys/types.h>
#include <sys/resource.h>


typedef struct {
    double    cpu_time_ms;
    double    peak_memory_mb;
    uint64_t  io_read_bytes;
    uint64_t  io_write_bytes;
    unsigned  oom_killed:1;     /* the kernel ended it: no memory */
} sandbox_metrics_t;


/* what a process has used so far, before its execution began */
void sandbox_metrics_begin(sandbox_metrics_t *m, pid_t pid);

/*
 * Adds a process that has ended, and all children that it waited for; waits
 * for it.  "ret_status" may be NULL.
 */
void sandbox_metrics_collect(sandbox_metrics_t *m, pid_t pid,
    int *ret_status);

/* takes off what was used before */
void sandbox_metrics_end(sandbox_metrics_t *m, const sandbox_metrics_t *begin);

/* a descriptor of the cgroup's count of kills, -1: it has none */
int sandbox_metrics_open_oom(void);

/* how often the kernel has ended a process of this container; 0: unknown */
uint64_t sandbox_metrics_oom_kills(int fd);


#endif /* _SANDBOX_METRICS_H_INCLUDED_ */
