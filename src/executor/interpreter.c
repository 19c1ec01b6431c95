
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * From a request to a process, docs/runner-protocol.md.  What the process
 * reads (request, standard input) is put into memory files, so nothing has to
 * be fed to it and it can never make us wait; a byte in a pipe tells it that
 * they are filled.  It therefore makes no difference to a runner whether it was
 * started for a request or long before it.
 */


#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "environment.h"
#include "interpreter.h"
#include "spawn.h"


static int sandbox_interpreter_part(int dir, const char *part);
static void sandbox_interpreter_init(sandbox_interpreter_t *i,
    sandbox_spawn_t *s, const sandbox_language_t *language);
static int sandbox_interpreter_files(sandbox_interpreter_t *i,
    sandbox_spawn_t *s, const sandbox_executor_t *ex,
    const sandbox_request_t *r);
static int sandbox_interpreter_file(const char *name, int *ret_ours,
    int *ret_theirs);
static int sandbox_interpreter_pipes(sandbox_interpreter_t *i,
    sandbox_spawn_t *s);
static int sandbox_interpreter_pipe(int *ret_read, int *ret_write);
static int sandbox_interpreter_fill(sandbox_interpreter_t *i,
    const sandbox_executor_t *ex, const sandbox_request_t *r);
static int sandbox_interpreter_request(int fd, const sandbox_executor_t *ex,
    const sandbox_request_t *r);
static int sandbox_interpreter_input(int fd,
    const sandbox_language_t *language, const sandbox_request_t *r);
static int sandbox_interpreter_write(int fd, const void *data, size_t len);
static int sandbox_interpreter_open_gate(sandbox_interpreter_t *i);
static void sandbox_interpreter_close(int *fd);


int
sandbox_interpreter_folder(int workspace_fd, const char *path)
{
    int          fd, next;
    char         part[NAME_MAX + 1];
    size_t       len;
    const char  *p;

    fd = fcntl(workspace_fd, F_DUPFD_CLOEXEC, 0);

    for (p = path ? path : ""; *p && fd != -1; p += len + (p[len] == '/')) {
        len = strcspn(p, "/");

        if (len == 0) {
            continue;
        }

        /* the parser has refused longer parts */

        memcpy(part, p, len);
        part[len] = '\0';

        next = sandbox_interpreter_part(fd, part);
        sandbox_interpreter_close(&fd);
        fd = next;
    }

    return fd;
}


static int
sandbox_interpreter_part(int dir, const char *part)
{
    if (mkdirat(dir, part, 0755) == -1 && errno != EEXIST) {
        return -1;
    }

    return openat(dir, part, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);
}


int
sandbox_interpreter_start(sandbox_interpreter_t *i,
    const sandbox_executor_t *ex, const sandbox_language_t *language,
    const sandbox_request_t *r, int folder)
{
    int               n;
    char            **envp;
    char             *argv[SANDBOX_LANGUAGE_ARGUMENTS];
    sandbox_spawn_t   s;

    sandbox_interpreter_init(i, &s, language);

    envp = sandbox_environment_create(ex, language, r);

    s.confine = &ex->confine;
    s.workspace = ex->workspace;
    s.directory = r ? r->working_directory : NULL;
    s.folder = folder;
    s.interpreter = language->interpreter;
    s.argv = sandbox_language_argv(language, r ? r->code : NULL, argv);
    s.envp = envp;

    if (envp != NULL
        && sandbox_interpreter_files(i, &s, ex, r) == SANDBOX_OK
        && sandbox_interpreter_pipes(i, &s) == SANDBOX_OK)
    {
        i->pid = sandbox_spawn(&s);
    }

    for (n = 0; n < SANDBOX_SPAWN_FDS; n++) {
        sandbox_interpreter_close(&s.fds[n]);
    }

    sandbox_environment_free(envp);

    if (i->pid == -1) {
        sandbox_interpreter_drop(i);
        return SANDBOX_ERROR;
    }

    if (r == NULL) {
        return SANDBOX_OK;
    }

    /* one that has ended already tells why by its status */

    (void) sandbox_interpreter_open_gate(i);
    sandbox_interpreter_release(i);

    return SANDBOX_OK;
}


