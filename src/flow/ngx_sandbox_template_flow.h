
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _NGX_SANDBOX_TEMPLATE_FLOW_H_INCLUDED_
#define _NGX_SANDBOX_TEMPLATE_FLOW_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_flow.h"
#include "ngx_sandbox_idempotency.h"


/*
 * The use cases of templates; those that show templates leave their rows as
 * the flow's last result.  A string whose data is NULL, and a number that is
 * -1, is one that was not given.
 */

typedef struct {
    ngx_str_t    id;
    ngx_str_t    name;
    ngx_str_t    description;
    ngx_str_t    image_url;
    ngx_str_t    runtime_type;
    ngx_int_t    cpu_milli;
    ngx_int_t    memory_mb;
    ngx_int_t    disk_mb;
    ngx_int_t    timeout_sec;
    ngx_str_t    env_vars;           /* JSON here and below */
    ngx_str_t    packages;
    ngx_str_t    security;
    ngx_str_t    warm_pool;
    ngx_str_t    prestart;
    ngx_int_t    max_runs;
    ngx_int_t    active;
    ngx_sandbox_idempotency_t  *key;       /* of creating it; may be NULL */
} ngx_sandbox_template_t;


extern const ngx_sandbox_step_t  ngx_sandbox_template_create_steps[];
extern const ngx_sandbox_step_t  ngx_sandbox_template_update_steps[];

/* only the id is needed */
extern const ngx_sandbox_step_t  ngx_sandbox_template_read_steps[];
extern const ngx_sandbox_step_t  ngx_sandbox_template_delete_steps[];

/* no data */
extern const ngx_sandbox_step_t  ngx_sandbox_template_list_steps[];


#endif /* _NGX_SANDBOX_TEMPLATE_FLOW_H_INCLUDED_ */
