
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Executions: run code and wait, run it and come back later, read, list.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_sandbox.h"
#include "ngx_sandbox_api.h"
#include "ngx_sandbox_execution_flow.h"
#include "ngx_sandbox_execution_store.h"
#include "ngx_sandbox_id.h"
#include "ngx_sandbox_listing.h"
#include "ngx_sandbox_op.h"
#include "ngx_sandbox_session_store.h"


#define NGX_SANDBOX_EXECUTE_TIMEOUT  30    /* seconds, by default */


typedef struct {
    ngx_sandbox_fields_t   fields;
    ngx_str_t              code;
    ngx_uint_t             language;
    ngx_int_t              timeout;
    ngx_str_t              event;
    ngx_sandbox_items_t    env_vars;
    ngx_str_t              stdin_text;
    ngx_str_t              working_directory;
} ngx_sandbox_execute_body_t;


typedef struct {
    ngx_sandbox_fields_t   fields;
    ngx_int_t              sync_timeout;
    double                 poll_interval;
} ngx_sandbox_execute_query_t;


typedef struct {
    ngx_sandbox_fields_t   fields;
    ngx_uint_t             status;
    ngx_int_t              limit;
    ngx_int_t              offset;
    ngx_uint_t             by_status;
    ngx_str_t              session_id;
} ngx_sandbox_execution_query_t;


static ngx_sandbox_execute_t *ngx_sandbox_execute_parse(ngx_sandbox_api_t *a);
static ngx_int_t ngx_sandbox_execute_directory(ngx_pool_t *pool,
    const ngx_sandbox_field_t *field, void *value);
static void ngx_sandbox_execute_accepted(ngx_sandbox_flow_t *f, ngx_int_t rc);
static void ngx_sandbox_execute_waited(ngx_sandbox_flow_t *f, ngx_int_t rc);
static void ngx_sandbox_execute_answer(ngx_sandbox_flow_t *f);
static void ngx_sandbox_execute_ended(ngx_sandbox_flow_t *f, ngx_int_t rc);
static void ngx_sandbox_execute_finished(ngx_sandbox_flow_t *f, ngx_int_t rc);
static void ngx_sandbox_execute_failed(ngx_sandbox_flow_t *f);
static void ngx_sandbox_execution_whole_api(ngx_sandbox_api_t *a);
static void ngx_sandbox_execution_brief_api(ngx_sandbox_api_t *a);
static void ngx_sandbox_execution_whole(ngx_sandbox_flow_t *f, ngx_int_t rc);
static void ngx_sandbox_execution_brief(ngx_sandbox_flow_t *f, ngx_int_t rc);
static void ngx_sandbox_execution_read_api(ngx_sandbox_api_t *a,
    ngx_sandbox_flow_done_pt done);
