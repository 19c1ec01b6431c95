
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _NGX_SANDBOX_CONTAINER_FLOW_H_INCLUDED_
#define _NGX_SANDBOX_CONTAINER_FLOW_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_flow.h"
#include "ngx_sandbox_runtime.h"


/* GET /containers/{id}; the row is the flow's last result */

typedef struct {
    ngx_str_t                    id;

    /* logs only */
    ngx_uint_t                   tail;       /* lines */
    time_t                       since;      /* 0: from the beginning */
    ngx_sandbox_runtime_call_t  *call;
} ngx_sandbox_container_t;

extern const ngx_sandbox_step_t  ngx_sandbox_container_read_steps[];

/* GET /containers/{id}/logs; the text is in call->logs */
extern const ngx_sandbox_step_t  ngx_sandbox_container_logs_steps[];


#endif /* _NGX_SANDBOX_CONTAINER_FLOW_H_INCLUDED_ */