static void
sandbox_interpreter_init(sandbox_interpreter_t *i, sandbox_spawn_t *s,
    const sandbox_language_t *language)
{
    int  n;

    i->language = language;
    i->pid = -1;
    i->stdout_fd = i->stderr_fd = i->value_fd = -1;
    i->request_fd = i->stdin_fd = i->gate_fd = -1;

    for (n = 0; n < SANDBOX_SPAWN_FDS; n++) {
        s->fds[n] = -1;
    }
}


static int
sandbox_interpreter_files(sandbox_interpreter_t *i, sandbox_spawn_t *s,
    const sandbox_executor_t *ex, const sandbox_request_t *r)
{
    if (i->language->row->runners[0] != NULL) {
        s->fds[SANDBOX_SPAWN_RUNNER_FD] =
                              sandbox_language_open_runner(i->language);

        if (s->fds[SANDBOX_SPAWN_RUNNER_FD] == -1
            || sandbox_interpreter_file("request", &i->request_fd,
                                       &s->fds[SANDBOX_SPAWN_REQUEST_FD])
               != SANDBOX_OK)
        {
            return SANDBOX_ERROR;
        }
    }

    if (sandbox_interpreter_file("stdin", &i->stdin_fd, &s->fds[STDIN_FILENO])
        != SANDBOX_OK)
    {
        return SANDBOX_ERROR;
    }

    return r ? sandbox_interpreter_fill(i, ex, r) : SANDBOX_OK;
}


/* opened twice: each end has a position of its own */

static int
sandbox_interpreter_file(const char *name, int *ret_ours, int *ret_theirs)
{
    char  path[sizeof("/proc/self/fd/") + 12];

    *ret_ours = memfd_create(name, MFD_CLOEXEC);

    if (*ret_ours == -1) {
        sandbox_log("memfd_create: %s", strerror(errno));
        return SANDBOX_ERROR;
    }

    snprintf(path, sizeof(path), "/proc/self/fd/%d", *ret_ours);

    *ret_theirs = open(path, O_RDONLY|O_CLOEXEC);

    if (*ret_theirs == -1) {
        sandbox_log("open \"%s\": %s", path, strerror(errno));
        return SANDBOX_ERROR;
    }

    return SANDBOX_OK;
}


static int
sandbox_interpreter_pipes(sandbox_interpreter_t *i, sandbox_spawn_t *s)
{
    if (sandbox_interpreter_pipe(&i->stdout_fd, &s->fds[STDOUT_FILENO])
        != SANDBOX_OK
        || sandbox_interpreter_pipe(&i->stderr_fd, &s->fds[STDERR_FILENO])
           != SANDBOX_OK)
    {
        return SANDBOX_ERROR;
    }

    if (i->language->row->runners[0] == NULL) {
        return SANDBOX_OK;
    }

    if (sandbox_interpreter_pipe(&i->value_fd, &s->fds[SANDBOX_SPAWN_VALUE_FD])
        != SANDBOX_OK)
    {
        return SANDBOX_ERROR;
    }

    return sandbox_interpreter_pipe(&s->fds[SANDBOX_SPAWN_GATE_FD],
                                    &i->gate_fd);
}


static int
sandbox_interpreter_pipe(int *ret_read, int *ret_write)
{
    int  fds[2];

    if (pipe2(fds, O_CLOEXEC) == -1) {
        sandbox_log("pipe: %s", strerror(errno));
        return SANDBOX_ERROR;
    }

    *ret_read = fds[0];
    *ret_write = fds[1];

    return SANDBOX_OK;
}


int
sandbox_interpreter_hand_over(sandbox_interpreter_t *i,
    const sandbox_executor_t *ex, const sandbox_request_t *r)
{
    /* where Landlock keeps no signals in, somebody may have stopped it */

    (void) kill(i->pid, SIGCONT);

    if (sandbox_interpreter_fill(i, ex, r) != SANDBOX_OK
        || sandbox_interpreter_open_gate(i) != SANDBOX_OK)
    {
        return SANDBOX_ERROR;
    }

    sandbox_interpreter_release(i);

    return SANDBOX_OK;
}


