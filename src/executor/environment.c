
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Environment variables, for an interpreter that is about to start and for one
 * that has started before its execution was known.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "environment.h"
#include "packages.h"


static json_t *sandbox_environment_variables(const sandbox_executor_t *ex,
    const sandbox_language_t *language, const sandbox_request_t *r);
static int sandbox_environment_has_prefix(const char *name,
    const char *const *prefixes);


/* of the loader and the C library, in each program */
static const char *const  sandbox_environment_early[] = {
    "LD_", "LC_", "LANG", "MALLOC_", "GLIBC_", "GCONV_", "LOCPATH", NULL
};


char **
sandbox_environment_create(const sandbox_executor_t *ex,
    const sandbox_language_t *language, const sandbox_request_t *r)
{
    char        **envp;
    size_t        n;
    json_t       *variables, *value;
    const char   *name;

    variables = sandbox_environment_variables(ex, language, r);
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
            sandbox_environment_free(envp);
            envp = NULL;
        }

        n++;
    }

    json_decref(variables);

    return envp;
}


static json_t *
sandbox_environment_variables(const sandbox_executor_t *ex,
    const sandbox_language_t *language, const sandbox_request_t *r)
{
    int      rc;
    json_t  *variables;

    /* the last two for what code starts: they are there before packages are */

    variables = json_pack("{s:s, s:s, s:s, s:s, s:s+, s:s+}",
                          "PATH", ex->path, "HOME", ex->workspace,
                          "LANG", "C.UTF-8", "TMPDIR", "/tmp",
                          "PYTHONPATH", ex->workspace,
                          "/" SANDBOX_PACKAGES_FOLDER
                          "/" SANDBOX_PACKAGES_PYTHON,
                          "NODE_PATH", ex->workspace,
                          "/" SANDBOX_PACKAGES_FOLDER
                          "/" SANDBOX_PACKAGES_NODE "/node_modules");

    if (variables == NULL) {
        return NULL;
    }

    rc = json_object_update(variables, ex->bootstrap.env_vars);

    if (rc == 0 && r != NULL && r->env_vars != NULL) {
        rc = json_object_update(variables, r->env_vars);
    }

    /* a larger one would make execve() fail; it is on standard input too */

    if (rc == 0 && language->row->event_env && r != NULL && r->event != NULL
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


void
sandbox_environment_free(char **envp)
{
    char  **p;

    for (p = envp; p && *p; p++) {
        free(*p);
    }

    free(envp);
}


int
sandbox_environment_is_early(const sandbox_language_t *language,
    const sandbox_request_t *r)
{
    json_t      *value;
    const char  *name;

    if (r->env_vars == NULL) {
        return 0;
    }

    json_object_foreach(r->env_vars, name, value) {
        if (sandbox_environment_has_prefix(name, sandbox_environment_early)
            || sandbox_environment_has_prefix(name, language->row->early))
        {
            return 1;
        }
    }

    return 0;
}


static int
sandbox_environment_has_prefix(const char *name, const char *const *prefixes)
{
    for ( /* void */ ; *prefixes; prefixes++) {
        if (strncmp(name, *prefixes, strlen(*prefixes)) == 0) {
            return 1;
        }
    }

    return 0;
}


char *
sandbox_environment_block(const sandbox_request_t *r, size_t *ret_len)
{
    char        *block, *p;
    size_t       len;
    json_t      *value;
    const char  *name;

    len = 0;

    json_object_foreach(r->env_vars, name, value) {
        len += strlen(name) + 1 + json_string_length(value) + 1;
    }

    block = malloc(len + 1);
    if (block == NULL) {
        return NULL;
    }

    p = block;

    json_object_foreach(r->env_vars, name, value) {
        p += sprintf(p, "%s=%s", name, json_string_value(value)) + 1;
    }

    *ret_len = len;

    return block;
}
