
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The executor's binary inside of bubblewrap, where mounts and name spaces are
 * those of one execution: it does there what sandbox_spawn() does elsewhere,
 * so that code is confined by the same lines either way.  Nothing that is not
 * trusted has run before; its environment is empty.
 *
 * It says its number, and goes on when it is told that bubblewrap's monitor has
 * gone: so no code ever runs beside its own monitor, and the executor is the
 * parent, whose end is ours.
 */


#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "bubblewrap.h"
#include "executor.h"
#include "inside.h"
#include "interpreter.h"
#include "plan.h"


#define SANDBOX_STATUS_NO_PLAN  125


static void sandbox_inside_become(sandbox_plan_t *plan)
    __attribute__((noreturn));
static int sandbox_inside_folder(const sandbox_spawn_t *s);
static int sandbox_inside_meet(void);


int
sandbox_inside_main(void)
{
    sandbox_plan_t  plan;

    if (sandbox_plan_read(&plan, SANDBOX_BUBBLEWRAP_PLAN_FD) != SANDBOX_OK) {
        sandbox_log("there is no plan");

    } else if (sandbox_inside_meet() == SANDBOX_OK) {
        sandbox_inside_become(&plan);
    }

    sandbox_plan_free(&plan);

    return SANDBOX_STATUS_NO_PLAN;
}


static void
sandbox_inside_become(sandbox_plan_t *plan)
{
    int               i;
    sandbox_spawn_t  *s;

    s = &plan->spawn;

    for (i = 0; i < SANDBOX_SPAWN_FDS; i++) {
        if (s->fds[i] != -1) {
            s->fds[i] = SANDBOX_BUBBLEWRAP_FDS + i;
        }
    }

    if (plan->confine.ruleset_fd != -1) {
        plan->confine.ruleset_fd = SANDBOX_BUBBLEWRAP_RULESET_FD;
    }

    s->folder = sandbox_inside_folder(s);

    sandbox_spawn_become(s);
}


/*
 * Anew, and by the way that the executor has taken: a descriptor of its folder
 * would be one of a mount outside, and lead there.
 */

static int
sandbox_inside_folder(const sandbox_spawn_t *s)
{
    int  fd, folder;

    fd = open(s->workspace, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (fd == -1) {
        return -1;
    }

    folder = sandbox_interpreter_folder(fd, s->directory);

    close(fd);

    return folder;
}


static int
sandbox_inside_meet(void)
{
    char   byte;
    pid_t  pid;

    pid = getpid();

    /* an executor that has ended, or waits no longer, has closed its end */

    return send(SANDBOX_BUBBLEWRAP_SOCKET_FD, &pid, sizeof(pid), MSG_NOSIGNAL)
           == sizeof(pid)
           && recv(SANDBOX_BUBBLEWRAP_SOCKET_FD, &byte, 1, 0) == 1
           ? SANDBOX_OK : SANDBOX_ERROR;
}