static int
sandbox_interpreter_fill(sandbox_interpreter_t *i,
    const sandbox_executor_t *ex, const sandbox_request_t *r)
{
    if (i->request_fd != -1
        && sandbox_interpreter_request(i->request_fd, ex, r) != SANDBOX_OK)
    {
        return SANDBOX_ERROR;
    }

    return sandbox_interpreter_input(i->stdin_fd, i->language, r);
}


static int
sandbox_interpreter_request(int fd, const sandbox_executor_t *ex,
    const sandbox_request_t *r)
{
    int          n, rc;
    char         head[1024 + 3 * PATH_MAX], *block;
    size_t       len;
    const char  *below;

    block = sandbox_environment_block(r, &len);
    below = r->working_directory;

    n = snprintf(head, sizeof(head),
                 "sandbox-run 2\nexecution_id %s\nsession_id %s\ntimeout %g\n"
                 "workspace %s\ndirectory %s%s%s\ncode %zu\nevent %zu\n"
                 "env %zu\n\n",
                 r->id, ex->bootstrap.session_id, r->timeout, ex->workspace,
                 ex->workspace, below ? "/" : "", below ? below : "",
                 r->code_len, r->event_len, block ? len : 0);

    if (block == NULL || n < 0 || (size_t) n >= sizeof(head)) {
        sandbox_log("the head of a request does not fit");
        free(block);
        return SANDBOX_ERROR;
    }

    rc = sandbox_interpreter_write(fd, head, n) == SANDBOX_OK
         && sandbox_interpreter_write(fd, r->code, r->code_len) == SANDBOX_OK
         && sandbox_interpreter_write(fd, r->event, r->event_len)
            == SANDBOX_OK
         && sandbox_interpreter_write(fd, block, len) == SANDBOX_OK;

    free(block);

    return rc ? SANDBOX_OK : SANDBOX_ERROR;
}


static int
sandbox_interpreter_input(int fd, const sandbox_language_t *language,
    const sandbox_request_t *r)
{
    if (r->stdin_data != NULL) {
        return sandbox_interpreter_write(fd, r->stdin_data, r->stdin_len);
    }

    if (!language->row->event_env || r->event == NULL) {
        return SANDBOX_OK;
    }

    /* a line, for the sake of the shell's read */

    if (sandbox_interpreter_write(fd, r->event, r->event_len) != SANDBOX_OK) {
        return SANDBOX_ERROR;
    }

    return sandbox_interpreter_write(fd, "\n", 1);
}


static int
sandbox_interpreter_write(int fd, const void *data, size_t len)
{
    ssize_t      n;
    const char  *p;

    for (p = data; len; p += n, len -= n) {
        n = write(fd, p, len);

        if (n <= 0) {
            sandbox_log("write to a memory file: %s", strerror(errno));
            return SANDBOX_ERROR;
        }
    }

    return SANDBOX_OK;
}


/* SIGPIPE is ignored: nobody reads there any more */

static int
sandbox_interpreter_open_gate(sandbox_interpreter_t *i)
{
    if (i->gate_fd == -1 || write(i->gate_fd, "\n", 1) == 1) {
        return SANDBOX_OK;
    }

    return SANDBOX_ERROR;
}


void
sandbox_interpreter_drop(sandbox_interpreter_t *i)
{
    if (i->pid != -1) {
        (void) kill(i->pid, SIGKILL);
    }

    sandbox_interpreter_close(&i->stdout_fd);
    sandbox_interpreter_close(&i->stderr_fd);
    sandbox_interpreter_close(&i->value_fd);

    sandbox_interpreter_release(i);
}


void
sandbox_interpreter_release(sandbox_interpreter_t *i)
{
    sandbox_interpreter_close(&i->request_fd);
    sandbox_interpreter_close(&i->stdin_fd);
    sandbox_interpreter_close(&i->gate_fd);
}


static void
sandbox_interpreter_close(int *fd)
{
    if (*fd != -1) {
        close(*fd);
        *fd = -1;
    }
}
