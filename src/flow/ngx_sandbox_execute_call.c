
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
#include "ngx_sandbox_json_reader.h"
#include "ngx_sandbox_json_writer.h"
#include "ngx_sandbox_op.h"
#include "ngx_sandbox_validate.h"


typedef struct {
    ngx_sandbox_fields_t   fields;
    ngx_str_t              id;
    ngx_uint_t             state;
    ngx_int_t              attempt;
} ngx_sandbox_execute_known_t;


static ngx_int_t ngx_sandbox_execute_body(ngx_sandbox_flow_t *f, char *mode);


static ngx_str_t  ngx_sandbox_execute_states[] = {
    ngx_string("queued"),
    ngx_string("running"),
    ngx_string("ended"),
    ngx_null_string
};


#define FIELD(name, type, max, member, data)                                  \
    { ngx_string(name), NGX_SANDBOX_FIELD_##type, NGX_SANDBOX_FIELD_REQUIRED, \
      1, max, offsetof(ngx_sandbox_execute_known_t, member), data, NULL, NULL }

static const ngx_sandbox_field_t  ngx_sandbox_execute_known_fields[] = {
    FIELD("execution_id", ID, 0, id, NULL),
    FIELD("state", ENUM, 0, state, ngx_sandbox_execute_states),
    FIELD("attempt", INT, 1000, attempt, NULL),
      ngx_sandbox_null_field
};

#undef FIELD


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
    ngx_sandbox_json_literal_key(&json, "attempt");
    ngx_sandbox_json_int(&json, e->attempt);
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
ngx_sandbox_execute_ask(ngx_sandbox_flow_t *f, ngx_sandbox_call_t *call,
    ngx_str_t *id, char *verb, ngx_int_t attempt, ngx_str_t *session_id)
{
    u_char  *p;

    p = ngx_pnalloc(f->pool, sizeof("/v1/executions//?attempt=") + id->len
                             + (verb ? ngx_strlen(verb) : 0) + NGX_INT_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    call->method = verb ? "POST" : "GET";
    call->uri.data = p;

    p = ngx_sprintf(p, "/v1/executions/%V", id);

    if (verb) {
        p = ngx_sprintf(p, "/%s", verb);
    }

    if (attempt) {
        p = ngx_sprintf(p, "?attempt=%i", attempt);
    }

    call->uri.len = p - call->uri.data;
    call->max_body = 4096;

    return ngx_sandbox_op_executor(f, call, session_id);
}


ngx_uint_t
ngx_sandbox_execute_knows(ngx_sandbox_flow_t *f, ngx_sandbox_call_t *call,
    ngx_int_t attempt)
{
    ngx_str_t                     reason;
    struct json_t                *json;
    ngx_sandbox_report_t          report;
    ngx_sandbox_execute_known_t   known;

    if (call->rc != NGX_OK || call->status != NGX_HTTP_OK
        || ngx_sandbox_json_parse(f->pool, &call->answer, &json, &reason)
           != NGX_OK)
    {
        return 0;
    }

    ngx_memzero(&known, sizeof(ngx_sandbox_execute_known_t));
    ngx_sandbox_report_init(&report, f->pool);

    return ngx_sandbox_validate(f->pool, json,
                                ngx_sandbox_execute_known_fields, &known,
                                &report)
           == NGX_OK
           && known.attempt == attempt;
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
