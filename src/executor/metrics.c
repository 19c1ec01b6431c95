
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * What an execution used, by the kernel's own counters: the process that we
 * started, every child that it waited for, and what it left behind and we had
 * to wait for.  Memory is the peak of the largest of them: the kernel keeps no
 * peak of a sum but for the whole container.
 */


#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "metrics.h"


/* bytes; the kernel counts in these, whatever the disk has */
#define SANDBOX_METRICS_BLOCK  512


static void sandbox_metrics_begin_io(sandbox_metrics_t *m, pid_t pid);
static int sandbox_metrics_read(const char *path, char *text, size_t size);
static uint64_t sandbox_metrics_field(const char *text, const char *name);


void
sandbox_metrics_begin(sandbox_metrics_t *m, pid_t pid)
{
    clockid_t        clock;
    struct timespec  ts;

    memset(m, 0, sizeof(sandbox_metrics_t));

    if (clock_getcpuclockid(pid, &clock) == 0
        && clock_gettime(clock, &ts) == 0)
    {
        m->cpu_time_ms = ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
    }

    sandbox_metrics_begin_io(m, pid);
}


void
sandbox_metrics_collect(sandbox_metrics_t *m, pid_t pid, int *ret_status)
{
    double         peak;
    struct rusage  ru;

    memset(&ru, 0, sizeof(ru));

    (void) wait4(pid, ret_status, 0, &ru);

    m->cpu_time_ms += (ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1e3
                      + (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e3;

    /*
     * What /proc calls read_bytes and write_bytes; that file is root's as soon
     * as a process has ended.
     */

    m->io_read_bytes += (uint64_t) ru.ru_inblock * SANDBOX_METRICS_BLOCK;
    m->io_write_bytes += (uint64_t) ru.ru_oublock * SANDBOX_METRICS_BLOCK;

    peak = ru.ru_maxrss / 1024.0;

    if (peak > m->peak_memory_mb) {
        m->peak_memory_mb = peak;
    }
}


void
sandbox_metrics_end(sandbox_metrics_t *m, const sandbox_metrics_t *begin)
{
    /* the clocks are of different grain: never below nothing */

    m->cpu_time_ms = m->cpu_time_ms > begin->cpu_time_ms
                     ? m->cpu_time_ms - begin->cpu_time_ms : 0;

    m->io_read_bytes -= m->io_read_bytes < begin->io_read_bytes
                        ? m->io_read_bytes : begin->io_read_bytes;

    m->io_write_bytes -= m->io_write_bytes < begin->io_write_bytes
                         ? m->io_write_bytes : begin->io_write_bytes;
}


/* what reached a disk; the workspace is memory and not counted */

static void
sandbox_metrics_begin_io(sandbox_metrics_t *m, pid_t pid)
{
    char  path[64], text[1024];

    snprintf(path, sizeof(path), "/proc/%ld/io", (long) pid);

    if (sandbox_metrics_read(path, text, sizeof(text))) {
        m->io_read_bytes = sandbox_metrics_field(text, "\nread_bytes: ");
        m->io_write_bytes = sandbox_metrics_field(text, "\nwrite_bytes: ");
    }
}


static int
sandbox_metrics_read(const char *path, char *text, size_t size)
{
    int      fd;
    ssize_t  n;

    fd = open(path, O_RDONLY|O_CLOEXEC);
    if (fd == -1) {
        return 0;
    }

    n = read(fd, text, size - 1);
    close(fd);

    if (n <= 0) {
        return 0;
    }

    text[n] = '\0';

    return 1;
}


static uint64_t
sandbox_metrics_field(const char *text, const char *name)
{
    const char  *p;

    p = strstr(text, name);

    return p ? strtoull(p + strlen(name), NULL, 10) : 0;
}


int
sandbox_metrics_open_oom(void)
{
    int  fd;

    /* cgroup v2, then v1: both have a line "oom_kill N" */

    fd = open("/sys/fs/cgroup/memory.events", O_RDONLY|O_CLOEXEC);

    if (fd == -1) {
        fd = open("/sys/fs/cgroup/memory/memory.oom_control",
                  O_RDONLY|O_CLOEXEC);
    }

    return fd;
}


uint64_t
sandbox_metrics_oom_kills(int fd)
{
    char     text[512];
    ssize_t  n;

    n = fd == -1 ? -1 : pread(fd, text, sizeof(text) - 1, 0);

    if (n <= 0) {
        return 0;
    }

    text[n] = '\0';

    return sandbox_metrics_field(text, "\noom_kill ");
}
