
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * What an answer of the Docker Engine means: its status, and a message for the
 * operator that says what to do where that is known.  The engine's own words
 * are bounded and free of control characters.  Nothing is sent from here.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_docker_json.h"
#include "ngx_sandbox_docker_op.h"


#define NGX_SANDBOX_DOCKER_TEXT_MAX  2048


static void ngx_sandbox_docker_no_answer(ngx_sandbox_docker_op_t *op);
static void ngx_sandbox_docker_error(ngx_sandbox_docker_op_t *op);
static void ngx_sandbox_docker_unreadable(ngx_sandbox_docker_op_t *op);
static ngx_uint_t ngx_sandbox_docker_says(ngx_str_t *message, char *words);


void
ngx_sandbox_docker_answer(ngx_sandbox_docker_op_t *op)
{
    ngx_int_t   rc;
    ngx_uint_t  status;

    if (op->http.rc != NGX_OK) {
        ngx_sandbox_docker_no_answer(op);
        return;
    }

    status = op->http.status;

    if (status >= 400) {
        ngx_sandbox_docker_error(op);
        return;
    }

    if (op->decode) {
        rc = (status == 200 || status == 201) ? op->decode(op) : NGX_DECLINED;

    } else {
        /* done, or done before: the engine says it without a body */

        rc = (status == 204 || status == 304) ? NGX_OK : NGX_DECLINED;
    }

    switch (rc) {

    case NGX_OK:
        op->call->status = NGX_SANDBOX_RUNTIME_OK;
        break;

    case NGX_DONE:
        break;

    case NGX_DECLINED:
        ngx_sandbox_docker_unreadable(op);
        break;

    default:
        ngx_sandbox_docker_fail(op, NGX_SANDBOX_RUNTIME_DOWN,
                                "no memory for the Docker Engine's answer");
        break;
    }
}


void ngx_cdecl
ngx_sandbox_docker_fail(ngx_sandbox_docker_op_t *op,
    ngx_sandbox_runtime_status_e status, const char *fmt, ...)
{
    u_char                      *p, *last, text[NGX_SANDBOX_DOCKER_TEXT_MAX];
    va_list                      args;
    ngx_sandbox_runtime_call_t  *call;

    va_start(args, fmt);
    last = ngx_vslprintf(text, text + NGX_SANDBOX_DOCKER_TEXT_MAX, fmt, args);
    va_end(args);

    call = op->call;
    call->status = status;

    p = ngx_pnalloc(call->pool, last - text);

    if (p == NULL) {
        ngx_str_set(&call->message, "no memory");
        return;
    }

    ngx_memcpy(p, text, last - text);

    call->message.data = p;
    call->message.len = last - text;
}


ngx_int_t
ngx_sandbox_docker_read_created(ngx_sandbox_docker_op_t *op)
{
    return ngx_sandbox_docker_decode_created(op->call->pool, &op->http.answer,
                                             &op->call->state.runtime_id);
}


ngx_int_t
ngx_sandbox_docker_read_inspect(ngx_sandbox_docker_op_t *op)
{
    return ngx_sandbox_docker_decode_inspect(op->call->pool, &op->http.answer,
                                             &op->call->state);
}


ngx_int_t
ngx_sandbox_docker_read_logs(ngx_sandbox_docker_op_t *op)
{
    return ngx_sandbox_docker_decode_logs(op->call->pool, &op->http.answer,
                                          NGX_SANDBOX_DOCKER_LOGS_MAX,
                                          &op->call->logs);
}


ngx_int_t
ngx_sandbox_docker_read_list(ngx_sandbox_docker_op_t *op)
{
    return ngx_sandbox_docker_decode_list(op->call->pool, &op->http.answer,
                                          &op->call->list);
}