static ngx_int_t ngx_sandbox_execution_owner(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execution_select(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_execution_count(ngx_sandbox_flow_t *f);
static void ngx_sandbox_execution_filters(ngx_sandbox_flow_t *f,
    ngx_uint_t all, ngx_uint_t by_status);
static void ngx_sandbox_render_listed(ngx_sandbox_json_t *json,
    ngx_str_t *row);
static void ngx_sandbox_render_execution_fields(ngx_sandbox_json_t *json,
    ngx_str_t *row, ngx_uint_t whole);
static void ngx_sandbox_render_seconds(ngx_sandbox_json_t *json,
    ngx_str_t *ms);


static ngx_str_t  ngx_sandbox_languages[] = {
    ngx_string("python"),
    ngx_string("javascript"),
    ngx_string("shell"),
    ngx_null_string
};


static ngx_str_t  ngx_sandbox_execution_states[] = {
    ngx_string("pending"),
    ngx_string("running"),
    ngx_string("completed"),
    ngx_string("failed"),
    ngx_string("timeout"),
    ngx_string("crashed"),
    ngx_string("cancelled"),
    ngx_null_string
};


#define FIELD(name, type, flags, min, max, member, data, check, rule)         \
    { ngx_string(name), NGX_SANDBOX_FIELD_##type, flags, min, max,            \
      offsetof(ngx_sandbox_execute_body_t, member), data, check, rule }

static const ngx_sandbox_field_t  ngx_sandbox_execute_body[] = {
    FIELD("code", TEXT, NGX_SANDBOX_FIELD_REQUIRED, 1, NGX_SANDBOX_CODE_MAX,
          code, NULL, NULL, NULL),
    FIELD("language", ENUM, NGX_SANDBOX_FIELD_REQUIRED, 0, 0, language,
          ngx_sandbox_languages, NULL, NULL),
    FIELD("timeout", INT, 0, 1, NGX_SANDBOX_TIMEOUT_MAX, timeout, NULL, NULL,
          NULL),
    FIELD("event", OBJECT, NGX_SANDBOX_FIELD_NULLABLE, 0,
          NGX_SANDBOX_EVENT_MAX, event, NULL, NULL, NULL),
    FIELD("env_vars", MAP, NGX_SANDBOX_FIELD_ENV, NGX_SANDBOX_ENV_MAX_KEYS,
          NGX_SANDBOX_ENV_MAX_BYTES, env_vars, NULL, NULL, NULL),
    FIELD("stdin", STRING, NGX_SANDBOX_FIELD_NULLABLE, 0,
          NGX_SANDBOX_STDIN_MAX, stdin_text, NULL, NULL, NULL),
    FIELD("working_directory", STRING,
          NGX_SANDBOX_FIELD_NULLABLE|NGX_SANDBOX_FIELD_LINE, 1, 255,
          working_directory, NULL, ngx_sandbox_execute_directory,
          "must be a relative path below the workspace, without \"..\""),
      ngx_sandbox_null_field
};

#undef FIELD


static const ngx_sandbox_field_t  ngx_sandbox_execute_query[] = {

    { ngx_string("sync_timeout"), NGX_SANDBOX_FIELD_INT, 0, 1,
      NGX_SANDBOX_TIMEOUT_MAX,
      offsetof(ngx_sandbox_execute_query_t, sync_timeout), NULL, NULL, NULL },

    /* older clients send it; nothing polls here */

    { ngx_string("poll_interval"), NGX_SANDBOX_FIELD_NUMBER, 0, 100, 10000,
      offsetof(ngx_sandbox_execute_query_t, poll_interval), NULL, NULL, NULL },

      ngx_sandbox_null_field
};


static const ngx_sandbox_field_t  ngx_sandbox_execution_query[] = {

    { ngx_string("status"), NGX_SANDBOX_FIELD_ENUM, 0, 0, 0,
      offsetof(ngx_sandbox_execution_query_t, status),
      ngx_sandbox_execution_states, NULL, NULL },

    { ngx_string("limit"), NGX_SANDBOX_FIELD_INT, NGX_SANDBOX_FIELD_CLAMP, 1,
      NGX_SANDBOX_LISTING_LIMIT_MAX,
      offsetof(ngx_sandbox_execution_query_t, limit), NULL, NULL, NULL },

    { ngx_string("offset"), NGX_SANDBOX_FIELD_INT, 0, 0,
      NGX_SANDBOX_LISTING_OFFSET_MAX,
      offsetof(ngx_sandbox_execution_query_t, offset), NULL, NULL, NULL },

      ngx_sandbox_null_field
};


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
ngx_sandbox_execute_api(ngx_sandbox_api_t *a)
{
    ngx_sandbox_execute_t  *e;

    e = ngx_sandbox_execute_parse(a);
    if (e == NULL) {
        return;
    }

    ngx_sandbox_op_flow(a->request, a->node, ngx_sandbox_execute_async_steps,
                        e, 1, ngx_sandbox_execute_accepted);
}


void
ngx_sandbox_execute_sync_api(ngx_sandbox_api_t *a)
{
    ngx_sandbox_execute_t        *e;
    ngx_sandbox_execute_query_t   q;

    ngx_memzero(&q, sizeof(ngx_sandbox_execute_query_t));

    if (ngx_sandbox_api_query(a, ngx_sandbox_execute_query, &q) != NGX_OK) {
        return;
    }

    e = ngx_sandbox_execute_parse(a);
    if (e == NULL) {
        return;
    }

    /* without one: as long as the execution itself may take */

    e->sync_timeout = q.sync_timeout ? (ngx_msec_t) q.sync_timeout * 1000
                                     : NGX_MAX_INT_T_VALUE;

    ngx_sandbox_op_flow(a->request, a->node, ngx_sandbox_execute_sync_steps,
                        e, 1, ngx_sandbox_execute_ended);
}


void
ngx_sandbox_execution_get_api(ngx_sandbox_api_t *a)
{
    ngx_sandbox_wait_get(a, NGX_SANDBOX_WAIT_EXECUTION,
                         ngx_sandbox_execution_whole_api);
}


void
ngx_sandbox_execution_status_api(ngx_sandbox_api_t *a)
{
    ngx_sandbox_wait_get(a, NGX_SANDBOX_WAIT_EXECUTION,
                         ngx_sandbox_execution_brief_api);
}


static void
ngx_sandbox_execution_whole_api(ngx_sandbox_api_t *a)
{
    ngx_sandbox_execution_read_api(a, ngx_sandbox_execution_whole);
}


static void
ngx_sandbox_execution_brief_api(ngx_sandbox_api_t *a)
{
    ngx_sandbox_execution_read_api(a, ngx_sandbox_execution_brief);
}


void
ngx_sandbox_execution_list_api(ngx_sandbox_api_t *a)
{
    ngx_sandbox_listing_t          *l;
    ngx_sandbox_execution_query_t  *q;

    if (!ngx_sandbox_id_valid(&a->params[0])) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_SESSION_NOT_FOUND,
                                  "no session has such an id");
        return;
    }

    l = ngx_sandbox_listing_create(a, sizeof(ngx_sandbox_execution_query_t));
    if (l == NULL) {
        return;
    }

    q = l->query;
    q->limit = NGX_SANDBOX_LISTING_LIMIT;

    if (ngx_sandbox_api_query(a, ngx_sandbox_execution_query, q) != NGX_OK) {
        return;
    }

    q->by_status = ngx_sandbox_is_set(ngx_sandbox_execution_query, q, status);
    q->session_id = a->params[0];

    l->limit = q->limit;
    l->offset = q->offset;
    l->owner = ngx_sandbox_execution_owner;
    l->no_owner = NGX_SANDBOX_SESSION_NOT_FOUND;
    l->select = ngx_sandbox_execution_select;
    l->count = ngx_sandbox_execution_count;
    l->render = ngx_sandbox_render_listed;
    l->row_size = 1024;

    ngx_sandbox_listing_run(a, l);
}


