
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _NGX_SANDBOX_DOCKER_H_INCLUDED_
#define _NGX_SANDBOX_DOCKER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_http.h"
#include "ngx_sandbox_runtime.h"


typedef struct {
    ngx_str_t    socket;             /* the engine's, a path, NUL-terminated */
    ngx_msec_t   timeout;            /* of every call but create and start */
    ngx_msec_t   create_timeout;     /* of create and start, waiting excluded */
    ngx_uint_t   creates;            /* create..start at once in this worker */
    ngx_msec_t   wait_timeout;       /* for one of these places */
    ngx_str_t    hosts_file;         /* host path bound on /etc/hosts, ro;
                                        empty: none (NetworkDisabled leaves the
                                        container's own empty) */
    ngx_str_t    seccomp;            /* a profile, JSON; empty: the engine's */
} ngx_sandbox_docker_conf_t;


/*
 * One a worker.  At most conf->creates calls of create and start run at once;
 * the others wait in order and end UNAVAILABLE after wait_timeout.
 * NULL: no memory.
 */
ngx_sandbox_runtime_t *ngx_sandbox_docker_create(
    ngx_sandbox_docker_conf_t *conf, ngx_sandbox_http_t *http, ngx_log_t *log);

void ngx_sandbox_docker_destroy(ngx_sandbox_runtime_t *runtime);


#endif /* _NGX_SANDBOX_DOCKER_H_INCLUDED_ */
