
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_BUBBLEWRAP_H_INCLUDED_
#define _SANDBOX_BUBBLEWRAP_H_INCLUDED_


#include "executor.h"
#include "spawn.h"


/*
 * What bubblewrap passes on to our binary inside of it: the descriptors of the
 * code in their order, then ours.  It opens its own below.
 */
#define SANDBOX_BUBBLEWRAP_FDS         SANDBOX_FD_BASE
#define SANDBOX_BUBBLEWRAP_PLAN_FD     (SANDBOX_FD_BASE + SANDBOX_SPAWN_FDS)
#define SANDBOX_BUBBLEWRAP_SOCKET_FD   (SANDBOX_BUBBLEWRAP_PLAN_FD + 1)
#define SANDBOX_BUBBLEWRAP_RULESET_FD  (SANDBOX_BUBBLEWRAP_PLAN_FD + 2)
#define SANDBOX_BUBBLEWRAP_BINARY_FD   (SANDBOX_BUBBLEWRAP_PLAN_FD + 3)
#define SANDBOX_BUBBLEWRAP_FDS_END     (SANDBOX_BUBBLEWRAP_PLAN_FD + 4)

#define SANDBOX_BUBBLEWRAP_ARGUMENTS   (12 + 4 * SANDBOX_HIDDEN_MAX)


/* made once; the same command line for each execution */
struct sandbox_bubblewrap_s {
    char    *argv[SANDBOX_BUBBLEWRAP_ARGUMENTS];
    char    *path;              /* of the program */
    char     inside[sizeof("/proc/self/fd/") + 12];
    int      binary_fd;         /* our own: its path is hidden inside */
    double   wait_ms;           /* for one start */
};


/*
 * From then on sandbox_spawn() uses bubblewrap, if the image has it, the
 * container's profile lets it work, and a trial with the image's shell is a
 * success.  To be called when orphans come to us, and before code runs.  "b"
 * must stay.
 */
void sandbox_bubblewrap_init(sandbox_bubblewrap_t *b, sandbox_executor_t *ex);

/*
 * Starts a child in name spaces of its own, as sandbox_spawn() does without.
 * Waits until it is there, which takes some milliseconds, and is bounded.
 */
pid_t sandbox_bubblewrap_start(const sandbox_bubblewrap_t *b,
    const sandbox_spawn_t *s);


#endif /* _SANDBOX_BUBBLEWRAP_H_INCLUDED_ */
