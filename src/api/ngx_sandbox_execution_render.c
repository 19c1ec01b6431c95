
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * How an execution looks in JSON.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_sandbox_api.h"
#include "ngx_sandbox_execution_store.h"


static void ngx_sandbox_render_seconds(ngx_sandbox_json_t *json,
    ngx_str_t *ms);


#define FIELD(name, column, kind)                                             \
    { ngx_string(name), NGX_SANDBOX_EXECUTION_##column,                       \
      NGX_SANDBOX_RENDER_##kind }

static const ngx_sandbox_render_t  ngx_sandbox_execution_head[] = {
    FIELD("id", ID, STRING),
    FIELD("session_id", SESSION, STRING),
    FIELD("status", STATUS, STRING),
    FIELD("language", LANGUAGE, STRING),
    FIELD("timeout", TIMEOUT, NUMBER),
    FIELD("exit_code", EXIT_CODE, NUMBER),
    FIELD("error_message", ERROR, STRING),
    FIELD("retry_count", RETRIES, NUMBER),
    FIELD("max_retries", MAX_RETRIES, NUMBER),
    FIELD("created_at", CREATED, TIME),
    FIELD("started_at", STARTED, TIME),
    FIELD("completed_at", COMPLETED, TIME),
      ngx_sandbox_null_render
};

static const ngx_sandbox_render_t  ngx_sandbox_execution_rest[] = {
    FIELD("code", CODE, STRING),
    FIELD("stdout", STDOUT, STRING),
    FIELD("stderr", STDERR, STRING),
    FIELD("stdout_truncated", STDOUT_CUT, BOOL),
    FIELD("stderr_truncated", STDERR_CUT, BOOL),
    FIELD("return_value", RETURN, JSON),
      ngx_sandbox_null_render
};

#undef FIELD


void
ngx_sandbox_render_execution(ngx_sandbox_json_t *json, ngx_str_t *row,
    ngx_uint_t whole)
{
    ngx_sandbox_json_object_start(json);
    ngx_sandbox_render_execution_fields(json, row, whole);
    ngx_sandbox_json_object_end(json);
}


void
ngx_sandbox_render_execution_fields(ngx_sandbox_json_t *json, ngx_str_t *row,
    ngx_uint_t whole)
{
    static ngx_str_t  none = ngx_string("[]");

    ngx_sandbox_render(json, ngx_sandbox_execution_head, row);

    ngx_sandbox_json_literal_key(json, "execution_time");
    ngx_sandbox_render_seconds(json, &row[NGX_SANDBOX_EXECUTION_DURATION]);

    ngx_sandbox_json_literal_key(json, "metrics");
    ngx_sandbox_json_raw(json, &row[NGX_SANDBOX_EXECUTION_METRICS]);

    if (whole) {
        ngx_sandbox_render(json, ngx_sandbox_execution_rest, row);

        ngx_sandbox_json_literal_key(json, "artifacts");
        ngx_sandbox_json_raw(json, &none);
    }
}


/* milliseconds as MariaDB shows a DOUBLE; null when it has not ended */

static void
ngx_sandbox_render_seconds(ngx_sandbox_json_t *json, ngx_str_t *ms)
{
    char        *end, number[32];
    u_char       buf[NGX_INT64_LEN + sizeof(".000000")];
    double       value;
    ngx_str_t    text;

    if (ms->data == NULL || ms->len >= sizeof(number)) {
        ngx_sandbox_json_null(json);
        return;
    }

    ngx_cpystrn((u_char *) number, ms->data, ms->len + 1);
    value = strtod(number, &end);

    if (*end != '\0' || value < 0 || value > 1e12) {
        ngx_sandbox_json_null(json);
        return;
    }

    text.data = buf;
    text.len = ngx_sprintf(buf, "%.6f", value / 1000) - buf;

    ngx_sandbox_json_number(json, &text);
}
