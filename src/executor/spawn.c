
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * From a request to a process: what it reads (code, event, standard input)
 * is put into memory files before it starts, so nothing has to be fed to it
 * later and it can never make us wait.  The child is a session of its own,
 * with a clean environment, the standard descriptors, and those of the
 * runner protocol (docs/runner-protocol.md).
 */


#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "spawn.h"


#define SANDBOX_SPAWN_FDS      5
#define SANDBOX_SPAWN_FD_BASE  16       /* above what the child is given */


/* what the child needs, all of it made before fork() */
typedef struct {
    char       **argv;
    char       **envp;
    const char  *interpreter;
    int          folder;
    int          fds[SANDBOX_SPAWN_FDS];    /* -1: not given */
} sandbox_spawn_child_t;


static int sandbox_spawn_open_part(int dir, const char *part);
static int sandbox_spawn_input(const sandbox_language_t *language,
    const sandbox_request_t *r);
static int sandbox_spawn_request(sandbox_executor_t *ex,
    const sandbox_request_t *r);
static int sandbox_spawn_write(int fd, const void *data, size_t len);
static char **sandbox_spawn_env(sandbox_executor_t *ex,
    const sandbox_language_t *language, const sandbox_request_t *r);
static json_t *sandbox_spawn_variables(sandbox_executor_t *ex,
    const sandbox_language_t *language, const sandbox_request_t *r);
static void sandbox_spawn_free_env(char **envp);
static int sandbox_spawn_pipes(sandbox_spawn_t *s, sandbox_spawn_child_t *c,
    int with_value);
static void sandbox_spawn_close(int *fd);
static void sandbox_spawn_child(sandbox_spawn_child_t *c)
    __attribute__((noreturn));
static void sandbox_spawn_child_signals(void);
static int sandbox_spawn_child_fds(sandbox_spawn_child_t *c);


int
sandbox_spawn_open_folder(int workspace_fd, const char *path)
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

        next = sandbox_spawn_open_part(fd, part);
        sandbox_spawn_close(&fd);
        fd = next;
    }

    return fd;
}


static int
sandbox_spawn_open_part(int dir, const char *part)
{
    if (mkdirat(dir, part, 0755) == -1 && errno != EEXIST) {
        return -1;
    }

    return openat(dir, part, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);
}


int
sandbox_spawn_start(sandbox_spawn_t *s, sandbox_executor_t *ex,
    const sandbox_language_t *language, const sandbox_request_t *r,
    int folder)
{
    int                     i, rc;
    char                   *argv[10];
    sandbox_spawn_child_t   c;

    s->pid = -1;
    s->stdout_fd = s->stderr_fd = s->value_fd = -1;

    for (i = 0; i < SANDBOX_SPAWN_FDS; i++) {
        c.fds[i] = -1;
    }

    rc = SANDBOX_ERROR;

    c.folder = folder;
    c.interpreter = language->interpreter;
    c.argv = sandbox_language_argv(language, r->code, argv);
    c.envp = sandbox_spawn_env(ex, language, r);

    if (c.envp == NULL) {
        sandbox_log("no memory for the environment");
        return SANDBOX_ERROR;
    }

    c.fds[0] = sandbox_spawn_input(language, r);

    if (c.fds[0] == -1) {
        goto done;
    }

    if (language->runner != NULL) {
        c.fds[SANDBOX_SPAWN_REQUEST_FD] = sandbox_spawn_request(ex, r);

        if (c.fds[SANDBOX_SPAWN_REQUEST_FD] == -1) {
            goto done;
        }
    }

    if (sandbox_spawn_pipes(s, &c, language->runner != NULL) != SANDBOX_OK) {
        goto done;
    }

    s->pid = fork();

    if (s->pid == 0) {
        sandbox_spawn_child(&c);
    }

    if (s->pid == -1) {
        sandbox_log("fork: %s", strerror(errno));
        goto done;
    }

    rc = SANDBOX_OK;

done:

    for (i = 0; i < SANDBOX_SPAWN_FDS; i++) {
        sandbox_spawn_close(&c.fds[i]);
    }

    if (rc != SANDBOX_OK) {
        sandbox_spawn_close(&s->stdout_fd);
        sandbox_spawn_close(&s->stderr_fd);
        sandbox_spawn_close(&s->value_fd);
    }

    sandbox_spawn_free_env(c.envp);

    return rc;
}


