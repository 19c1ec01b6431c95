
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
} sandbox_metrics_t;


/* of a process that ended and was not waited for; unreadable: stays 0 */
void sandbox_metrics_set_io(sandbox_metrics_t *m, pid_t pid);

void sandbox_metrics_set_usage(sandbox_metrics_t *m, const struct rusage *ru);


#endif /* _SANDBOX_METRICS_H_INCLUDED_ */
