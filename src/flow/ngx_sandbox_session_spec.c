
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * What the container of a session is made of, from its row: its specification,
 * and what its executor reads first.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_json_writer.h"
#include "ngx_sandbox_node.h"
#include "ngx_sandbox_op.h"
#include "ngx_sandbox_session_dir.h"
#include "ngx_sandbox_session_flow.h"
#include "ngx_sandbox_session_store.h"
#include "ngx_sandbox_token.h"


static ngx_uint_t ngx_sandbox_spec_number(ngx_sandbox_flow_t *f,
    ngx_uint_t column);


ngx_int_t
ngx_sandbox_session_spec(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_node_t            *node;
    ngx_sandbox_session_start_t   *s;
    ngx_sandbox_container_spec_t  *spec;

    s = f->data;
    node = f->node;
    spec = &s->spec;

    s->container.data = ngx_pnalloc(f->pool, sizeof("sandbox--") + s->id.len
                                             + NGX_INT64_LEN);
    if (s->container.data == NULL) {
        return NGX_ERROR;
    }

    s->container.len = ngx_sprintf(s->container.data, "sandbox-%V-%uL",
                                   &s->id, s->epoch)
                       - s->container.data;

    if (ngx_sandbox_session_dir_path(f->pool, &node->state_path->name, &s->id,
                                     &s->dir)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    spec->name = s->container;
    spec->image = *ngx_sandbox_op_value(f, NGX_SANDBOX_SESSION_IMAGE);
    spec->session_id = s->id;
    spec->template_id = *ngx_sandbox_op_value(f, NGX_SANDBOX_SESSION_TEMPLATE);
    spec->instance = node->instance;
    spec->epoch = s->epoch;
    spec->cpu_milli = ngx_sandbox_spec_number(f, NGX_SANDBOX_SESSION_CPU);
    spec->memory_mb = ngx_sandbox_spec_number(f, NGX_SANDBOX_SESSION_MEMORY);
    spec->disk_mb = ngx_sandbox_spec_number(f, NGX_SANDBOX_SESSION_DISK);
    spec->pids = ngx_sandbox_spec_number(f, NGX_SANDBOX_SESSION_PROCESSES);
    spec->socket_path = s->dir;
    spec->executor_path = node->executor_path;
    spec->callback_path = node->callback_path;

    s->env_vars = *ngx_sandbox_op_value(f, NGX_SANDBOX_SESSION_ENV);
    s->max_runs = ngx_sandbox_spec_number(f, NGX_SANDBOX_SESSION_MAX_RUNS);
    s->prestart = *ngx_sandbox_op_value(f, NGX_SANDBOX_SESSION_PRESTART);

    return NGX_OK;
}


static ngx_uint_t
ngx_sandbox_spec_number(ngx_sandbox_flow_t *f, ngx_uint_t column)
{
    ngx_int_t   n;
    ngx_str_t  *value;

    value = ngx_sandbox_op_value(f, column);
    n = value->data ? ngx_atoi(value->data, value->len) : 0;

    return n == NGX_ERROR ? 0 : n;
}


ngx_int_t
ngx_sandbox_session_bootstrap(ngx_sandbox_flow_t *f, ngx_str_t *ret_text)
{
    ngx_str_t                     token;
    ngx_sandbox_json_t            json;
    ngx_sandbox_session_start_t  *s;

    s = f->data;

    if (ngx_sandbox_token_make(f->pool, &f->node->secret, &s->id, &token)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_sandbox_json_init(&json, f->pool, 512 + s->env_vars.len);

    ngx_sandbox_json_object_start(&json);
    ngx_sandbox_json_literal_key(&json, "session_id");
    ngx_sandbox_json_string(&json, &s->id);
    ngx_sandbox_json_literal_key(&json, "token");
    ngx_sandbox_json_string(&json, &token);
    ngx_sandbox_json_literal_key(&json, "callback");
    ngx_sandbox_json_literal(&json, "/run/sandbox-callback/internal.sock");
    ngx_sandbox_json_literal_key(&json, "env_vars");
    ngx_sandbox_json_raw(&json, &s->env_vars);

    if (s->max_runs) {
        ngx_sandbox_json_literal_key(&json, "max_concurrent_executions");
        ngx_sandbox_json_int(&json, s->max_runs);
    }

    ngx_sandbox_json_literal_key(&json, "max_queued_executions");
    ngx_sandbox_json_int(&json, f->node->execution_queue);

    if (s->prestart.data) {
        ngx_sandbox_json_literal_key(&json, "prestart");
        ngx_sandbox_json_raw(&json, &s->prestart);
    }

    ngx_sandbox_json_object_end(&json);

    return ngx_sandbox_json_finish(&json, ret_text);
}
