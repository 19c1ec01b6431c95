
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The decoder of results.  The head is cut off by its newline and read by a
 * field table like any body; only when its lengths add up to exactly what
 * follows is anything of that looked at.  Nothing is copied but the head.  A
 * head with an unknown field is refused: the executor comes with this module,
 * so it is never newer, and fields that are added later must be optional.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox.h"
#include "ngx_sandbox_events.h"
#include "ngx_sandbox_utf8.h"
#include "ngx_sandbox_json_reader.h"
#include "ngx_sandbox_validate.h"
#include "ngx_sandbox_result.h"


#define NGX_SANDBOX_RESULT_NUMBER_MAX  1000000000000000LL

#define NGX_SANDBOX_RESULT_JSON_SIZE   256


typedef struct {
    ngx_sandbox_fields_t           fields;
    double                         cpu_time_ms;
    double                         peak_memory_mb;
    ngx_int_t                      io_read_bytes;
    ngx_int_t                      io_write_bytes;
    double                         queued_ms;
    ngx_uint_t                     oom_killed;
    ngx_int_t                      stdout_dropped;
    ngx_int_t                      stderr_dropped;
    ngx_int_t                      stdout_replaced;
    ngx_int_t                      stderr_replaced;
} ngx_sandbox_result_metrics_t;


typedef struct {
    ngx_sandbox_fields_t           fields;
    ngx_str_t                      execution_id;
    ngx_int_t                      attempt;
    ngx_uint_t                     status;
    ngx_int_t                      exit_code;
    ngx_str_t                      error_message;
    ngx_int_t                      stdout_bytes;
    ngx_int_t                      stderr_bytes;
    ngx_int_t                      return_value_bytes;
    ngx_int_t                      events_bytes;
    ngx_int_t                      stdout_dropped;
    ngx_int_t                      stderr_dropped;
    double                         duration_ms;
    ngx_sandbox_result_metrics_t   metrics;
} ngx_sandbox_result_head_t;


static ngx_int_t ngx_sandbox_result_head(ngx_pool_t *pool,
    const ngx_str_t *line, ngx_sandbox_result_head_t *head,
    ngx_str_t *ret_reason);
static void ngx_sandbox_result_replace_nul(ngx_str_t *line);
static ngx_int_t ngx_sandbox_result_body(const ngx_str_t *rest,
    const ngx_sandbox_result_head_t *head, ngx_sandbox_result_t *result,
    ngx_str_t *ret_reason);
static ngx_int_t ngx_sandbox_result_render(ngx_pool_t *pool,
    const ngx_sandbox_result_head_t *head, ngx_sandbox_result_t *result);
static void ngx_sandbox_result_metrics(ngx_sandbox_json_t *json,
    const ngx_sandbox_result_metrics_t *m);


/* in the order of ngx_sandbox_result_status_e */

static const ngx_str_t  ngx_sandbox_result_statuses[] = {
    ngx_string("completed"),
    ngx_string("failed"),
    ngx_string("timeout"),
    ngx_string("cancelled"),
    ngx_null_string
};


#define METRIC(name, type, member)                                            \
    { ngx_string(name), NGX_SANDBOX_FIELD_##type, NGX_SANDBOX_FIELD_NULLABLE, \
      0, NGX_SANDBOX_RESULT_NUMBER_MAX,                                       \
      offsetof(ngx_sandbox_result_metrics_t, member), NULL, NULL, NULL }

static const ngx_sandbox_field_t  ngx_sandbox_result_metrics_fields[] = {
    METRIC("cpu_time_ms", NUMBER, cpu_time_ms),
    METRIC("peak_memory_mb", NUMBER, peak_memory_mb),
    METRIC("io_read_bytes", INT, io_read_bytes),
    METRIC("io_write_bytes", INT, io_write_bytes),
    METRIC("queued_ms", NUMBER, queued_ms),
    METRIC("oom_killed", BOOL, oom_killed),
    METRIC("stdout_dropped_bytes", INT, stdout_dropped),
    METRIC("stderr_dropped_bytes", INT, stderr_dropped),
    METRIC("stdout_replaced_bytes", INT, stdout_replaced),
    METRIC("stderr_replaced_bytes", INT, stderr_replaced),
      ngx_sandbox_null_field
};

