
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The languages: one row each.  Interpreters are those of the image, found on
 * its PATH at start and never again; runners are ours, mounted read-only.
 * A new language is a row here and a file in runners/.
 */


#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>
#include "executor.h"
#include "spawn.h"


static char *sandbox_language_find(const char *const *candidates,
    const char *path);
static int sandbox_language_is_executable(const char *path);
static int sandbox_language_load(const char *runners,
    const char *const *names);
static int sandbox_language_append(int fd, const char *runners,
    const char *name);


static const sandbox_language_row_t  sandbox_language_rows[] = {

    /*
     * -I: no PYTHON* variables, nothing of the working directory before the
     * runner has put it there; -S: the runner does what site would, in a
     * quarter of the time; -B: no bytecode in the workspace
     */

    { "python",     { "python3", NULL },
                    { "-I", "-S", "-B", NULL },
                    { "python.py", NULL },
                    { "PYTHON", NULL }, 0 },

    /*
     * Without the first flag, import() does not work in Node.js 18's scripts;
     * without the second one it looks where the runner "really" is: nowhere
     */

    { "javascript", { "node", "nodejs", NULL },
                    { "--experimental-vm-modules", "--preserve-symlinks-main",
                      NULL },
                    { "javascript_errors.js", "javascript_modules.js",
                      "javascript.js", NULL },
                    { "NODE_", "UV_", "OPENSSL_", "SSL_", NULL }, 0 },

    { "shell",      { "/bin/sh", "sh", NULL },
                    { "-c", NULL },
                    { NULL },
                    { NULL }, 1 },
};


#define SANDBOX_LANGUAGE_ROWS                                                 \
    (sizeof(sandbox_language_rows) / sizeof(sandbox_language_rows[0]))

_Static_assert(SANDBOX_LANGUAGE_ROWS <= SANDBOX_LANGUAGES_MAX,
               "SANDBOX_LANGUAGES_MAX is too small");


void
sandbox_languages_init(sandbox_languages_t *languages, const char *path,
    const char *runners)
{
    size_t                         i;
    sandbox_language_t            *l;
    const sandbox_language_row_t  *row;

    for (i = 0; i < sandbox_language_count(); i++) {
        l = &languages->items[i];
        row = &sandbox_language_rows[i];

        l->row = row;
        l->runner_fd = -1;
        l->interpreter = sandbox_language_find(row->candidates, path);

        if (l->interpreter == NULL || row->runners[0] == NULL) {
            continue;
        }

        l->runner_fd = sandbox_language_load(runners, row->runners);

        if (l->runner_fd == -1) {
            free(l->interpreter);
            l->interpreter = NULL;
        }
    }
}


/* into memory, and sealed: its readers could write to it otherwise */

static int
sandbox_language_load(const char *runners, const char *const *names)
{
    int  fd, rc;

    fd = memfd_create(names[0], MFD_CLOEXEC|MFD_ALLOW_SEALING);

    if (fd == -1) {
        sandbox_log("memfd_create(): %s", strerror(errno));
        return -1;
    }

    for (rc = SANDBOX_OK; rc == SANDBOX_OK && *names; names++) {
        rc = sandbox_language_append(fd, runners, *names);
    }

    if (rc == SANDBOX_OK
        && fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL|F_SEAL_SHRINK|F_SEAL_GROW
                                  |F_SEAL_WRITE) == -1)
    {
        sandbox_log("a runner cannot be sealed: %s", strerror(errno));
        rc = SANDBOX_ERROR;
    }

    if (rc != SANDBOX_OK) {
        close(fd);
        return -1;
    }

    return fd;
}


static int
sandbox_language_append(int fd, const char *runners, const char *name)
{
    int          from, rc;
    char         path[PATH_MAX];
    ssize_t      n;
    struct stat  st;

    n = snprintf(path, sizeof(path), "%s/%s", runners, name);
    from = n < (ssize_t) sizeof(path) ? open(path, O_RDONLY|O_CLOEXEC) : -1;

    rc = from != -1 && fstat(from, &st) == 0
         && sendfile(fd, from, NULL, st.st_size) == st.st_size
         ? SANDBOX_OK : SANDBOX_ERROR;

    if (rc != SANDBOX_OK) {
        sandbox_log("runner \"%s\" cannot be read: %s", path,
                    strerror(errno));
    }

    if (from != -1) {
        close(from);
    }

    return rc;
}


int
sandbox_language_open_runner(const sandbox_language_t *language)
{
    int   fd;
    char  path[sizeof("/proc/self/fd/") + 12];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", language->runner_fd);

    fd = open(path, O_RDONLY|O_CLOEXEC);

    if (fd == -1) {
        sandbox_log("open \"%s\": %s", path, strerror(errno));
    }

    return fd;
}


unsigned
sandbox_language_count(void)
{
    return SANDBOX_LANGUAGE_ROWS;
}


const char *
sandbox_language_name(unsigned n)
{
    return sandbox_language_rows[n].name;
}


unsigned
sandbox_language_index(const sandbox_languages_t *languages,
    const sandbox_language_t *language)
{
    return language - languages->items;
}


static char *
sandbox_language_find(const char *const *candidates, const char *path)
{
    char  *found;

    for ( /* void */ ; *candidates; candidates++) {

        found = sandbox_language_lookup(*candidates, path);
        if (found != NULL) {
            return found;
        }
    }

    return NULL;
}


char *
sandbox_language_lookup(const char *name, const char *path)
{
    char         full[PATH_MAX];
    size_t       len;
    const char  *p, *end;

    if (name[0] == '/') {
        return sandbox_language_is_executable(name) ? strdup(name) : NULL;
    }

    for (p = path; *p; p = *end ? end + 1 : end) {
        end = strchrnul(p, ':');
        len = end - p;

        /* relative entries would follow the working directory of the code */

        if (len == 0 || p[0] != '/' || len + strlen(name) + 2 > PATH_MAX) {
            continue;
        }

        snprintf(full, sizeof(full), "%.*s/%s", (int) len, p, name);

        if (sandbox_language_is_executable(full)) {
            return strdup(full);
        }
    }

    return NULL;
}


static int
sandbox_language_is_executable(const char *path)
{
    struct stat  st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode)
           && access(path, X_OK) == 0;
}


sandbox_language_t *
sandbox_languages_find(sandbox_languages_t *languages, const char *name)
{
    size_t  i;

    for (i = 0; i < sandbox_language_count(); i++) {
        if (strcmp(languages->items[i].row->name, name) == 0) {
            return &languages->items[i];
        }
    }

    return NULL;
}


json_t *
sandbox_languages_names(sandbox_languages_t *languages)
{
    size_t   i;
    json_t  *names;

    names = json_array();

    for (i = 0; i < sandbox_language_count(); i++) {
        if (languages->items[i].interpreter != NULL) {
            json_array_append_new(names,
                                  json_string(languages->items[i].row->name));
        }
    }

    return names;
}


char **
sandbox_language_argv(const sandbox_language_t *language, const char *code,
    char **argv)
{
    size_t              n;
    const char *const  *arg;

    n = 0;
    argv[n++] = language->interpreter;

    for (arg = language->row->arguments; *arg; arg++) {
        argv[n++] = (char *) *arg;
    }

    argv[n++] = (char *) (language->row->runners[0] ? SANDBOX_SPAWN_RUNNER
                                                  : code);
    argv[n] = NULL;

    return argv;
}
