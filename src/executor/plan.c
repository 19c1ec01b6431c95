
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * A head of fixed size, then strings, a NUL after each: workspace, directory,
 * interpreter, arguments, environment.  Writer and reader are one binary, so
 * there is no version in it.
 */


#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "executor.h"
#include "plan.h"


typedef struct {
    size_t    arguments;
    size_t    variables;
    rlim_t    file_max;
    unsigned  fds;              /* bit n: descriptor n is given */
    unsigned  ruleset:1;
    unsigned  seccomp:1;
    unsigned  directory:1;
} sandbox_plan_head_t;


/* the next string, to the end of the text */
typedef struct {
    char  *pos;
    char  *end;
} sandbox_plan_text_t;


static int sandbox_plan_write(int fd, const sandbox_spawn_t *s);
static size_t sandbox_plan_count(char *const *strings);
static int sandbox_plan_put(int fd, const char *string);
static int sandbox_plan_put_all(int fd, char *const *strings);
static char *sandbox_plan_load(int fd, size_t *ret_len);
static char *sandbox_plan_get(sandbox_plan_text_t *text);
static char **sandbox_plan_get_all(sandbox_plan_text_t *text, size_t n);


int
sandbox_plan_create(const sandbox_spawn_t *s)
{
    int  fd;

    fd = memfd_create("plan", MFD_CLOEXEC);

    if (fd != -1 && sandbox_plan_write(fd, s) == SANDBOX_OK) {
        return fd;
    }

    sandbox_log("a plan cannot be written: %s", strerror(errno));

    if (fd != -1) {
        close(fd);
    }

    return -1;
}


static int
sandbox_plan_write(int fd, const sandbox_spawn_t *s)
{
    int                  i;
    sandbox_plan_head_t  head;

    memset(&head, 0, sizeof(head));

    head.arguments = sandbox_plan_count(s->argv);
    head.variables = sandbox_plan_count(s->envp);
    head.file_max = s->confine->file_max;
    head.ruleset = s->confine->ruleset_fd != -1;
    head.seccomp = s->confine->seccomp;
    head.directory = s->directory != NULL;

    for (i = 0; i < SANDBOX_SPAWN_FDS; i++) {
        head.fds |= (s->fds[i] != -1) << i;
    }

    if (write(fd, &head, sizeof(head)) != sizeof(head)
        || sandbox_plan_put(fd, s->workspace) != SANDBOX_OK
        || sandbox_plan_put(fd, s->directory ? s->directory : "")
           != SANDBOX_OK
        || sandbox_plan_put(fd, s->interpreter) != SANDBOX_OK
        || sandbox_plan_put_all(fd, s->argv) != SANDBOX_OK)
    {
        return SANDBOX_ERROR;
    }

    return sandbox_plan_put_all(fd, s->envp);
}


static size_t
sandbox_plan_count(char *const *strings)
{
    size_t  n;

    for (n = 0; strings[n] != NULL; n++) {
        /* void */
    }

    return n;
}


static int
sandbox_plan_put(int fd, const char *string)
{
    ssize_t  len;

    len = strlen(string) + 1;

    return write(fd, string, len) == len ? SANDBOX_OK : SANDBOX_ERROR;
}


static int
sandbox_plan_put_all(int fd, char *const *strings)
{
    for ( /* void */ ; *strings; strings++) {
        if (sandbox_plan_put(fd, *strings) != SANDBOX_OK) {
            return SANDBOX_ERROR;
        }
    }

    return SANDBOX_OK;
}


int
sandbox_plan_read(sandbox_plan_t *plan, int fd)
{
    int                  i;
    char                *directory;
    size_t               len;
    sandbox_spawn_t     *s;
    sandbox_plan_head_t  head;
    sandbox_plan_text_t  text;

    memset(plan, 0, sizeof(sandbox_plan_t));

    plan->data = sandbox_plan_load(fd, &len);

    if (plan->data == NULL || len < sizeof(head)) {
        return SANDBOX_ERROR;
    }

    memcpy(&head, plan->data, sizeof(head));

    plan->confine.file_max = head.file_max;
    plan->confine.ruleset_fd = head.ruleset ? 0 : -1;
    plan->confine.seccomp = head.seccomp;
    plan->confine.oom_fd = -1;

    s = &plan->spawn;
    s->confine = &plan->confine;

    for (i = 0; i < SANDBOX_SPAWN_FDS; i++) {
        s->fds[i] = (head.fds & 1u << i) ? 0 : -1;
    }

    text.pos = plan->data + sizeof(head);
    text.end = plan->data + len;

    s->workspace = sandbox_plan_get(&text);
    directory = sandbox_plan_get(&text);
    s->directory = head.directory ? directory : NULL;
    s->interpreter = sandbox_plan_get(&text);
    s->argv = sandbox_plan_get_all(&text, head.arguments);
    s->envp = sandbox_plan_get_all(&text, head.variables);

    return s->interpreter != NULL && s->argv != NULL && s->envp != NULL
           && text.pos == text.end
           ? SANDBOX_OK : SANDBOX_ERROR;
}


void
sandbox_plan_free(sandbox_plan_t *plan)
{
    free((void *) plan->spawn.argv);
    free((void *) plan->spawn.envp);
    free(plan->data);
}


static char *
sandbox_plan_load(int fd, size_t *ret_len)
{
    char        *data;
    struct stat  st;

    if (fstat(fd, &st) == -1) {
        return NULL;
    }

    data = malloc(st.st_size + 1);

    if (data == NULL || pread(fd, data, st.st_size, 0) != st.st_size) {
        free(data);
        return NULL;
    }

    *ret_len = st.st_size;

    return data;
}


/* NULL: there is none, also after the first that was missing */

static char *
sandbox_plan_get(sandbox_plan_text_t *text)
{
    char  *string, *nul;

    string = text->pos;
    nul = memchr(string, '\0', text->end - string);

    if (nul == NULL) {
        text->pos = text->end;
        return NULL;
    }

    text->pos = nul + 1;

    return string;
}


static char **
sandbox_plan_get_all(sandbox_plan_text_t *text, size_t n)
{
    char   **strings;
    size_t   i;

    /* each takes a byte at least */

    if (n > (size_t) (text->end - text->pos)) {
        return NULL;
    }

    strings = calloc(n + 1, sizeof(char *));

    for (i = 0; strings != NULL && i < n; i++) {
        strings[i] = sandbox_plan_get(text);

        if (strings[i] == NULL) {
            free(strings);
            return NULL;
        }
    }

    return strings;
}
