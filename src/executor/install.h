
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_INSTALL_H_INCLUDED_
#define _SANDBOX_INSTALL_H_INCLUDED_


#include <event2/buffer.h>
#include "executor.h"
#include "installer.h"


/* what POST /v1/installs asks for */
typedef struct {
    json_t                     *fields;     /* owned: what is below needs it */

    const char                 *id;
    const sandbox_installer_t  *installer;
    json_t                     *packages;   /* [{"name":, "version":}] */
    const char                 *index;      /* a path of the control plane */
    double                      timeout;    /* seconds */
    unsigned                    conflicts:1;
} sandbox_install_request_t;


/*
 * SANDBOX_ERROR: one line that names the field is in "error".  To be freed in
 * both cases.
 */
int sandbox_install_request_parse(sandbox_install_request_t *r,
    const char *body, size_t len, char *error, size_t size);
void sandbox_install_request_free(sandbox_install_request_t *r);


/*
 * Starts what was asked for.  Returns an HTTP status: 202, also when that very
 * one runs or waits for its ack, or why not with a line in "error".  There is
 * one at a time.
 */
int sandbox_install_admit(sandbox_executor_t *ex, struct evbuffer *input,
    char *error, size_t size);

/* 1 if the installer that runs is this process */
int sandbox_install_has(const sandbox_executor_t *ex, pid_t pid);

/* it has ended, and was not waited for */
void sandbox_install_ended(sandbox_executor_t *ex, pid_t pid);

/* 1 while an installer runs */
int sandbox_install_runs(const sandbox_executor_t *ex);


#endif /* _SANDBOX_INSTALL_H_INCLUDED_ */
