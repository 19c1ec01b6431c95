
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * What an execution used: the process that we started and every child that
 * it waited for.  Children that were killed at the end are not in it.
 */


#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "metrics.h"


static uint64_t sandbox_metrics_field(const char *text, const char *name);


void
sandbox_metrics_set_io(sandbox_metrics_t *m, pid_t pid)
{
    int      fd;
    char     path[64], text[1024];
    ssize_t  n;

    snprintf(path, sizeof(path), "/proc/%ld/io", (long) pid);

    fd = open(path, O_RDONLY|O_CLOEXEC);
    if (fd == -1) {
        return;
    }

    n = read(fd, text, sizeof(text) - 1);
    close(fd);

    if (n <= 0) {
        return;
    }

    text[n] = '\0';

    /* what reached a disk; the workspace is memory and not counted */

    m->io_read_bytes = sandbox_metrics_field(text, "\nread_bytes: ");
    m->io_write_bytes = sandbox_metrics_field(text, "\nwrite_bytes: ");
}


static uint64_t
sandbox_metrics_field(const char *text, const char *name)
{
    const char  *p;

    p = strstr(text, name);

    return p ? strtoull(p + strlen(name), NULL, 10) : 0;
}


void
sandbox_metrics_set_usage(sandbox_metrics_t *m, const struct rusage *ru)
{
    m->cpu_time_ms = (ru->ru_utime.tv_sec + ru->ru_stime.tv_sec) * 1e3
                     + (ru->ru_utime.tv_usec + ru->ru_stime.tv_usec) / 1e3;

    m->peak_memory_mb = ru->ru_maxrss / 1024.0;
}
