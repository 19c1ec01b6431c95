
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Who waits for a vfork() waits until the child has called execve() or is
 * gone, and who stops the child in between stops us for ever.  Where the
 * kernel's Landlock does not keep signals in (before ABI 6) that can be code
 * of another execution.  So the one thread beside ours ends a child that was
 * stopped before it became another program: its execution says by which
 * signal.
 *
 * The thread sleeps unless a start takes too long.  It shares nothing with us
 * but what is written once, and calls the kernel only.
 */


#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "executor.h"
#include "watch.h"


/* a thousand times what a start takes */
#define SANDBOX_WATCH_MS     250
#define SANDBOX_WATCH_STACK  (256 * 1024)


static void sandbox_watch_set(unsigned ms);
static void *sandbox_watch_thread(void *data);
static void sandbox_watch_look(void);
static int sandbox_watch_is_stopped(pid_t pid);
static int sandbox_watch_read(const char *path, char *text, size_t size);


static int   sandbox_watch_fd = -1;         /* the timer */
static char  sandbox_watch_name[17];        /* ours, until execve() */


void
sandbox_watch_start(void)
{
    int             rc;
    pthread_t       thread;
    pthread_attr_t  attr;

    sandbox_watch_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

    if (sandbox_watch_fd == -1
        || prctl(PR_GET_NAME, sandbox_watch_name) == -1)
    {
        sandbox_log("starts are not watched: %s", strerror(errno));
        return;
    }

    (void) pthread_attr_init(&attr);
    (void) pthread_attr_setstacksize(&attr, SANDBOX_WATCH_STACK);
    (void) pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);

    rc = pthread_create(&thread, &attr, sandbox_watch_thread, NULL);

    (void) pthread_attr_destroy(&attr);

    if (rc != 0) {
        sandbox_log("starts are not watched: %s", strerror(rc));
    }
}


void
sandbox_watch_begin(void)
{
    sandbox_watch_set(SANDBOX_WATCH_MS);
}


void
sandbox_watch_end(void)
{
    sandbox_watch_set(0);
}


static void
sandbox_watch_set(unsigned ms)
{
    struct itimerspec  it;

    memset(&it, 0, sizeof(it));

    it.it_value.tv_nsec = ms * 1000000;
    it.it_interval = it.it_value;

    (void) timerfd_settime(sandbox_watch_fd, 0, &it, NULL);
}


static void *
sandbox_watch_thread(void *data)
{
    uint64_t  n;

    while (read(sandbox_watch_fd, &n, sizeof(n)) == sizeof(n)) {
        sandbox_watch_look();
    }

    return NULL;
}


static void
sandbox_watch_look(void)
{
    char   text[16384], path[64], *p, *end;
    pid_t  pid;

    snprintf(path, sizeof(path), "/proc/self/task/%ld/children",
             (long) getpid());

    if (!sandbox_watch_read(path, text, sizeof(text))) {
        return;
    }

    for (p = text; /* void */ ; p = end) {
        pid = strtol(p, &end, 10);

        if (end == p) {
            return;
        }

        if (sandbox_watch_is_stopped(pid)) {
            sandbox_log("process %ld was stopped while it started",
                        (long) pid);
            (void) kill(pid, SIGKILL);
        }
    }
}


/* with our name still; code that calls itself so has asked for it */

static int
sandbox_watch_is_stopped(pid_t pid)
{
    int   n;
    char  path[64], text[512], start[64];

    snprintf(path, sizeof(path), "/proc/%ld/stat", (long) pid);
    n = snprintf(start, sizeof(start), "%ld (%s) T ", (long) pid,
                 sandbox_watch_name);

    return sandbox_watch_read(path, text, sizeof(text))
           && strncmp(text, start, n) == 0;
}


static int
sandbox_watch_read(const char *path, char *text, size_t size)
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
