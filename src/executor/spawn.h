
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_SPAWN_H_INCLUDED_
#define _SANDBOX_SPAWN_H_INCLUDED_


#include <sys/types.h>
#include "confine.h"


/* the descriptors that a runner finds: docs/runner-protocol.md */
#define SANDBOX_SPAWN_REQUEST_FD  3
#define SANDBOX_SPAWN_VALUE_FD    4
#define SANDBOX_SPAWN_GATE_FD     5
#define SANDBOX_SPAWN_RUNNER_FD   6
#define SANDBOX_SPAWN_FDS         7

/* the path of the runner, for the interpreter */
#define SANDBOX_SPAWN_RUNNER      "/proc/self/fd/6"


/* what a child needs, all of it made before it is started */
typedef struct {
    const sandbox_confine_t  *confine;
    const char               *interpreter;
    char *const              *argv;
    char *const              *envp;
    int                       folder;       /* that it starts in */
    int                       fds[SANDBOX_SPAWN_FDS];    /* -1: not given */
} sandbox_spawn_t;


/*
 * Starts a child: leader of its own session, a reaper of its orphans,
 * confined.  Its number, or -1 after a line in the log.
 */
pid_t sandbox_spawn(const sandbox_spawn_t *s);


#endif /* _SANDBOX_SPAWN_H_INCLUDED_ */