#undef METRIC


static const ngx_sandbox_field_t  ngx_sandbox_result_fields[] = {

    { ngx_string("execution_id"), NGX_SANDBOX_FIELD_ID,
      NGX_SANDBOX_FIELD_REQUIRED, 0, 0,
      offsetof(ngx_sandbox_result_head_t, execution_id), NULL, NULL, NULL },

    { ngx_string("attempt"), NGX_SANDBOX_FIELD_INT, 0,
      1, NGX_SANDBOX_ATTEMPT_MAX,
      offsetof(ngx_sandbox_result_head_t, attempt), NULL, NULL, NULL },

    { ngx_string("status"), NGX_SANDBOX_FIELD_ENUM,
      NGX_SANDBOX_FIELD_REQUIRED, 0, 0,
      offsetof(ngx_sandbox_result_head_t, status),
      ngx_sandbox_result_statuses, NULL, NULL },

    { ngx_string("exit_code"), NGX_SANDBOX_FIELD_INT,
      NGX_SANDBOX_FIELD_REQUIRED|NGX_SANDBOX_FIELD_NULLABLE, -1, 255,
      offsetof(ngx_sandbox_result_head_t, exit_code), NULL, NULL, NULL },

    { ngx_string("error_message"), NGX_SANDBOX_FIELD_STRING,
      NGX_SANDBOX_FIELD_REQUIRED|NGX_SANDBOX_FIELD_NULLABLE, 0,
      NGX_SANDBOX_ERROR_MAX,
      offsetof(ngx_sandbox_result_head_t, error_message), NULL, NULL, NULL },

    { ngx_string("stdout_bytes"), NGX_SANDBOX_FIELD_INT,
      NGX_SANDBOX_FIELD_REQUIRED, 0, NGX_SANDBOX_OUTPUT_MAX,
      offsetof(ngx_sandbox_result_head_t, stdout_bytes), NULL, NULL, NULL },

    { ngx_string("stderr_bytes"), NGX_SANDBOX_FIELD_INT,
      NGX_SANDBOX_FIELD_REQUIRED, 0, NGX_SANDBOX_OUTPUT_MAX,
      offsetof(ngx_sandbox_result_head_t, stderr_bytes), NULL, NULL, NULL },

    { ngx_string("return_value_bytes"), NGX_SANDBOX_FIELD_INT,
      NGX_SANDBOX_FIELD_REQUIRED, 0, NGX_SANDBOX_RETURN_MAX,
      offsetof(ngx_sandbox_result_head_t, return_value_bytes), NULL, NULL,
      NULL },

    { ngx_string("events_bytes"), NGX_SANDBOX_FIELD_INT, 0,
      0, NGX_SANDBOX_EVENTS_MAX,
      offsetof(ngx_sandbox_result_head_t, events_bytes), NULL, NULL, NULL },

    { ngx_string("stdout_dropped"), NGX_SANDBOX_FIELD_INT,
      NGX_SANDBOX_FIELD_REQUIRED, 0, NGX_SANDBOX_RESULT_NUMBER_MAX,
      offsetof(ngx_sandbox_result_head_t, stdout_dropped), NULL, NULL, NULL },

    { ngx_string("stderr_dropped"), NGX_SANDBOX_FIELD_INT,
      NGX_SANDBOX_FIELD_REQUIRED, 0, NGX_SANDBOX_RESULT_NUMBER_MAX,
      offsetof(ngx_sandbox_result_head_t, stderr_dropped), NULL, NULL, NULL },

    { ngx_string("duration_ms"), NGX_SANDBOX_FIELD_NUMBER,
      NGX_SANDBOX_FIELD_REQUIRED, 0, NGX_SANDBOX_RESULT_NUMBER_MAX,
      offsetof(ngx_sandbox_result_head_t, duration_ms), NULL, NULL, NULL },

    { ngx_string("metrics"), NGX_SANDBOX_FIELD_NESTED,
      NGX_SANDBOX_FIELD_REQUIRED|NGX_SANDBOX_FIELD_NULLABLE, 0, 0,
      offsetof(ngx_sandbox_result_head_t, metrics),
      ngx_sandbox_result_metrics_fields, NULL, NULL },

      ngx_sandbox_null_field
};