static ngx_sandbox_execute_t *
ngx_sandbox_execute_parse(ngx_sandbox_api_t *a)
{
    ngx_pool_t                  *pool;
    ngx_sandbox_execute_t       *e;
    ngx_sandbox_execute_body_t   body;

    pool = a->request->pool;

    if (!ngx_sandbox_id_valid(&a->params[0])) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_SESSION_NOT_FOUND,
                                  "no session has such an id");
        return NULL;
    }

    ngx_memzero(&body, sizeof(ngx_sandbox_execute_body_t));
    body.timeout = NGX_SANDBOX_EXECUTE_TIMEOUT;

    if (ngx_sandbox_api_body(a, ngx_sandbox_execute_body, &body) != NGX_OK) {
        return NULL;
    }

    e = ngx_pcalloc(pool, sizeof(ngx_sandbox_execute_t));

    if (e == NULL || ngx_sandbox_id_execution(pool, &e->id) != NGX_OK) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INTERNAL_ERROR, "no memory");
        return NULL;
    }

    e->session_id = a->params[0];
    e->language = ngx_sandbox_languages[body.language];
    e->code = body.code;
    e->timeout_sec = body.timeout;
    e->event = body.event;
    e->stdin_text = body.stdin_text;
    e->working_directory = body.working_directory;
    e->env_vars = body.env_vars.json;

    if (e->env_vars.len == 0) {
        ngx_str_set(&e->env_vars, "{}");
    }

    return e;
}


/* no ".." and no empty part: the same rule as the executor's own */

static ngx_int_t
ngx_sandbox_execute_directory(ngx_pool_t *pool,
    const ngx_sandbox_field_t *field, void *value)
{
    size_t      i, start;
    ngx_str_t  *path;

    path = value;
    start = 0;

    for (i = 0; i <= path->len; i++) {

        if (i < path->len && path->data[i] != '/') {
            continue;
        }

        if (i == start && i < path->len) {
            return NGX_DECLINED;
        }

        if (i - start == 2 && path->data[start] == '.'
            && path->data[start + 1] == '.')
        {
            return NGX_DECLINED;
        }

        start = i + 1;
    }

    return NGX_OK;
}