ngx_int_t
ngx_sandbox_docker_read_image(ngx_sandbox_docker_op_t *op)
{
    ngx_int_t   rc;
    ngx_uint_t  volumes;

    rc = ngx_sandbox_docker_decode_image(op->call->pool, &op->http.answer,
                                         &volumes);

    if (rc != NGX_OK || volumes == 0) {
        return rc;
    }

    /* the engine cannot be told to leave them out, nor to bound them */

    ngx_sandbox_docker_fail(op, NGX_SANDBOX_RUNTIME_REFUSED,
                            "the image \"%V\" declares a VOLUME, through which "
                            "a sandbox could fill the host's disk: build it "
                            "without", &op->image);

    return NGX_DONE;
}


ngx_int_t
ngx_sandbox_docker_read_ping(ngx_sandbox_docker_op_t *op)
{
    ngx_str_t  *answer;

    answer = &op->http.answer;

    if (answer->len != 2 || ngx_strncmp(answer->data, "OK", 2) != 0) {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static void
ngx_sandbox_docker_no_answer(ngx_sandbox_docker_op_t *op)
{
    ngx_sandbox_call_t  *http;

    http = &op->http;

    if (http->rc == NGX_DECLINED) {
        ngx_sandbox_docker_fail(op, NGX_SANDBOX_RUNTIME_DOWN,
                                "cannot reach the Docker Engine at unix:%V: "
                                "%V; is it running, and may nginx's user open "
                                "this socket?", &http->socket, &http->error);

    } else if (http->malformed) {
        ngx_sandbox_docker_fail(op, NGX_SANDBOX_RUNTIME_GARBAGE,
                                "cannot read the answer at unix:%V: %V; is it "
                                "a Docker Engine that listens there?",
                                &http->socket, &http->error);

    } else {
        ngx_sandbox_docker_fail(op, NGX_SANDBOX_RUNTIME_DOWN,
                                "the Docker Engine at unix:%V gave no answer: "
                                "%V; the limit is %M ms",
                                &http->socket, &http->error, http->timeout);
    }
}


static void
ngx_sandbox_docker_error(ngx_sandbox_docker_op_t *op)
{
    ngx_int_t                      rc;
    ngx_str_t                      said;
    ngx_sandbox_runtime_call_t    *call;
    ngx_sandbox_runtime_status_e   status;

    call = op->call;

    rc = ngx_sandbox_docker_decode_message(call->pool, &op->http.answer,
                                           &said);

    /* the latter is the engine's way to say that it does not know the path */

    if (rc != NGX_OK || ngx_sandbox_docker_says(&said, "page not found")) {
        ngx_sandbox_docker_unreadable(op);
        return;
    }

    switch (op->http.status) {

    case 404:
        status = op->absent;
        break;

    case 409:
        status = NGX_SANDBOX_RUNTIME_CONFLICT;
        break;

    default:
        status = NGX_SANDBOX_RUNTIME_REFUSED;
        break;
    }

    if (op->removal
        && (status == NGX_SANDBOX_RUNTIME_NOT_FOUND
            || (status == NGX_SANDBOX_RUNTIME_CONFLICT
                && ngx_sandbox_docker_says(&said, "already in progress"))))
    {
        call->status = NGX_SANDBOX_RUNTIME_OK;
        return;
    }

    if (status == NGX_SANDBOX_RUNTIME_NO_IMAGE) {
        ngx_sandbox_docker_fail(op, status,
                                "the image \"%V\" is not on this node, load or "
                                "pull it there: %V", &op->image, &said);
        return;
    }

    call->status = status;
    call->message = said;
}


static void
ngx_sandbox_docker_unreadable(ngx_sandbox_docker_op_t *op)
{
    ngx_sandbox_docker_fail(op, NGX_SANDBOX_RUNTIME_GARBAGE,
                            "cannot read the answer at unix:%V, which has the "
                            "status %ui; is it a Docker Engine of version "
                            "20.10 or newer that listens there?",
                            &op->http.socket, op->http.status);
}


static ngx_uint_t
ngx_sandbox_docker_says(ngx_str_t *message, char *words)
{
    return ngx_strlcasestrn(message->data, message->data + message->len,
                            (u_char *) words, ngx_strlen(words) - 1)
           != NULL;
}