ngx_int_t
ngx_sandbox_result_decode(ngx_pool_t *pool, const ngx_str_t *body,
    ngx_sandbox_result_t *ret, ngx_str_t *ret_reason)
{
    size_t                      max;
    u_char                     *nl;
    ngx_int_t                   rc;
    ngx_str_t                   line, rest;
    ngx_sandbox_result_t        result;
    ngx_sandbox_result_head_t   head;

    max = ngx_min(body->len, NGX_SANDBOX_RESULT_HEAD_MAX + 1);

    nl = max ? memchr(body->data, LF, max) : NULL;
    if (nl == NULL) {
        ngx_str_set(ret_reason, "the head does not end in time");
        return NGX_DECLINED;
    }

    line.data = body->data;
    line.len = nl - body->data;

    rest.data = nl + 1;
    rest.len = body->len - line.len - 1;

    rc = ngx_sandbox_result_head(pool, &line, &head, ret_reason);
    if (rc != NGX_OK) {
        return rc;
    }

    ngx_memzero(&result, sizeof(ngx_sandbox_result_t));

    rc = ngx_sandbox_result_body(&rest, &head, &result, ret_reason);
    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_sandbox_result_render(pool, &head, &result) != NGX_OK) {
        return NGX_ERROR;
    }

    *ret = result;

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_result_head(ngx_pool_t *pool, const ngx_str_t *line,
    ngx_sandbox_result_head_t *head, ngx_str_t *ret_reason)
{
    ngx_int_t              rc;
    ngx_str_t              text;
    struct json_t         *object;
    ngx_sandbox_report_t   report;

    text.len = line->len;
    text.data = ngx_pstrdup(pool, (ngx_str_t *) line);

    if (text.data == NULL) {
        return NGX_ERROR;
    }

    ngx_sandbox_result_replace_nul(&text);

    rc = ngx_sandbox_json_parse(pool, &text, &object, ret_reason);
    if (rc != NGX_OK) {
        return rc;
    }

    ngx_memzero(head, sizeof(ngx_sandbox_result_head_t));

    head->attempt = 1;

    ngx_sandbox_report_init(&report, pool);

    rc = ngx_sandbox_validate(pool, object, ngx_sandbox_result_fields, head,
                              &report);

    if (rc == NGX_DECLINED) {
        *ret_reason = report.detail;
    }

    return rc;
}


/*
 * An exception's text may hold a NUL, and a result must not be lost for that:
 * the reader would refuse it.
 */

static void
ngx_sandbox_result_replace_nul(ngx_str_t *line)
{
    u_char  *p, *last;

    last = line->data + line->len;

    for (p = line->data; last - p >= 6; p++) {

        if (*p != '\\') {
            continue;
        }

        if (ngx_strncmp(p + 1, "u0000", 5) == 0) {
            ngx_memcpy(p + 1, "u003f", 5);
        }

        /* what is escaped is no escape itself */

        p++;
    }
}


