
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The nginx face: directives, and the content handlers that lead into src/api.
 * docs/directives.md describes every directive, and a test compares both.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_sandbox_module.h"
#include "ngx_sandbox_api.h"
#include "ngx_sandbox_id.h"


#define NGX_HTTP_SANDBOX_SECRET_MIN     32      /* bytes */
#define NGX_HTTP_SANDBOX_START_MIN      1000    /* ms */
#define NGX_HTTP_SANDBOX_RECONCILE_MIN  100     /* ms */
#define NGX_HTTP_SANDBOX_REAP_MIN       100     /* ms */
#define NGX_HTTP_SANDBOX_LEASE_MIN      1000    /* ms */
#define NGX_HTTP_SANDBOX_TTL_MAX        (30 * 86400)  /* s */


static ngx_int_t ngx_http_sandbox_handler(ngx_http_request_t *r);
static char *ngx_http_sandbox_api(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_sandbox_internal_api(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_sandbox_error(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_http_sandbox_preconfiguration(ngx_conf_t *cf);
static void *ngx_http_sandbox_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_sandbox_init_main_conf(ngx_conf_t *cf, void *conf);
static char *ngx_http_sandbox_check_main_conf(ngx_conf_t *cf,
    ngx_http_sandbox_main_conf_t *smcf);
static char *ngx_http_sandbox_check_values(ngx_conf_t *cf,
    ngx_sandbox_node_t *node);
static char *ngx_http_sandbox_add_zone(ngx_conf_t *cf,
    ngx_sandbox_node_t *node);
static void *ngx_http_sandbox_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_sandbox_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);


static ngx_conf_num_bounds_t  ngx_http_sandbox_processes_bounds = {
    ngx_conf_check_num_bounds, 16, 4096
};

static ngx_conf_num_bounds_t  ngx_http_sandbox_total_bounds = {
    ngx_conf_check_num_bounds, 1000, 10000000
};

static ngx_conf_num_bounds_t  ngx_http_sandbox_queue_bounds = {
    ngx_conf_check_num_bounds, 0, 1024
};


static ngx_conf_num_bounds_t  ngx_http_sandbox_waiters_bounds = {
    ngx_conf_check_num_bounds, 1, 1000000
};


static ngx_conf_num_bounds_t  ngx_http_sandbox_streams_bounds = {
    ngx_conf_check_num_bounds, 1, 1000000
};

static ngx_conf_num_bounds_t  ngx_http_sandbox_restarts_bounds = {
    ngx_conf_check_num_bounds, 0, 1000
};


#define ngx_http_sandbox_node_offset(field)                                   \
    offsetof(ngx_http_sandbox_main_conf_t, node)                              \
    + offsetof(ngx_sandbox_node_t, field)


static ngx_command_t  ngx_http_sandbox_commands[] = {

    { ngx_string("sandbox_api"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_sandbox_api,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("sandbox_internal_api"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_sandbox_internal_api,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("sandbox_error"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_sandbox_error,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("sandbox_database"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_sandbox_database,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("sandbox_docker"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_sandbox_docker,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("sandbox_node"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_http_sandbox_node_offset(name),
      NULL },

    { ngx_string("sandbox_state_path"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_path_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_http_sandbox_node_offset(state_path),
      NULL },

    { ngx_string("sandbox_executor_path"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_http_sandbox_node_offset(executor_path),
      NULL },

    { ngx_string("sandbox_callback_path"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_http_sandbox_node_offset(callback_path),
      NULL },

    { ngx_string("sandbox_loopback"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_sandbox_unix,
      NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_http_sandbox_node_offset(loopback),
      NULL },

    { ngx_string("sandbox_secret_file"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_sandbox_main_conf_t, secret_file),
      NULL },

    { ngx_string("sandbox_start_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_http_sandbox_node_offset(start_timeout),
      NULL },

    { ngx_string("sandbox_max_processes"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_http_sandbox_node_offset(max_processes),
      &ngx_http_sandbox_processes_bounds },

    { ngx_string("sandbox_execution_queue"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_http_sandbox_node_offset(execution_queue),
      &ngx_http_sandbox_queue_bounds },

    { ngx_string("sandbox_list_total_limit"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_http_sandbox_node_offset(list_total_limit),
      &ngx_http_sandbox_total_bounds },

    { ngx_string("sandbox_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_http_sandbox_node_offset(zone_size),
      NULL },

    { ngx_string("sandbox_max_waiters"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_http_sandbox_node_offset(max_waiters),
      &ngx_http_sandbox_waiters_bounds },

    { ngx_string("sandbox_max_streams"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_http_sandbox_node_offset(max_streams),
      &ngx_http_sandbox_streams_bounds },

    { ngx_string("sandbox_reconcile_interval"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_http_sandbox_node_offset(reconcile_interval),
      NULL },

    { ngx_string("sandbox_session_restarts"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_http_sandbox_node_offset(session_restarts),
      &ngx_http_sandbox_restarts_bounds },

    { ngx_string("sandbox_execution_lease"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_http_sandbox_node_offset(execution_lease),
      NULL },

    { ngx_string("sandbox_reap_interval"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_http_sandbox_node_offset(reap_interval),
      NULL },

    { ngx_string("sandbox_idempotency_ttl"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_sec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_http_sandbox_node_offset(idempotency_ttl),
      NULL },

    { ngx_string("sandbox_package_index"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_sandbox_package_index,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("sandbox_package_max_size"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_http_sandbox_node_offset(package_max_size),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_sandbox_module_ctx = {
    ngx_http_sandbox_preconfiguration,     /* preconfiguration */
    NULL,                                  /* postconfiguration */

    ngx_http_sandbox_create_main_conf,     /* create main configuration */
    ngx_http_sandbox_init_main_conf,       /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_sandbox_create_loc_conf,      /* create location configuration */
    ngx_http_sandbox_merge_loc_conf        /* merge location configuration */
};


ngx_module_t  ngx_http_sandbox_module = {
    NGX_MODULE_V1,
    &ngx_http_sandbox_module_ctx,          /* module context */
    ngx_http_sandbox_commands,             /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_sandbox_init_process,         /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_sandbox_exit_process,         /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_sandbox_handler(ngx_http_request_t *r)
{
    ngx_http_sandbox_loc_conf_t   *slcf;
    ngx_http_sandbox_main_conf_t  *smcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_sandbox_module);
    smcf = ngx_http_get_module_main_conf(r, ngx_http_sandbox_module);

    return ngx_sandbox_api_handler(r, &smcf->node, slcf->face);
}


static char *
ngx_http_sandbox_set_handler(ngx_conf_t *cf, ngx_http_handler_pt handler)
{
    ngx_http_core_loc_conf_t      *clcf;
    ngx_http_sandbox_main_conf_t  *smcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler) {
        return "conflicts with another content handler of this location";
    }

    clcf->handler = handler;

    smcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_sandbox_module);
    smcf->used = 1;

    return NGX_CONF_OK;
}


static char *
ngx_http_sandbox_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_sandbox_loc_conf_t  *slcf = conf;

    slcf->face = NGX_SANDBOX_FACE_PUBLIC;

    return ngx_http_sandbox_set_handler(cf, ngx_http_sandbox_handler);
}


static char *
ngx_http_sandbox_internal_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_sandbox_loc_conf_t  *slcf = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "callback") == 0) {
        slcf->face = NGX_SANDBOX_FACE_CALLBACK;

    } else if (ngx_strcmp(value[1].data, "loopback") == 0) {
        slcf->face = NGX_SANDBOX_FACE_LOOPBACK;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"sandbox_internal_api\", "
                           "it must be \"callback\" or \"loopback\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    return ngx_http_sandbox_set_handler(cf, ngx_http_sandbox_handler);
}


static char *
ngx_http_sandbox_error(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_sandbox_set_handler(cf, ngx_sandbox_api_error_page);
}


/* $request_id becomes the answer's X-Request-ID: one value a request */

static ngx_int_t
ngx_http_sandbox_preconfiguration(ngx_conf_t *cf)
{
    ngx_str_t  name;

    ngx_str_set(&name, "request_id");

    return ngx_http_get_variable_index(cf, &name) == NGX_ERROR ? NGX_ERROR
                                                               : NGX_OK;
}


static void *
ngx_http_sandbox_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_sandbox_main_conf_t  *smcf;

    smcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_sandbox_main_conf_t));
    if (smcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     smcf->node.* = empty strings, NULL
     *     smcf->used = 0
     */

    smcf->node.start_timeout = NGX_CONF_UNSET_MSEC;
    smcf->node.reconcile_interval = NGX_CONF_UNSET_MSEC;
    smcf->node.reap_interval = NGX_CONF_UNSET_MSEC;
    smcf->node.execution_lease = NGX_CONF_UNSET_MSEC;
    smcf->node.idempotency_ttl = NGX_CONF_UNSET;
    smcf->node.session_restarts = NGX_CONF_UNSET_UINT;
    smcf->node.max_processes = NGX_CONF_UNSET_UINT;
    smcf->node.execution_queue = NGX_CONF_UNSET_UINT;
    smcf->node.list_total_limit = NGX_CONF_UNSET_UINT;
    smcf->node.max_waiters = NGX_CONF_UNSET_UINT;
    smcf->node.max_streams = NGX_CONF_UNSET_UINT;
    smcf->node.zone_size = NGX_CONF_UNSET_SIZE;
    smcf->node.package_max_size = NGX_CONF_UNSET_SIZE;

    return smcf;
}


static char *
ngx_http_sandbox_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_sandbox_main_conf_t  *smcf = conf;

    ngx_conf_init_msec_value(smcf->node.start_timeout, 60000);
    ngx_conf_init_msec_value(smcf->node.reconcile_interval, 30000);
    ngx_conf_init_msec_value(smcf->node.reap_interval, 1000);
    ngx_conf_init_msec_value(smcf->node.execution_lease, 15000);
    ngx_conf_init_value(smcf->node.idempotency_ttl, 86400);
    ngx_conf_init_uint_value(smcf->node.session_restarts, 3);
    ngx_conf_init_uint_value(smcf->node.max_processes, 128);
    ngx_conf_init_uint_value(smcf->node.execution_queue, 16);
    ngx_conf_init_uint_value(smcf->node.list_total_limit, 10000);
    ngx_conf_init_uint_value(smcf->node.max_waiters, 10000);
    ngx_conf_init_uint_value(smcf->node.max_streams, 1000);
    ngx_conf_init_size_value(smcf->node.zone_size, 1048576);
    ngx_conf_init_size_value(smcf->node.package_max_size, 536870912);

    if (smcf->node.name.len == 0) {
        ngx_str_set(&smcf->node.name, "local");
    }

    smcf->node.database_module = &ngx_http_sandbox_database_module;
    smcf->node.executor_module = &ngx_http_sandbox_executor_module;

    if (!smcf->used) {
        return NGX_CONF_OK;
    }

    return ngx_http_sandbox_check_main_conf(cf, smcf);
}


static char *
ngx_http_sandbox_check_main_conf(ngx_conf_t *cf,
    ngx_http_sandbox_main_conf_t *smcf)
{
    char                *missing;
    ngx_sandbox_node_t  *node;

    node = &smcf->node;

    missing = node->db.size == 0 ? "sandbox_database"
              : node->docker.socket.len == 0 ? "sandbox_docker"
              : node->state_path == NULL ? "sandbox_state_path"
              : node->executor_path.len == 0 ? "sandbox_executor_path"
              : node->callback_path.len == 0 ? "sandbox_callback_path"
              : node->loopback.len == 0 ? "sandbox_loopback"
              : smcf->secret_file.len == 0 ? "sandbox_secret_file"
              : NULL;

    if (missing) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s\" is required where \"sandbox_api\" or "
                           "\"sandbox_internal_api\" is used", missing);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_sandbox_check_values(cf, node) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_conf_full_name(cf->cycle, &node->executor_path, 0) != NGX_OK
        || ngx_conf_full_name(cf->cycle, &node->callback_path, 0) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    /* an engine without a network leaves /etc/hosts empty: bind this one */

    node->docker.hosts_file.len = node->executor_path.len + sizeof("/hosts")
                                  - 1;
    node->docker.hosts_file.data = ngx_pnalloc(cf->pool,
                                               node->docker.hosts_file.len + 1);
    if (node->docker.hosts_file.data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_sprintf(node->docker.hosts_file.data, "%V/hosts%Z",
                &node->executor_path);

    if (ngx_http_sandbox_read_secret(cf, &smcf->secret_file, &node->secret)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (node->secret.len < NGX_HTTP_SANDBOX_SECRET_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"sandbox_secret_file\" holds %uz bytes, "
                           "at least %d are needed",
                           &smcf->secret_file, node->secret.len,
                           NGX_HTTP_SANDBOX_SECRET_MIN);
        return NGX_CONF_ERROR;
    }

    return ngx_http_sandbox_add_zone(cf, node);
}


static char *
ngx_http_sandbox_check_values(ngx_conf_t *cf, ngx_sandbox_node_t *node)
{
    if (!ngx_sandbox_id_valid(&node->name)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"sandbox_node\" must be 1 to 64 of "
                           "[A-Za-z0-9_-]", &node->name);
        return NGX_CONF_ERROR;
    }

    if (node->start_timeout < NGX_HTTP_SANDBOX_START_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"sandbox_start_timeout\" must be at least %dms",
                           NGX_HTTP_SANDBOX_START_MIN);
        return NGX_CONF_ERROR;
    }

    if (node->reconcile_interval < NGX_HTTP_SANDBOX_RECONCILE_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"sandbox_reconcile_interval\" must be at least "
                           "%dms", NGX_HTTP_SANDBOX_RECONCILE_MIN);
        return NGX_CONF_ERROR;
    }

    if (node->reap_interval < NGX_HTTP_SANDBOX_REAP_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"sandbox_reap_interval\" must be at least %dms",
                           NGX_HTTP_SANDBOX_REAP_MIN);
        return NGX_CONF_ERROR;
    }

    if (node->execution_lease < NGX_HTTP_SANDBOX_LEASE_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"sandbox_execution_lease\" must be at least %dms",
                           NGX_HTTP_SANDBOX_LEASE_MIN);
        return NGX_CONF_ERROR;
    }

    if (node->idempotency_ttl < 1
        || node->idempotency_ttl > NGX_HTTP_SANDBOX_TTL_MAX)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"sandbox_idempotency_ttl\" must be between 1s and "
                           "30d");
        return NGX_CONF_ERROR;
    }

    if (node->zone_size < NGX_SANDBOX_ZONE_SIZE_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"sandbox_zone\" must be at least %dk",
                           NGX_SANDBOX_ZONE_SIZE_MIN / 1024);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_sandbox_add_zone(ngx_conf_t *cf, ngx_sandbox_node_t *node)
{
    ngx_str_t        name;
    ngx_shm_zone_t  *shm_zone;

    ngx_str_set(&name, "sandbox_zone");

    shm_zone = ngx_shared_memory_add(cf, &name, node->zone_size,
                                     &ngx_http_sandbox_module);
    if (shm_zone == NULL) {
        return NGX_CONF_ERROR;
    }

    shm_zone->init = ngx_sandbox_zone_init;
    shm_zone->data = &node->zone;

    return NGX_CONF_OK;
}


static void *
ngx_http_sandbox_create_loc_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_sandbox_loc_conf_t));
}


/* a face belongs to the location that names it, as its handler does */

static char *
ngx_http_sandbox_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    return NGX_CONF_OK;
}
