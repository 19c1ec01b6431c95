
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Reads the result of an execution as the executor frames it; see
 * docs/executor.md.  It comes out of a sandbox: every byte of it is hostile
 * until it was checked here.
 */


#ifndef _NGX_SANDBOX_RESULT_H_INCLUDED_
#define _NGX_SANDBOX_RESULT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* the largest body that can be a result */
#define NGX_SANDBOX_RESULT_MAX                                                \
    (NGX_SANDBOX_RESULT_HEAD_MAX + 2 * NGX_SANDBOX_OUTPUT_MAX                 \
     + NGX_SANDBOX_RETURN_MAX + NGX_SANDBOX_EVENTS_MAX)


typedef enum {
    NGX_SANDBOX_RESULT_COMPLETED = 0,
    NGX_SANDBOX_RESULT_FAILED,
    NGX_SANDBOX_RESULT_TIMEOUT,
    NGX_SANDBOX_RESULT_CANCELLED
} ngx_sandbox_result_status_e;


typedef struct {
    ngx_str_t                    execution_id;   /* a valid id */
    ngx_int_t                    attempt;        /* 1 and up */
    ngx_sandbox_result_status_e  status;
    ngx_str_t                    status_name;    /* "completed" */
    ngx_int_t                    exit_code;      /* -1 to 255 */
    ngx_str_t                    error_message;  /* data is NULL: none; a NUL
                                                    has become a "?" */
    ngx_str_t                    stdout_text;
    ngx_str_t                    stderr_text;
    ngx_str_t                    return_value;   /* JSON text; empty: none */
    ngx_str_t                    events;         /* ngx_sandbox_events.h */
    uint64_t                     stdout_dropped;
    uint64_t                     stderr_dropped;
    ngx_str_t                    duration_ms;    /* a JSON number */
    ngx_str_t                    metrics;        /* JSON text, our own */
    unsigned                     has_exit_code:1;
} ngx_sandbox_result_t;


/*
 * NGX_OK:        ret is set; stdout, stderr, return_value and events point
 *                into body, the rest is in the pool
 * NGX_DECLINED:  refused, ret_reason says why, client's bytes are escaped
 * NGX_ERROR:     no memory
 *
 * All strings are valid UTF-8, return_value is valid JSON, and events has
 * passed ngx_sandbox_events_check().
 */
ngx_int_t ngx_sandbox_result_decode(ngx_pool_t *pool, const ngx_str_t *body,
    ngx_sandbox_result_t *ret, ngx_str_t *ret_reason);


#endif /* _NGX_SANDBOX_RESULT_H_INCLUDED_ */
