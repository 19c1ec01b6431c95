
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Rows to JSON: a table names each field, its column and its kind.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_api.h"
#include "ngx_sandbox_op.h"


void
ngx_sandbox_render(ngx_sandbox_json_t *json,
    const ngx_sandbox_render_t *fields, ngx_str_t *row)
{
    ngx_str_t                   *value;
    const ngx_sandbox_render_t  *field;

    for (field = fields; field->name.len; field++) {
        value = &row[field->column];

        ngx_sandbox_json_key(json, &field->name);

        if (value->data == NULL) {
            ngx_sandbox_json_null(json);
            continue;
        }

        switch (field->kind) {

        case NGX_SANDBOX_RENDER_STRING:
            ngx_sandbox_json_string(json, value);
            break;

        case NGX_SANDBOX_RENDER_NUMBER:
            ngx_sandbox_json_number(json, value);
            break;

        case NGX_SANDBOX_RENDER_BOOL:
            ngx_sandbox_json_bool(json, value->len == 1
                                        && value->data[0] == '1');
            break;

        case NGX_SANDBOX_RENDER_TIME:
            ngx_sandbox_json_time(json, value);
            break;

        case NGX_SANDBOX_RENDER_JSON:
            ngx_sandbox_json_raw(json, value);
            break;
        }
    }
}


void
ngx_sandbox_api_done(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    ngx_sandbox_api_t  *a;

    static ngx_str_t  ok = ngx_string("{\"status\":\"ok\"}");

    a = ngx_http_get_module_ctx(f->request, ngx_http_sandbox_module);

    if (rc != NGX_OK) {
        ngx_sandbox_api_fail(a, &f->error);
        return;
    }

    ngx_sandbox_api_send(a, NGX_HTTP_OK, &ok);
}


void
ngx_sandbox_api_show(ngx_sandbox_flow_t *f, ngx_int_t rc,
    ngx_sandbox_render_pt render)
{
    ngx_sandbox_api_t   *a;
    ngx_sandbox_json_t   json;

    a = ngx_http_get_module_ctx(f->request, ngx_http_sandbox_module);

    if (rc != NGX_OK) {
        ngx_sandbox_api_fail(a, &f->error);
        return;
    }

    ngx_sandbox_json_init(&json, f->pool, 1536);
    render(&json, ngx_sandbox_op_value(f, 0));

    ngx_sandbox_api_send_json(a, NGX_HTTP_OK, &json);
}
