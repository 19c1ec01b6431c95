
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_RESULT_H_INCLUDED_
#define _SANDBOX_RESULT_H_INCLUDED_


#include <event2/buffer.h>
#include "metrics.h"
#include "output.h"
#include "shape.h"


/* room for the runner's head of a frame, beside the value itself */
#define SANDBOX_FRAME_MAX  64


/* why we ended it; the first reason counts */
typedef enum {
    SANDBOX_ENDED_ITSELF = 0,
    SANDBOX_ENDED_TIMEOUT,
    SANDBOX_ENDED_CANCEL,
    SANDBOX_ENDED_NOT_STARTED
} sandbox_ended_e;


/* everything that is known when the last process is gone */
typedef struct {
    const char               *id;
    unsigned                  attempt;
    double                    timeout;      /* seconds */
    double                    queued_ms;    /* until it was started */
    double                    duration_ms;
    sandbox_ended_e           ended;
    int                       wait_status;
    sandbox_metrics_t         metrics;
    const sandbox_output_t   *out;
    const sandbox_output_t   *err;
    const sandbox_output_t   *frame;        /* what the runner returned */
    const sandbox_shape_t    *shape;        /* of out and err; NULL: none */
} sandbox_result_t;


typedef struct {
    const char               *status;
    int                       exit_code;
    const char               *value;        /* in the frame; NULL: none */
    size_t                    value_len;
    char                      message[SANDBOX_MESSAGE_MAX + 1];
    size_t                    message_len;  /* 0: null */
} sandbox_verdict_t;


/* docs/executor.md, "A result": the table as code */
void sandbox_result_judge(sandbox_verdict_t *v, const sandbox_result_t *r);

/* the body that the control plane gets; NULL: no memory */
struct evbuffer *sandbox_result_render(const sandbox_result_t *r);


#endif /* _SANDBOX_RESULT_H_INCLUDED_ */
