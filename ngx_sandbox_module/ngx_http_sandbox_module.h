
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _NGX_HTTP_SANDBOX_MODULE_H_INCLUDED_
#define _NGX_HTTP_SANDBOX_MODULE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_sandbox_node.h"


typedef struct {
    ngx_sandbox_node_t   node;
    ngx_str_t            secret_file;
    ngx_uint_t           used;          /* a location of ours exists */
} ngx_http_sandbox_main_conf_t;


typedef struct {
    ngx_uint_t           face;          /* NGX_SANDBOX_FACE_*, 0: none */
} ngx_http_sandbox_loc_conf_t;


/* compound directives, in ngx_http_sandbox_conf.c */

char *ngx_http_sandbox_database(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_sandbox_docker(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_sandbox_unix(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* in ngx_http_sandbox_package_conf.c */
char *ngx_http_sandbox_package_index(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* the beginning of a file, "max" bytes of it; an error has been told */
ngx_int_t ngx_http_sandbox_read_file(ngx_conf_t *cf, ngx_str_t *path,
    size_t max, ngx_str_t *ret_text);
ngx_int_t ngx_http_sandbox_read_secret(ngx_conf_t *cf, ngx_str_t *path,
    ngx_str_t *ret_secret);
char *ngx_http_sandbox_read_profile(ngx_conf_t *cf, ngx_str_t *path,
    ngx_str_t *ret_profile);


/* who may connect to the callback listener, in ngx_http_sandbox_guard.c */

void ngx_http_sandbox_guard(ngx_sandbox_node_t *node, ngx_cycle_t *cycle);


/* the worker's life, in ngx_http_sandbox_worker.c */

ngx_int_t ngx_http_sandbox_init_process(ngx_cycle_t *cycle);
void ngx_http_sandbox_exit_process(ngx_cycle_t *cycle);


extern ngx_module_t  ngx_http_sandbox_module;
extern ngx_module_t  ngx_http_sandbox_database_module;
extern ngx_module_t  ngx_http_sandbox_executor_module;
extern ngx_module_t  ngx_http_sandbox_package_module;


#endif /* _NGX_HTTP_SANDBOX_MODULE_H_INCLUDED_ */
