
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Executions: run code and wait, run it and come back later, read, cancel.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_sandbox.h"
#include "ngx_sandbox_api.h"
#include "ngx_sandbox_execution_flow.h"
#include "ngx_sandbox_execution_store.h"
#include "ngx_sandbox_id.h"
#include "ngx_sandbox_op.h"


#define NGX_SANDBOX_EXECUTE_TIMEOUT  30    /* seconds, by default */
#define NGX_SANDBOX_EXECUTE_RETRIES  3     /* by default */


typedef struct {
    ngx_sandbox_fields_t   fields;
    ngx_str_t              code;
    ngx_uint_t             language;
    ngx_int_t              timeout;
    ngx_str_t              event;
    ngx_sandbox_items_t    env_vars;
    ngx_str_t              stdin_text;
    ngx_str_t              working_directory;
    ngx_int_t              max_retries;
} ngx_sandbox_execute_body_t;


typedef struct {
    ngx_sandbox_fields_t   fields;
    ngx_int_t              sync_timeout;
    double                 poll_interval;
} ngx_sandbox_execute_query_t;


static ngx_int_t ngx_sandbox_execute_directory(ngx_pool_t *pool,
    const ngx_sandbox_field_t *field, void *value);
static void ngx_sandbox_execute_accepted(ngx_sandbox_flow_t *f, ngx_int_t rc);
static void ngx_sandbox_execute_wait(ngx_sandbox_flow_t *f, ngx_int_t rc);
static void ngx_sandbox_execute_waited(ngx_sandbox_flow_t *f, ngx_int_t rc);
static void ngx_sandbox_execute_answer(ngx_sandbox_api_t *a);
static void ngx_sandbox_execute_ended(ngx_sandbox_flow_t *f, ngx_int_t rc);
static void ngx_sandbox_execute_finished(ngx_sandbox_flow_t *f, ngx_int_t rc);
static void ngx_sandbox_execute_begun(ngx_sandbox_api_t *a,
    ngx_int_t answered);
static void ngx_sandbox_execute_stored(ngx_sandbox_api_t *a,
    ngx_int_t answered);
static void ngx_sandbox_execution_cancelled(ngx_sandbox_flow_t *f,
    ngx_int_t rc);
static void ngx_sandbox_execution_whole_api(ngx_sandbox_api_t *a);
static void ngx_sandbox_execution_brief_api(ngx_sandbox_api_t *a);
static void ngx_sandbox_execution_whole(ngx_sandbox_flow_t *f, ngx_int_t rc);
static void ngx_sandbox_execution_brief(ngx_sandbox_flow_t *f, ngx_int_t rc);
static void ngx_sandbox_execution_read_api(ngx_sandbox_api_t *a,
    ngx_sandbox_flow_done_pt done);


static ngx_str_t  ngx_sandbox_languages[] = {
    ngx_string("python"),
    ngx_string("javascript"),
    ngx_string("shell"),
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
    FIELD("max_retries", INT, 0, 0, NGX_SANDBOX_RETRIES_MAX, max_retries,
          NULL, NULL, NULL),
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
ngx_sandbox_execution_cancel_api(ngx_sandbox_api_t *a)
{
    ngx_sandbox_execution_cancel_t  *c;

    c = ngx_pcalloc(a->request->pool, sizeof(ngx_sandbox_execution_cancel_t));

    if (c == NULL || !ngx_sandbox_id_valid(&a->params[0])) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_EXECUTION_NOT_FOUND,
                                  "no execution has such an id");
        return;
    }

    c->id = a->params[0];

    ngx_sandbox_op_flow(a->request, a->node,
                        ngx_sandbox_execution_cancel_steps, c, 1,
                        ngx_sandbox_execution_cancelled);
}


ngx_sandbox_execute_t *
ngx_sandbox_execute_parse(ngx_sandbox_api_t *a)
{
    ngx_pool_t                  *pool;
    ngx_sandbox_execute_t       *e;
    ngx_sandbox_execute_body_t   body;
    ngx_sandbox_idempotency_t   *key;

    pool = a->request->pool;

    if (!ngx_sandbox_id_valid(&a->params[0])) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_SESSION_NOT_FOUND,
                                  "no session has such an id");
        return NULL;
    }

    ngx_memzero(&body, sizeof(ngx_sandbox_execute_body_t));
    body.timeout = NGX_SANDBOX_EXECUTE_TIMEOUT;
    body.max_retries = NGX_SANDBOX_EXECUTE_RETRIES;

    if (ngx_sandbox_api_body(a, ngx_sandbox_execute_body, &body) != NGX_OK
        || ngx_sandbox_api_idempotency(a, &key) != NGX_OK)
    {
        return NULL;
    }

    e = ngx_pcalloc(pool, sizeof(ngx_sandbox_execute_t));

    if (e == NULL || ngx_sandbox_id_execution(pool, &e->id) != NGX_OK) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INTERNAL_ERROR, "no memory");
        return NULL;
    }

    a->data = e;

    e->session_id = a->params[0];
    e->language = ngx_sandbox_languages[body.language];
    e->code = body.code;
    e->timeout_sec = body.timeout;
    e->attempt = 1;
    e->max_retries = body.max_retries;
    e->key = key;
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


