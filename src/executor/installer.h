
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_INSTALLER_H_INCLUDED_
#define _SANDBOX_INSTALLER_H_INCLUDED_


#include <jansson.h>


/* of the list that is reported; what is beyond is not named */
#define SANDBOX_INSTALLED_MAX  1000

/* bytes, as the control plane has it */
#define SANDBOX_PACKAGE_NAME_MAX     128
#define SANDBOX_PACKAGE_VERSION_MAX  64


/* what one run of an installer is told; all of it lives until it has started */
typedef struct {
    const char  *program;
    const char  *path;              /* the image's PATH */
    const char  *target;            /* the folder for the packages */
    const char  *tmp;
    const char  *index;             /* its URL */
    json_t      *packages;          /* [{"name":, "version":}] */
    unsigned     conflicts:1;       /* of versions are allowed */
} sandbox_installer_run_t;


typedef struct sandbox_installer_s  sandbox_installer_t;

struct sandbox_installer_s {
    const char   *name;
    const char   *candidates[3];    /* on PATH; NULL ends */
    const char   *folder;           /* of the packages: packages.h */
    const char   *between;          /* name and version */
    unsigned      scopes;           /* 1: "@scope/name" is a name */
    const char  **arguments;
    const char  **conflicts;        /* more of them, where those are allowed */
    const char   *lack;             /* its word for a package it cannot have */
    const char   *hint;             /* what else that may mean */
    const char   *end;              /* of its words: what follows is of logs
                                       that are gone; NULL: none */

    char       *(*variable)(const sandbox_installer_run_t *run, unsigned n);

    /* a new array of {"name":, "version":} of what is in a folder */
    json_t     *(*list)(int folder);
};


/* NULL: no such one */
const sandbox_installer_t *sandbox_installer_find(const char *name);

/* a new string; NULL: the image has none */
char *sandbox_installer_program(const sandbox_installer_t *installer,
    const char *path);

/* new arrays for execve(), freed with sandbox_environment_free(); NULL */
char **sandbox_installer_argv(const sandbox_installer_t *installer,
    const sandbox_installer_run_t *run);
char **sandbox_installer_envp(const sandbox_installer_t *installer,
    const sandbox_installer_run_t *run);

/* 1: a name, a version that can be nothing else to an installer */
int sandbox_installer_is_name(const char *name);
int sandbox_installer_is_version(const char *version);


#endif /* _SANDBOX_INSTALLER_H_INCLUDED_ */