static int
sandbox_spawn_input(const sandbox_language_t *language,
    const sandbox_request_t *r)
{
    int  fd, rc;

    if (r->stdin_data == NULL
        && (!language->row->event_env || r->event == NULL))
    {
        fd = open("/dev/null", O_RDONLY|O_CLOEXEC);

        if (fd == -1) {
            sandbox_log("open /dev/null: %s", strerror(errno));
        }

        return fd;
    }

    fd = memfd_create("stdin", MFD_CLOEXEC);

    if (fd == -1) {
        sandbox_log("memfd_create: %s", strerror(errno));
        return -1;
    }

    if (r->stdin_data != NULL) {
        rc = sandbox_spawn_write(fd, r->stdin_data, r->stdin_len);

    } else {
        /* a line, for the sake of the shell's read */
        rc = sandbox_spawn_write(fd, r->event, r->event_len);

        if (rc == SANDBOX_OK) {
            rc = sandbox_spawn_write(fd, "\n", 1);
        }
    }

    if (rc != SANDBOX_OK || lseek(fd, 0, SEEK_SET) == -1) {
        sandbox_spawn_close(&fd);
    }

    return fd;
}


/* what the runner reads: docs/runner-protocol.md */

static int
sandbox_spawn_request(sandbox_executor_t *ex, const sandbox_request_t *r)
{
    int   fd, n;
    char  head[1024 + PATH_MAX];

    n = snprintf(head, sizeof(head),
                 "sandbox-run 1\nexecution_id %s\nsession_id %s\ntimeout %g\n"
                 "workspace %s\ncode %zu\nevent %zu\n\n",
                 r->id, ex->bootstrap.session_id, r->timeout, ex->workspace,
                 r->code_len, r->event_len);

    if (n < 0 || (size_t) n >= sizeof(head)) {
        sandbox_log("the head of a request does not fit");
        return -1;
    }

    fd = memfd_create("request", MFD_CLOEXEC);

    if (fd == -1) {
        sandbox_log("memfd_create: %s", strerror(errno));
        return -1;
    }

    if (sandbox_spawn_write(fd, head, n) != SANDBOX_OK
        || sandbox_spawn_write(fd, r->code, r->code_len) != SANDBOX_OK
        || sandbox_spawn_write(fd, r->event, r->event_len) != SANDBOX_OK
        || lseek(fd, 0, SEEK_SET) == -1)
    {
        sandbox_spawn_close(&fd);
    }

    return fd;
}


static int
sandbox_spawn_write(int fd, const void *data, size_t len)
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


static char **
sandbox_spawn_env(sandbox_executor_t *ex, const sandbox_language_t *language,
    const sandbox_request_t *r)
{
    char        **envp;
    size_t        n;
    json_t       *variables, *value;
    const char   *name;

    variables = sandbox_spawn_variables(ex, language, r);
    if (variables == NULL) {
        return NULL;
    }

    envp = calloc(json_object_size(variables) + 1, sizeof(char *));
    n = 0;

    json_object_foreach(variables, name, value) {

        if (envp == NULL) {
            break;
        }

        if (asprintf(&envp[n], "%s=%s", name, json_string_value(value))
            == -1)
        {
            envp[n] = NULL;
            sandbox_spawn_free_env(envp);
            envp = NULL;
        }

        n++;
    }

    json_decref(variables);

    return envp;
}


/* the later ones win: ours, the session's, the execution's */

