
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * What the executor is asked for, and what its refusals mean to the client.
 * Both are told in docs/executor.md.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_execution_flow.h"
#include "ngx_sandbox_json_writer.h"
#include "ngx_sandbox_op.h"


static ngx_int_t ngx_sandbox_execute_body(ngx_sandbox_flow_t *f, char *mode);


ngx_int_t
ngx_sandbox_execute_call(ngx_sandbox_flow_t *f, char *mode)
{
    ngx_sandbox_execute_t  *e;

    e = f->data;

    e->call.method = "POST";
    ngx_str_set(&e->call.uri, "/v1/executions");

    if (ngx_sandbox_execute_body(f, mode) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_sandbox_op_executor(f, &e->call, &e->session_id);
}


static ngx_int_t
ngx_sandbox_execute_body(ngx_sandbox_flow_t *f, char *mode)
{
    ngx_sandbox_json_t      json;
    ngx_sandbox_execute_t  *e;

    static ngx_str_t  none = ngx_string("{}");

    e = f->data;

    ngx_sandbox_json_init(&json, f->pool, 512 + e->code.len + e->code.len / 8
                                          + e->event.len + e->env_vars.len
                                          + e->stdin_text.len);

    ngx_sandbox_json_object_start(&json);

    ngx_sandbox_json_literal_key(&json, "execution_id");
    ngx_sandbox_json_string(&json, &e->id);
    ngx_sandbox_json_literal_key(&json, "language");
    ngx_sandbox_json_string(&json, &e->language);
    ngx_sandbox_json_literal_key(&json, "code");
    ngx_sandbox_json_string(&json, &e->code);
    ngx_sandbox_json_literal_key(&json, "timeout");
    ngx_sandbox_json_int(&json, e->timeout_sec);

    /* a handler always gets an object */

    ngx_sandbox_json_literal_key(&json, "event");
    ngx_sandbox_json_raw(&json, e->event.data ? &e->event : &none);
    ngx_sandbox_json_literal_key(&json, "env_vars");
    ngx_sandbox_json_raw(&json, &e->env_vars);

    if (e->stdin_text.data) {
        ngx_sandbox_json_literal_key(&json, "stdin");
        ngx_sandbox_json_string(&json, &e->stdin_text);
    }

    if (e->working_directory.data) {
        ngx_sandbox_json_literal_key(&json, "working_directory");
        ngx_sandbox_json_string(&json, &e->working_directory);
    }

    ngx_sandbox_json_literal_key(&json, "mode");
    ngx_sandbox_json_string_bytes(&json, (u_char *) mode, ngx_strlen(mode));

    ngx_sandbox_json_object_end(&json);

    return ngx_sandbox_json_finish(&json, &e->call.body);
}


ngx_int_t
ngx_sandbox_execute_refused(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_execute_t  *e;

    e = f->data;

    if (e->call.rc != NGX_OK) {
        /* the container may be dead: whoever settles it finds the cause */

        e->unknown = (e->call.rc != NGX_DECLINED);

        (void) ngx_sandbox_op_hand_over(f, "sessions", &e->session_id,
                                        "settle");
        return NGX_ERROR;
    }

    switch (e->call.status) {

    case NGX_HTTP_NOT_FOUND:
        (void) ngx_sandbox_flow_fail(f, NGX_SANDBOX_INVALID_PARAMETER,
                                     "language: the session's image has no "
                                     "interpreter for %V", &e->language);
        f->error.status = 422;
        return NGX_ERROR;

    case NGX_HTTP_BAD_REQUEST:
        (void) ngx_sandbox_flow_fail(f, NGX_SANDBOX_INVALID_PARAMETER,
                                     "the sandbox refused the request");
        f->error.status = 422;
        return NGX_ERROR;

    case NGX_HTTP_TOO_MANY_REQUESTS:
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_TOO_MANY_REQUESTS,
                                     "the session runs as much as its "
                                     "template's max_concurrent_executions "
                                     "allows, and sandbox_execution_queue "
                                     "executions wait");

    default:
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_RUNTIME_UNAVAILABLE,
                                     "the executor answered with status %ui",
                                     e->call.status);
    }
}
