
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * One call of the Docker Engine's API on its way.  Private to the runtime:
 * ngx_sandbox_docker.c sends it, ngx_sandbox_docker_answer.c reads its answer.
 */


#ifndef _NGX_SANDBOX_DOCKER_OP_H_INCLUDED_
#define _NGX_SANDBOX_DOCKER_OP_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_sandbox_docker.h"


typedef struct ngx_sandbox_docker_s     ngx_sandbox_docker_t;
typedef struct ngx_sandbox_docker_op_s  ngx_sandbox_docker_op_t;

/*
 * Reads the body of a successful answer into the call.  NGX_DECLINED: it is
 * unreadable; NGX_ERROR: no memory; NGX_DONE: the call's status is set already.
 */
typedef ngx_int_t (*ngx_sandbox_docker_decode_pt)(
    ngx_sandbox_docker_op_t *op);


struct ngx_sandbox_docker_op_s {
    ngx_queue_t                     queue;      /* of all ops */
    ngx_queue_t                     wait;       /* for a place */
    ngx_event_t                     timer;      /* of the wait */
    ngx_sandbox_docker_t           *docker;
    ngx_sandbox_runtime_call_t     *call;
    ngx_sandbox_call_t              http;

    ngx_sandbox_docker_decode_pt    decode;     /* NULL: nothing to read */
    ngx_str_t                       image;      /* for the message */
    ngx_sandbox_runtime_status_e    absent;     /* what 404 means */

    unsigned                        bounded:1;  /* needs a place */
    unsigned                        placed:1;   /* has it */
    unsigned                        waiting:1;
    unsigned                        removal:1;
};


/* Makes the status and the message of the call out of the engine's answer. */
void ngx_sandbox_docker_answer(ngx_sandbox_docker_op_t *op);

void ngx_cdecl ngx_sandbox_docker_fail(ngx_sandbox_docker_op_t *op,
    ngx_sandbox_runtime_status_e status, const char *fmt, ...);

ngx_int_t ngx_sandbox_docker_read_created(ngx_sandbox_docker_op_t *op);
ngx_int_t ngx_sandbox_docker_read_inspect(ngx_sandbox_docker_op_t *op);
ngx_int_t ngx_sandbox_docker_read_logs(ngx_sandbox_docker_op_t *op);
ngx_int_t ngx_sandbox_docker_read_list(ngx_sandbox_docker_op_t *op);
ngx_int_t ngx_sandbox_docker_read_image(ngx_sandbox_docker_op_t *op);
ngx_int_t ngx_sandbox_docker_read_ping(ngx_sandbox_docker_op_t *op);


#endif /* _NGX_SANDBOX_DOCKER_OP_H_INCLUDED_ */
