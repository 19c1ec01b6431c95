
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The life of a worker: its clients are made when it starts and connect when
 * they are needed, so no backend that is down keeps a worker from starting.
 * Its timers trigger the periodic jobs by requests, like all other work.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_sandbox_module.h"
#include "ngx_sandbox.h"
#include "ngx_sandbox_store.h"
#include "ngx_sandbox_token.h"


#define NGX_HTTP_SANDBOX_FIRST_TICK  1000      /* ms after the start */


static ngx_int_t ngx_http_sandbox_open(ngx_sandbox_node_t *node,
    ngx_cycle_t *cycle);
static void ngx_http_sandbox_jobs_start(ngx_sandbox_node_t *node,
    ngx_cycle_t *cycle);
static void ngx_http_sandbox_tick(ngx_event_t *ev);


typedef struct {
    ngx_str_t           uri;
    size_t              interval;      /* offset in the node */
    ngx_event_t         event;

    /* what nginx's debug log takes the data of an event for */
    ngx_connection_t    connection;
} ngx_http_sandbox_job_t;


static ngx_http_sandbox_job_t  ngx_http_sandbox_jobs[] = {

    { .uri = ngx_string("/internal/jobs/reap"),
      .interval = offsetof(ngx_sandbox_node_t, reap_interval) },

    { .uri = ngx_string("/internal/jobs/reconcile"),
      .interval = offsetof(ngx_sandbox_node_t, reconcile_interval) },

    { .uri = ngx_null_string }
};


ngx_int_t
ngx_http_sandbox_init_process(ngx_cycle_t *cycle)
{
    ngx_http_sandbox_main_conf_t  *smcf;

    /* cache managers and loaders come here as well */

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    smcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_sandbox_module);

    if (smcf == NULL || !smcf->used) {
        return NGX_OK;
    }

    if (ngx_http_sandbox_open(&smcf->node, cycle) != NGX_OK) {
        /* out of memory at start: nothing would work */
        return NGX_ERROR;
    }

    ngx_http_sandbox_guard(&smcf->node, cycle);
    ngx_http_sandbox_jobs_start(&smcf->node, cycle);

    return NGX_OK;
}


void
ngx_http_sandbox_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_sandbox_main_conf_t  *smcf;

    smcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_sandbox_module);

    if (smcf == NULL || smcf->node.database == NULL) {
        return;
    }

    /* what ends now resumes no flow: the others are about to be freed too */

    smcf->node.closing = 1;

    ngx_sandbox_docker_destroy(smcf->node.runtime);
    ngx_sandbox_http_destroy(smcf->node.http);
    ngx_sandbox_db_pool_destroy(smcf->node.database);

    if (smcf->node.waiters) {
        ngx_sandbox_waiters_destroy(smcf->node.waiters);
    }

    ngx_explicit_memzero(smcf->node.secret.data, smcf->node.secret.len);
}


static ngx_int_t
ngx_http_sandbox_open(ngx_sandbox_node_t *node, ngx_cycle_t *cycle)
{
    ngx_uint_t  statements;

    statements = ngx_sandbox_store_init();

    node->http = ngx_sandbox_http_create(cycle->log);
    if (node->http == NULL) {
        return NGX_ERROR;
    }

    node->runtime = ngx_sandbox_docker_create(&node->docker, node->http,
                                              cycle->log);
    if (node->runtime == NULL) {
        return NGX_ERROR;
    }

    node->database = ngx_sandbox_db_pool_create(&node->db, statements,
                                                NGX_SANDBOX_SCHEMA_VERSION,
                                                cycle->log);
    if (node->database == NULL) {
        return NGX_ERROR;
    }

    node->waiters = ngx_sandbox_waiters_create(&node->zone, node->max_waiters,
                                               cycle->log);
    if (node->waiters == NULL) {
        return NGX_ERROR;
    }

    node->instance.name = node->name;

    if (ngx_sandbox_token_owner(cycle->pool, &node->secret,
                                &node->instance.owner)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_sandbox_token_loopback(cycle->pool, &node->secret,
                                      &node->loopback_token);
}


/*
 * One worker asks for the jobs; every effect of them is a conditional
 * statement, so an old and a new worker that tick side by side during a reload
 * do no harm.
 */

static void
ngx_http_sandbox_jobs_start(ngx_sandbox_node_t *node, ngx_cycle_t *cycle)
{
    ngx_http_sandbox_job_t  *job;

    if (ngx_process == NGX_PROCESS_WORKER && ngx_worker != 0) {
        return;
    }

    for (job = ngx_http_sandbox_jobs; job->uri.len; job++) {
        ngx_memzero(&job->event, sizeof(ngx_event_t));

        job->connection.fd = (ngx_socket_t) -1;
        job->connection.data = node;

        job->event.data = &job->connection;
        job->event.handler = ngx_http_sandbox_tick;
        job->event.log = cycle->log;
        job->event.cancelable = 1;

        ngx_add_timer(&job->event, NGX_HTTP_SANDBOX_FIRST_TICK);
    }
}


static void
ngx_http_sandbox_tick(ngx_event_t *ev)
{
    ngx_msec_t               interval;
    ngx_sandbox_node_t      *node;
    ngx_http_sandbox_job_t  *job;

    if (ngx_exiting || ngx_terminate) {
        return;
    }

    job = ngx_queue_data(ev, ngx_http_sandbox_job_t, event);
    node = job->connection.data;

    interval = *(ngx_msec_t *) ((u_char *) node + job->interval);

    (void) ngx_sandbox_http_post_detached(node->http, &node->loopback,
                                          &job->uri, &node->loopback_token,
                                          ngx_max(interval, 10000), ev->log);

    ngx_add_timer(ev, interval);
}