/*
 * It is `pending` until that it has begun is noted: after the answer, or before
 * the client waits for the end.
 */

static void
ngx_sandbox_execute_accepted(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    ngx_sandbox_api_t      *a;
    ngx_sandbox_execute_t  *e;

    if (rc != NGX_OK) {
        ngx_sandbox_execute_failed(f);
        return;
    }

    e = f->data;
    a = ngx_http_get_module_ctx(f->request, ngx_http_sandbox_module);

    if (e->key && e->key->answer.data) {
        ngx_sandbox_api_replay(a, e->key);
        return;
    }

    ngx_str_set(&e->status, "pending");

    if (!ngx_sandbox_wait_is_preferred(a)) {
        a->next = e->begun ? ngx_sandbox_execute_begun : NULL;
        ngx_sandbox_execute_answer(a);
        return;
    }

    if (e->begun) {
        ngx_sandbox_op_flow(f->request, f->node,
                            ngx_sandbox_execute_mark_steps, e, 1,
                            ngx_sandbox_execute_wait);
        return;
    }

    ngx_sandbox_execute_wait(f, NGX_OK);
}


static void
ngx_sandbox_execute_wait(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    ngx_sandbox_api_t      *a;
    ngx_sandbox_execute_t  *e;

    e = f->data;
    a = ngx_http_get_module_ctx(f->request, ngx_http_sandbox_module);

    if (ngx_sandbox_wait_prefer(a, NGX_SANDBOX_WAIT_EXECUTION, &e->id, e,
                                ngx_sandbox_execute_waited)
        == NGX_DECLINED)
    {
        ngx_sandbox_execute_answer(a);
    }
}


static void
ngx_sandbox_execute_waited(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    ngx_sandbox_wait_t     *w;
    ngx_sandbox_execute_t  *e;

    w = f->data;
    e = w->data;

    if (rc == NGX_OK) {
        e->status = w->status;
    }

    ngx_sandbox_execute_answer(ngx_http_get_module_ctx(f->request,
                                                    ngx_http_sandbox_module));
}


static void
ngx_sandbox_execute_answer(ngx_sandbox_api_t *a)
{
    ngx_sandbox_json_t      json;
    ngx_sandbox_execute_t  *e;

    e = a->data;

    ngx_sandbox_json_init(&json, a->request->pool, 256);
    ngx_sandbox_json_object_start(&json);
    ngx_sandbox_json_literal_key(&json, "execution_id");
    ngx_sandbox_json_string(&json, &e->id);
    ngx_sandbox_json_literal_key(&json, "session_id");
    ngx_sandbox_json_string(&json, &e->session_id);
    ngx_sandbox_json_literal_key(&json, "status");
    ngx_sandbox_json_string(&json, &e->status);
    ngx_sandbox_json_literal_key(&json, "created_at");
    ngx_sandbox_json_time(&json, &e->created_at);
    ngx_sandbox_json_object_end(&json);

    ngx_sandbox_api_send_once(a, NGX_HTTP_CREATED, &json, e->key);
}


static void
ngx_sandbox_execute_begun(ngx_sandbox_api_t *a, ngx_int_t answered)
{
    ngx_sandbox_execute_t  *e;

    e = a->data;
    e->answered = answered;

    ngx_sandbox_op_flow(a->request, a->node, ngx_sandbox_execute_mark_steps, e,
                        1, ngx_sandbox_execute_finished);
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

    if (ngx_sandbox_api_replayed(a, e->key) != NGX_OK) {
        ngx_http_finalize_request(f->request, NGX_ERROR);
        return;
    }

    if (e->accepted) {
        a->next = ngx_sandbox_execute_stored;
    }

    ngx_sandbox_api_send_json(a, NGX_HTTP_OK, &json);
}


/* whether the client has got it or not: the executor need not keep it */

static void
ngx_sandbox_execute_stored(ngx_sandbox_api_t *a, ngx_int_t answered)
{
    ngx_sandbox_execute_t  *e;

    e = a->data;
    e->answered = answered;

    ngx_sandbox_op_flow(a->request, a->node, ngx_sandbox_execute_ack_steps, e,
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

void
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
ngx_sandbox_execution_cancelled(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    ngx_sandbox_api_t               *a;
    ngx_sandbox_json_t               json;
    ngx_sandbox_execution_cancel_t  *c;

    c = f->data;
    a = ngx_http_get_module_ctx(f->request, ngx_http_sandbox_module);

    if (rc != NGX_OK) {
        ngx_sandbox_api_fail(a, &f->error);
        return;
    }

    ngx_sandbox_json_init(&json, f->pool, 4096);

    ngx_sandbox_json_object_start(&json);
    ngx_sandbox_json_literal_key(&json, "previous_status");
    ngx_sandbox_json_string(&json, &c->before);
    ngx_sandbox_render_execution_fields(&json, ngx_sandbox_op_value(f, 0), 1);
    ngx_sandbox_json_object_end(&json);

    ngx_sandbox_api_send_json(a, NGX_HTTP_OK, &json);
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