static void
ngx_sandbox_execute_accepted(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    ngx_sandbox_api_t      *a;
    ngx_sandbox_execute_t  *e;

    if (rc != NGX_OK) {
        ngx_sandbox_execute_failed(f);
        return;
    }

    a = ngx_http_get_module_ctx(f->request, ngx_http_sandbox_module);
    e = f->data;

    if (ngx_sandbox_wait_prefer(a, NGX_SANDBOX_WAIT_EXECUTION, &e->id, f,
                                ngx_sandbox_execute_waited)
        == NGX_AGAIN)
    {
        return;
    }

    ngx_sandbox_execute_answer(f);
}


static void
ngx_sandbox_execute_waited(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    ngx_sandbox_flow_t     *accepted;
    ngx_sandbox_wait_t     *w;
    ngx_sandbox_execute_t  *e;

    w = f->data;
    accepted = w->data;
    e = accepted->data;

    if (rc == NGX_OK) {
        e->row[NGX_SANDBOX_EXECUTION_STATUS] = w->status;
    }

    ngx_sandbox_execute_answer(accepted);
}


static void
ngx_sandbox_execute_answer(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_api_t      *a;
    ngx_sandbox_json_t      json;
    ngx_sandbox_execute_t  *e;

    static const ngx_sandbox_render_t  fields[] = {
        { ngx_string("execution_id"), NGX_SANDBOX_EXECUTION_ID,
          NGX_SANDBOX_RENDER_STRING },
        { ngx_string("session_id"), NGX_SANDBOX_EXECUTION_SESSION,
          NGX_SANDBOX_RENDER_STRING },
        { ngx_string("status"), NGX_SANDBOX_EXECUTION_STATUS,
          NGX_SANDBOX_RENDER_STRING },
        { ngx_string("created_at"), NGX_SANDBOX_EXECUTION_CREATED,
          NGX_SANDBOX_RENDER_TIME },
          ngx_sandbox_null_render
    };

    a = ngx_http_get_module_ctx(f->request, ngx_http_sandbox_module);
    e = f->data;

    ngx_sandbox_json_init(&json, f->pool, 256);
    ngx_sandbox_json_object_start(&json);
    ngx_sandbox_render(&json, fields, e->row);
    ngx_sandbox_json_object_end(&json);

    ngx_sandbox_api_send_json(a, NGX_HTTP_CREATED, &json);
}


static void
ngx_sandbox_execute_ended(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    ngx_sandbox_api_t      *a;
    ngx_sandbox_json_t      json;
    ngx_sandbox_execute_t  *e;

    if (rc != NGX_OK) {
        ngx_sandbox_execute_failed(f);
        return;
    }

    e = f->data;
    a = ngx_http_get_module_ctx(f->request, ngx_http_sandbox_module);

    ngx_sandbox_json_init(&json, f->pool, 4096);
    ngx_sandbox_render_execution(&json, e->row, 1);

    e->answered = ngx_sandbox_api_send_first(a, NGX_HTTP_OK, &json);

    /* whether the client has got it or not: the result is stored */

    ngx_sandbox_op_flow(f->request, a->node, ngx_sandbox_execute_ack_steps, e,
                        1, ngx_sandbox_execute_finished);
}


static void
ngx_sandbox_execute_finished(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    ngx_connection_t       *c;
    ngx_sandbox_execute_t  *e;

    e = f->data;
    c = f->connection;

    /*
     * The client may have made room meanwhile, when a subrequest had the
     * connection: nothing would tell that again.
     */

    if (c->buffered && c->write->ready) {
        ngx_post_event(c->write, &ngx_posted_events);
    }

    ngx_http_finalize_request(f->request, e->answered);
}


/*
 * Whoever got it accepted must be able to look what has become of it, unless
 * the answer says that: it begins with the name of a field.
 */

static void
ngx_sandbox_execute_failed(ngx_sandbox_flow_t *f)
{
    u_char                 *p;
    size_t                  len;
    ngx_str_t              *detail;
    ngx_sandbox_execute_t  *e;

    e = f->data;
    detail = &f->error.detail;
    len = sizeof("execution : ") - 1 + e->id.len + detail->len;

    p = NULL;

    if (e->accepted && f->error.id != NGX_SANDBOX_INVALID_PARAMETER) {
        p = ngx_pnalloc(f->pool, len);
    }

    if (p) {
        ngx_sprintf(p, "execution %V: %V", &e->id, detail);
        detail->data = p;
        detail->len = len;
    }

    ngx_sandbox_api_fail(ngx_http_get_module_ctx(f->request,
                                                 ngx_http_sandbox_module),
                         &f->error);
}