static ngx_int_t
ngx_sandbox_result_body(const ngx_str_t *rest,
    const ngx_sandbox_result_head_t *head, ngx_sandbox_result_t *result,
    ngx_str_t *ret_reason)
{
    u_char  *p;

    /* each is bounded, so the sum is */

    if ((size_t) (head->stdout_bytes + head->stderr_bytes
                  + head->return_value_bytes + head->events_bytes)
        != rest->len)
    {
        ngx_str_set(ret_reason, "the lengths do not add up to the body");
        return NGX_DECLINED;
    }

    p = rest->data;

    result->stdout_text.data = p;
    result->stdout_text.len = head->stdout_bytes;
    p += head->stdout_bytes;

    result->stderr_text.data = p;
    result->stderr_text.len = head->stderr_bytes;
    p += head->stderr_bytes;

    result->return_value.data = p;
    result->return_value.len = head->return_value_bytes;
    p += head->return_value_bytes;

    result->events.data = p;
    result->events.len = head->events_bytes;

    if (!ngx_sandbox_utf8_valid(&result->stdout_text)) {
        ngx_str_set(ret_reason, "stdout is not valid UTF-8");
        return NGX_DECLINED;
    }

    if (!ngx_sandbox_utf8_valid(&result->stderr_text)) {
        ngx_str_set(ret_reason, "stderr is not valid UTF-8");
        return NGX_DECLINED;
    }

    if (result->return_value.len
        && !ngx_sandbox_json_valid(&result->return_value,
                                   NGX_SANDBOX_JSON_MAX_DEPTH))
    {
        ngx_str_set(ret_reason, "the return value is not valid JSON");
        return NGX_DECLINED;
    }

    if (ngx_sandbox_events_check(&result->events, &result->stdout_text,
                                 &result->stderr_text)
        != NGX_OK)
    {
        ngx_str_set(ret_reason, "the events do not fit the output");
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_result_render(ngx_pool_t *pool,
    const ngx_sandbox_result_head_t *head, ngx_sandbox_result_t *result)
{
    ngx_sandbox_json_t  json;

    ngx_sandbox_json_init(&json, pool, NGX_SANDBOX_RESULT_JSON_SIZE);

    ngx_sandbox_json_object_start(&json);
    ngx_sandbox_json_literal_key(&json, "duration_ms");
    ngx_sandbox_json_real(&json, head->duration_ms);
    ngx_sandbox_result_metrics(&json, &head->metrics);
    ngx_sandbox_json_object_end(&json);

    if (ngx_sandbox_json_finish(&json, &result->metrics) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_sandbox_json_init(&json, pool, 0);
    ngx_sandbox_json_real(&json, head->duration_ms);

    if (ngx_sandbox_json_finish(&json, &result->duration_ms) != NGX_OK) {
        return NGX_ERROR;
    }

    result->execution_id = head->execution_id;
    result->attempt = head->attempt;
    result->status = head->status;
    result->status_name = ngx_sandbox_result_statuses[head->status];
    result->exit_code = head->exit_code;
    result->has_exit_code = ngx_sandbox_is_set(ngx_sandbox_result_fields, head,
                                               exit_code);
    result->error_message = head->error_message;
    result->stdout_dropped = head->stdout_dropped;
    result->stderr_dropped = head->stderr_dropped;

    return NGX_OK;
}


/* null is what the executor could not measure */

static void
ngx_sandbox_result_metrics(ngx_sandbox_json_t *json,
    const ngx_sandbox_result_metrics_t *m)
{
    u_char                     *value;
    ngx_uint_t                  n;
    const ngx_sandbox_field_t  *field;

    field = ngx_sandbox_result_metrics_fields;

    for (n = 0; field[n].name.len; n++) {
        value = (u_char *) m + field[n].offset;

        ngx_sandbox_json_key(json, &field[n].name);

        if (!(m->fields.set & ((uint64_t) 1 << n))) {
            ngx_sandbox_json_null(json);
            continue;
        }

        switch (field[n].type) {

        case NGX_SANDBOX_FIELD_NUMBER:
            ngx_sandbox_json_real(json, *(double *) value);
            break;

        case NGX_SANDBOX_FIELD_BOOL:
            ngx_sandbox_json_bool(json, *(ngx_uint_t *) value);
            break;

        default: /* NGX_SANDBOX_FIELD_INT */
            ngx_sandbox_json_int(json, *(ngx_int_t *) value);
        }
    }
}
