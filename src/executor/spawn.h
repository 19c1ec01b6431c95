
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
    const char               *workspace;
    const char               *directory;    /* below it; NULL: itself */
    int                       folder;       /* the same, opened */
    int                       fds[SANDBOX_SPAWN_FDS];    /* -1: not given */
} sandbox_spawn_t;


/*
 * Starts a child: leader of its own session, a reaper of its orphans,
 * confined.  Its number, or -1 after a line in the log.
 */
pid_t sandbox_spawn(const sandbox_spawn_t *s);

/*
 * The parts of it, for what starts children another way.  The first is fork()
 * with a line in the log; the second makes the caller the child, with
 * "confine->bubblewrap" ignored.
 */
pid_t sandbox_spawn_fork(const sandbox_confine_t *confine);
void sandbox_spawn_become(const sandbox_spawn_t *s)
    __attribute__((noreturn));

/* what is blocked and ignored would stay so across execve() */
void sandbox_spawn_signals(void);


#endif /* _SANDBOX_SPAWN_H_INCLUDED_ */