static void
ngx_sandbox_execution_answer(ngx_sandbox_flow_t *f, ngx_int_t rc,
    ngx_uint_t whole)
{
    ngx_sandbox_api_t   *a;
    ngx_sandbox_json_t   json;

    a = ngx_http_get_module_ctx(f->request, ngx_http_sandbox_module);

    if (rc != NGX_OK) {
        ngx_sandbox_api_fail(a, &f->error);
        return;
    }

    ngx_sandbox_json_init(&json, f->pool, 4096);
    ngx_sandbox_render_execution(&json, ngx_sandbox_op_value(f, 0), whole);

    ngx_sandbox_api_send_json(a, NGX_HTTP_OK, &json);
}


static void
ngx_sandbox_execution_whole(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    ngx_sandbox_execution_answer(f, rc, 1);
}


static void
ngx_sandbox_execution_brief(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    ngx_sandbox_execution_answer(f, rc, 0);
}


static void
ngx_sandbox_execution_read_api(ngx_sandbox_api_t *a,
    ngx_sandbox_flow_done_pt done)
{
    ngx_sandbox_execution_id_t  *e;

    if (!ngx_sandbox_id_valid(&a->params[0])) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_EXECUTION_NOT_FOUND,
                                  "no execution has such an id");
        return;
    }

    e = ngx_pcalloc(a->request->pool, sizeof(ngx_sandbox_execution_id_t));

    if (e == NULL) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INTERNAL_ERROR, "no memory");
        return;
    }

    e->id = a->params[0];

    ngx_sandbox_op_flow(a->request, a->node, ngx_sandbox_execution_read_steps,
                        e, 0, done);
}


static ngx_int_t
ngx_sandbox_execution_owner(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_listing_t          *l;
    ngx_sandbox_execution_query_t  *q;

    l = f->data;
    q = l->query;

    ngx_sandbox_op_statement(f,
                     &ngx_sandbox_session_stmts[NGX_SANDBOX_SQL_SESSION_GET]);
    ngx_sandbox_op_string(f, &q->session_id);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_execution_select(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_listing_t  *l;

    l = f->data;

    ngx_sandbox_execution_filters(f, NGX_SANDBOX_SQL_EXECUTION_LIST,
                                  NGX_SANDBOX_SQL_EXECUTION_LIST_STATUS);

    ngx_sandbox_op_int(f, l->limit + 1);
    ngx_sandbox_op_int(f, l->offset);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_execution_count(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_listing_t  *l;

    l = f->data;

    ngx_sandbox_execution_filters(f, NGX_SANDBOX_SQL_EXECUTION_COUNT,
                                  NGX_SANDBOX_SQL_EXECUTION_COUNT_STATUS);

    ngx_sandbox_op_int(f, l->total_limit + 1);

    return ngx_sandbox_op_query(f);
}


static void
ngx_sandbox_execution_filters(ngx_sandbox_flow_t *f, ngx_uint_t all,
    ngx_uint_t by_status)
{
    ngx_sandbox_listing_t          *l;
    ngx_sandbox_execution_query_t  *q;

    l = f->data;
    q = l->query;

    ngx_sandbox_op_statement(f,
              &ngx_sandbox_execution_stmts[q->by_status ? by_status : all]);

    ngx_sandbox_op_string(f, &q->session_id);

    if (q->by_status) {
        ngx_sandbox_op_string(f, &ngx_sandbox_execution_states[q->status]);
    }
}


void
ngx_sandbox_render_execution(ngx_sandbox_json_t *json, ngx_str_t *row,
    ngx_uint_t whole)
{
    ngx_sandbox_json_object_start(json);
    ngx_sandbox_render_execution_fields(json, row, whole);
    ngx_sandbox_json_object_end(json);
}


static void
ngx_sandbox_render_listed(ngx_sandbox_json_t *json, ngx_str_t *row)
{
    ngx_sandbox_json_object_start(json);
    ngx_sandbox_render_execution_fields(json, row, 1);

    ngx_sandbox_json_literal_key(json, "return_value_omitted");
    ngx_sandbox_json_bool(json,
              ngx_sandbox_value_is(&row[NGX_SANDBOX_EXECUTION_OMITTED], "1"));
    ngx_sandbox_json_literal_key(json, "code_truncated");
    ngx_sandbox_json_bool(json,
             ngx_sandbox_value_is(&row[NGX_SANDBOX_EXECUTION_CODE_CUT], "1"));

    ngx_sandbox_json_object_end(json);
}


static void
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
