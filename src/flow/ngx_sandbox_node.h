
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * A node is an instance: this nginx, the engine beside it, and what it needs
 * to talk to both.  The first part is configuration and read-only; the second
 * belongs to one worker and is made when that starts.
 */


#ifndef _NGX_SANDBOX_NODE_H_INCLUDED_
#define _NGX_SANDBOX_NODE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_db.h"
#include "ngx_sandbox_docker.h"
#include "ngx_sandbox_http.h"
#include "ngx_sandbox_package.h"
#include "ngx_sandbox_runtime.h"
#include "ngx_sandbox_waiters.h"
#include "ngx_sandbox_zone.h"


typedef struct {
    ngx_str_t                   name;
    ngx_path_t                 *state_path;       /* a folder a session */
    ngx_str_t                   executor_path;    /* injected into sandboxes */
    ngx_str_t                   callback_path;    /* holds internal.sock */
    ngx_str_t                   loopback;         /* our listener's path */
    ngx_str_t                   secret;           /* of all tokens */
    ngx_msec_t                  start_timeout;
    ngx_uint_t                  session_restarts; /* of a persistent one */
    ngx_uint_t                  max_processes;    /* of a sandbox */
    ngx_uint_t                  execution_queue;  /* waiting, of a session */
    ngx_uint_t                  list_total_limit;
    ngx_uint_t                  max_waiters;      /* of a worker */
    ngx_uint_t                  max_streams;      /* likewise */
    size_t                      zone_size;
    ngx_msec_t                  reconcile_interval;
    ngx_msec_t                  reap_interval;
    ngx_msec_t                  execution_lease;
    time_t                      idempotency_ttl;  /* s */
    ngx_array_t                *packages;         /* indexes; NULL: none */
    size_t                      package_max_size; /* of an answer of one */
    ngx_sandbox_db_conf_t       db;
    ngx_sandbox_docker_conf_t   docker;

    /* shared by all workers */
    ngx_sandbox_zone_t          zone;

    /* where the internal locations find their contexts */
    ngx_module_t               *database_module;
    ngx_module_t               *executor_module;

    /* the worker's own */
    ngx_sandbox_instance_t      instance;
    ngx_sandbox_db_pool_t      *database;
    ngx_sandbox_http_t         *http;
    ngx_sandbox_runtime_t      *runtime;
    ngx_sandbox_waiters_t      *waiters;
    ngx_str_t                   loopback_token;
    ngx_uint_t                  streams;          /* clients that watch */
    unsigned                    closing:1;
} ngx_sandbox_node_t;


#endif /* _NGX_SANDBOX_NODE_H_INCLUDED_ */