static json_t *
sandbox_spawn_variables(sandbox_executor_t *ex,
    const sandbox_language_t *language, const sandbox_request_t *r)
{
    int      rc;
    json_t  *variables;

    variables = json_pack("{s:s, s:s, s:s, s:s}",
                          "PATH", ex->path, "HOME", ex->workspace,
                          "LANG", "C.UTF-8", "TMPDIR", "/tmp");

    if (variables == NULL) {
        return NULL;
    }

    rc = json_object_update(variables, ex->bootstrap.env_vars);

    if (rc == 0 && r->env_vars != NULL) {
        rc = json_object_update(variables, r->env_vars);
    }

    /* a larger one would make execve() fail; it is on standard input too */

    if (rc == 0 && language->row->event_env && r->event != NULL
        && r->event_len + sizeof("SANDBOX_EVENT=") <= SANDBOX_ARGUMENT_MAX)
    {
        rc = json_object_set_new(variables, "SANDBOX_EVENT",
                                 json_stringn(r->event, r->event_len));
    }

    if (rc != 0) {
        json_decref(variables);
        return NULL;
    }

    return variables;
}


static void
sandbox_spawn_free_env(char **envp)
{
    char  **p;

    for (p = envp; *p; p++) {
        free(*p);
    }

    free(envp);
}


static int
sandbox_spawn_pipes(sandbox_spawn_t *s, sandbox_spawn_child_t *c,
    int with_value)
{
    int       fds[2];
    unsigned  i;

    struct {
        int  *ours;
        int  *theirs;
    } pipes[] = {
        { &s->stdout_fd, &c->fds[1] },
        { &s->stderr_fd, &c->fds[2] },
        { &s->value_fd, &c->fds[SANDBOX_SPAWN_VALUE_FD] }
    };

    for (i = 0; i < (with_value ? 3 : 2); i++) {

        if (pipe2(fds, O_CLOEXEC) == -1) {
            sandbox_log("pipe: %s", strerror(errno));
            return SANDBOX_ERROR;
        }

        *pipes[i].ours = fds[0];
        *pipes[i].theirs = fds[1];
    }

    return SANDBOX_OK;
}


static void
sandbox_spawn_close(int *fd)
{
    if (*fd != -1) {
        close(*fd);
        *fd = -1;
    }
}


static void
sandbox_spawn_child(sandbox_spawn_child_t *c)
{
    struct rlimit  none = { 0, 0 };

    (void) setsid();

    /* outside a container nothing else would end it with us */
    (void) prctl(PR_SET_PDEATHSIG, SIGKILL);

    (void) setrlimit(RLIMIT_CORE, &none);
    (void) umask(022);

    sandbox_spawn_child_signals();

    if (fchdir(c->folder) == -1 || sandbox_spawn_child_fds(c) != SANDBOX_OK) {
        _exit(126);
    }

    execve(c->interpreter, c->argv, c->envp);

    dprintf(STDERR_FILENO, "cannot run %s: %s\n", c->interpreter,
            strerror(errno));

    _exit(127);
}


/* what is blocked and ignored would stay so across execve() */

static void
sandbox_spawn_child_signals(void)
{
    int       signo;
    sigset_t  none;

    for (signo = 1; signo < NSIG; signo++) {
        (void) signal(signo, SIG_DFL);
    }

    sigemptyset(&none);
    (void) sigprocmask(SIG_SETMASK, &none, NULL);
}


static int
sandbox_spawn_child_fds(sandbox_spawn_child_t *c)
{
    int  i, fd;

    /* first out of the way: a source may have the number of a target */

    for (i = 0; i < SANDBOX_SPAWN_FDS; i++) {
        if (c->fds[i] == -1) {
            continue;
        }

        c->fds[i] = fcntl(c->fds[i], F_DUPFD_CLOEXEC, SANDBOX_SPAWN_FD_BASE);

        if (c->fds[i] == -1) {
            return SANDBOX_ERROR;
        }
    }

    for (i = 0; i < SANDBOX_SPAWN_FDS; i++) {
        if (c->fds[i] != -1 && dup2(c->fds[i], i) == -1) {
            return SANDBOX_ERROR;
        }
    }

    /* all of ours close on exec already; this is the second line */

    fd = c->fds[SANDBOX_SPAWN_VALUE_FD] == -1 ? SANDBOX_SPAWN_REQUEST_FD
                                              : SANDBOX_SPAWN_FDS;

    if (syscall(SYS_close_range, fd, ~0u, 0) == -1) {
        for ( /* void */ ; fd < 1024; fd++) {
            (void) close(fd);
        }
    }

    return SANDBOX_OK;
}
