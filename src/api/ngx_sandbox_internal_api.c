
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The internal API.  On the callback listener the sandboxes' executors report,
 * each with its own session's token, which was checked before; on the loopback
 * listener the instance carries on what it has answered already.
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
#include "ngx_sandbox_reap.h"
#include "ngx_sandbox_reconcile.h"
#include "ngx_sandbox_session_flow.h"


/* what one session's executor can have at a time */
#define NGX_SANDBOX_HEARTBEAT_MAX  2048


typedef struct {
    ngx_sandbox_fields_t           fields;
    ngx_int_t                      landlock;
    ngx_uint_t                     seccomp;
    ngx_uint_t                     bubblewrap;
} ngx_sandbox_isolation_body_t;


typedef struct {
    ngx_sandbox_fields_t           fields;
    ngx_str_t                      version;
    ngx_sandbox_items_t            languages;
    ngx_sandbox_isolation_body_t   isolation;
} ngx_sandbox_ready_body_t;


typedef struct {
    ngx_sandbox_fields_t           fields;
    ngx_sandbox_items_t            executions;
} ngx_sandbox_heartbeat_body_t;


typedef struct {
    ngx_sandbox_fields_t           fields;
    ngx_int_t                      attempt;
} ngx_sandbox_heartbeat_one_t;


static ngx_int_t ngx_sandbox_heartbeat_ids(ngx_sandbox_api_t *a,
    ngx_sandbox_items_t *list, ngx_sandbox_heartbeat_t *h);
static ngx_int_t ngx_sandbox_ready_isolation(ngx_sandbox_api_t *a,
    ngx_sandbox_ready_body_t *body, ngx_str_t *ret_text);
static void ngx_sandbox_result_stored(ngx_sandbox_flow_t *f, ngx_int_t rc);
static void ngx_sandbox_internal_settle(ngx_sandbox_api_t *a, ngx_str_t *id);


#define FIELD(name, type, min, max, member, data)                             \
    { ngx_string(name), NGX_SANDBOX_FIELD_##type, NGX_SANDBOX_FIELD_NULLABLE, \
      min, max, offsetof(ngx_sandbox_isolation_body_t, member), data, NULL,   \
      NULL }

static const ngx_sandbox_field_t  ngx_sandbox_isolation_body[] = {
    FIELD("landlock", INT, 0, 1000, landlock, NULL),
    FIELD("seccomp", BOOL, 0, 0, seccomp, NULL),
    FIELD("bubblewrap", BOOL, 0, 0, bubblewrap, NULL),
      ngx_sandbox_null_field
};

#undef FIELD


#define FIELD(name, type, flags, min, max, member, data)                      \
    { ngx_string(name), NGX_SANDBOX_FIELD_##type,                             \
      flags|NGX_SANDBOX_FIELD_NULLABLE, min, max,                             \
      offsetof(ngx_sandbox_ready_body_t, member), data, NULL, NULL }

static const ngx_sandbox_field_t  ngx_sandbox_ready_body[] = {
    FIELD("version", STRING, NGX_SANDBOX_FIELD_LINE, 0, 64, version, NULL),
    FIELD("languages", LIST, NGX_SANDBOX_FIELD_LINE, 64, 64, languages, NULL),
    FIELD("isolation", NESTED, 0, 0, 0, isolation,
          ngx_sandbox_isolation_body),
      ngx_sandbox_null_field
};

#undef FIELD


static const ngx_sandbox_field_t  ngx_sandbox_heartbeat_body[] = {

    { ngx_string("executions"), NGX_SANDBOX_FIELD_LIST,
      NGX_SANDBOX_FIELD_REQUIRED|NGX_SANDBOX_FIELD_LINE,
      NGX_SANDBOX_ID_MAX + 5, NGX_SANDBOX_HEARTBEAT_MAX,
      offsetof(ngx_sandbox_heartbeat_body_t, executions), NULL, NULL, NULL },

      ngx_sandbox_null_field
};


static const ngx_sandbox_field_t  ngx_sandbox_heartbeat_one[] = {

    { ngx_string("attempt"), NGX_SANDBOX_FIELD_INT, 0, 1, 1000,
      offsetof(ngx_sandbox_heartbeat_one_t, attempt), NULL, NULL, NULL },

      ngx_sandbox_null_field
};


void
ngx_sandbox_start_api(ngx_sandbox_api_t *a)
{
    ngx_sandbox_session_start_t  *s;

    s = ngx_pcalloc(a->request->pool, sizeof(ngx_sandbox_session_start_t));

    if (s == NULL || !ngx_sandbox_id_valid(&a->params[0])) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_SESSION_NOT_FOUND,
                                  "no session has such an id");
        return;
    }

    s->id = a->params[0];

    ngx_sandbox_op_flow(a->request, a->node, ngx_sandbox_session_start_steps,
                        s, 1, ngx_sandbox_api_done);
}


void
ngx_sandbox_settle_api(ngx_sandbox_api_t *a)
{
    ngx_sandbox_internal_settle(a, &a->params[0]);
}


void
ngx_sandbox_execution_settle_api(ngx_sandbox_api_t *a)
{
    ngx_sandbox_execution_settle_t  *e;

    e = ngx_pcalloc(a->request->pool, sizeof(ngx_sandbox_execution_settle_t));

    if (e == NULL || !ngx_sandbox_id_valid(&a->params[0])) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_EXECUTION_NOT_FOUND,
                                  "no execution has such an id");
        return;
    }

    e->run.id = a->params[0];

    ngx_sandbox_op_flow(a->request, a->node,
                        ngx_sandbox_execution_settle_steps, e, 1,
                        ngx_sandbox_api_done);
}


/* the container is looked at, whatever the report says of it */

void
ngx_sandbox_exited_api(ngx_sandbox_api_t *a)
{
    ngx_sandbox_internal_settle(a, &a->session_id);
}


void
ngx_sandbox_reconcile_api(ngx_sandbox_api_t *a)
{
    ngx_sandbox_reconcile_t  *job;

    job = ngx_pcalloc(a->request->pool, sizeof(ngx_sandbox_reconcile_t));

    if (job == NULL) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INTERNAL_ERROR, "no memory");
        return;
    }

    ngx_sandbox_op_flow(a->request, a->node, ngx_sandbox_reconcile_steps, job,
                        1, ngx_sandbox_api_done);
}


void
ngx_sandbox_reap_api(ngx_sandbox_api_t *a)
{
    ngx_sandbox_op_flow(a->request, a->node, ngx_sandbox_reap_steps, NULL, 1,
                        ngx_sandbox_api_done);
}


void
ngx_sandbox_heartbeat_api(ngx_sandbox_api_t *a)
{
    ngx_sandbox_heartbeat_t       *h;
    ngx_sandbox_heartbeat_body_t   body;

    ngx_memzero(&body, sizeof(ngx_sandbox_heartbeat_body_t));

    if (ngx_sandbox_api_body(a, ngx_sandbox_heartbeat_body, &body) != NGX_OK) {
        return;
    }

    h = ngx_pcalloc(a->request->pool, sizeof(ngx_sandbox_heartbeat_t));

    if (h == NULL
        || ngx_sandbox_heartbeat_ids(a, &body.executions, h) != NGX_OK)
    {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INVALID_PARAMETER,
                                  "executions: must be a list of "
                                  "\"id.attempt\"");
        return;
    }

    h->session_id = a->session_id;

    ngx_sandbox_op_flow(a->request, a->node, ngx_sandbox_heartbeat_steps, h, 1,
                        ngx_sandbox_api_done);
}


/* the older spelling: of one execution */

void
ngx_sandbox_execution_heartbeat_api(ngx_sandbox_api_t *a)
{
    u_char                       *p;
    ngx_str_t                     item;
    ngx_sandbox_items_t           list;
    ngx_sandbox_heartbeat_t      *h;
    ngx_sandbox_heartbeat_one_t   body;

    ngx_memzero(&body, sizeof(ngx_sandbox_heartbeat_one_t));
    body.attempt = 1;

    if (ngx_sandbox_api_body(a, ngx_sandbox_heartbeat_one, &body) != NGX_OK) {
        return;
    }

    h = ngx_pcalloc(a->request->pool, sizeof(ngx_sandbox_heartbeat_t));
    p = ngx_pnalloc(a->request->pool, a->params[0].len + 1 + NGX_INT_T_LEN);

    if (h == NULL || p == NULL) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INTERNAL_ERROR, "no memory");
        return;
    }

    item.data = p;
    item.len = ngx_sprintf(p, "%V.%i", &a->params[0], body.attempt) - p;

    ngx_memzero(&list, sizeof(ngx_sandbox_items_t));
    list.elts = &item;
    list.nelts = 1;

    if (ngx_sandbox_heartbeat_ids(a, &list, h) != NGX_OK) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INTERNAL_INVALID_EXECUTION,
                                  "no execution has such an id");
        return;
    }

    h->session_id = a->session_id;

    ngx_sandbox_op_flow(a->request, a->node, ngx_sandbox_heartbeat_steps, h, 1,
                        ngx_sandbox_api_done);
}


/* the list as SQL compares it, and the ids alone */

static ngx_int_t
ngx_sandbox_heartbeat_ids(ngx_sandbox_api_t *a, ngx_sandbox_items_t *list,
    ngx_sandbox_heartbeat_t *h)
{
    u_char              *p, *dot;
    ngx_str_t            id, *item;
    ngx_uint_t           i;
    ngx_sandbox_json_t   json;

    item = list->elts;

    p = ngx_pnalloc(a->request->pool,
                    list->nelts * (NGX_SANDBOX_ID_MAX + 6) + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    h->attempts.data = p;

    ngx_sandbox_json_init(&json, a->request->pool, 32 + list->json.len);
    ngx_sandbox_json_array_start(&json);

    for (i = 0; i < list->nelts; i++) {
        dot = ngx_strlchr(item[i].data, item[i].data + item[i].len, '.');

        if (dot == NULL) {
            return NGX_DECLINED;
        }

        id.data = item[i].data;
        id.len = dot - id.data;

        if (!ngx_sandbox_id_valid(&id)
            || ngx_atoi(dot + 1, item[i].len - id.len - 1) < 1)
        {
            return NGX_DECLINED;
        }

        ngx_sandbox_json_string(&json, &id);
        p = ngx_sprintf(p, "%s%V", i ? "," : "", &item[i]);
    }

    ngx_sandbox_json_array_end(&json);

    h->n = list->nelts;
    h->attempts.len = p - h->attempts.data;

    return ngx_sandbox_json_finish(&json, &h->ids);
}


void
ngx_sandbox_ready_api(ngx_sandbox_api_t *a)
{
    ngx_sandbox_ready_body_t      body;
    ngx_sandbox_session_start_t  *s;

    s = ngx_pcalloc(a->request->pool, sizeof(ngx_sandbox_session_start_t));

    if (s == NULL) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INTERNAL_ERROR, "no memory");
        return;
    }

    ngx_memzero(&body, sizeof(ngx_sandbox_ready_body_t));

    if (ngx_sandbox_api_body(a, ngx_sandbox_ready_body, &body) != NGX_OK
        || ngx_sandbox_ready_isolation(a, &body, &s->isolation) != NGX_OK)
    {
        return;
    }

    s->id = a->session_id;

    ngx_sandbox_op_flow(a->request, a->node, ngx_sandbox_session_ready_steps,
                        s, 1, ngx_sandbox_api_done);
}


/* written anew: only what is known is shown to others */

static ngx_int_t
ngx_sandbox_ready_isolation(ngx_sandbox_api_t *a,
    ngx_sandbox_ready_body_t *body, ngx_str_t *ret_text)
{
    ngx_sandbox_json_t  json;

    if (!ngx_sandbox_is_set(ngx_sandbox_ready_body, body, isolation)) {
        return NGX_OK;
    }

    ngx_sandbox_json_init(&json, a->request->pool, 128);
    ngx_sandbox_json_object_start(&json);
    ngx_sandbox_json_literal_key(&json, "landlock");
    ngx_sandbox_json_int(&json, body->isolation.landlock);
    ngx_sandbox_json_literal_key(&json, "seccomp");
    ngx_sandbox_json_bool(&json, body->isolation.seccomp);
    ngx_sandbox_json_literal_key(&json, "bubblewrap");
    ngx_sandbox_json_bool(&json, body->isolation.bubblewrap);
    ngx_sandbox_json_object_end(&json);

    if (ngx_sandbox_json_finish(&json, ret_text) != NGX_OK) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INTERNAL_ERROR, "no memory");
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_sandbox_result_api(ngx_sandbox_api_t *a)
{
    ngx_int_t                     rc;
    ngx_str_t                     reason;
    ngx_sandbox_error_t           error;
    ngx_sandbox_report_result_t  *e;

    e = ngx_pcalloc(a->request->pool, sizeof(ngx_sandbox_report_result_t));

    if (e == NULL || !ngx_sandbox_id_valid(&a->params[0])) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INTERNAL_INVALID_EXECUTION,
                                  "no execution has such an id");
        return;
    }

    e->id = a->params[0];
    e->session_id = a->session_id;

    rc = ngx_sandbox_result_decode(a->request->pool, &a->body, &e->result,
                                   &reason);

    if (rc == NGX_OK
        && (e->result.execution_id.len != e->id.len
            || ngx_memcmp(e->result.execution_id.data, e->id.data, e->id.len)
               != 0))
    {
        ngx_str_set(&reason, "execution_id: is not the one of the path");
        rc = NGX_DECLINED;
    }

    if (rc != NGX_OK) {
        ngx_memzero(&error, sizeof(ngx_sandbox_error_t));

        error.id = (rc == NGX_DECLINED) ? NGX_SANDBOX_INVALID_PARAMETER
                                        : NGX_SANDBOX_INTERNAL_ERROR;

        if (rc == NGX_DECLINED) {
            error.detail = reason;
        }

        ngx_sandbox_api_fail(a, &error);
        return;
    }

    ngx_sandbox_op_flow(a->request, a->node, ngx_sandbox_report_result_steps,
                        e, 1, ngx_sandbox_result_stored);
}


/*
 * What the executor says of a run in between changes nothing: a row leaves
 * `running` by a result only.  It is told whether it is still wanted.
 */

void
ngx_sandbox_status_api(ngx_sandbox_api_t *a)
{
    ngx_sandbox_report_result_t  *e;

    e = ngx_pcalloc(a->request->pool, sizeof(ngx_sandbox_report_result_t));

    if (e == NULL || !ngx_sandbox_id_valid(&a->params[0])) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_INTERNAL_INVALID_EXECUTION,
                                  "no execution has such an id");
        return;
    }

    e->id = a->params[0];
    e->session_id = a->session_id;

    ngx_sandbox_op_flow(a->request, a->node, ngx_sandbox_report_status_steps,
                        e, 1, ngx_sandbox_api_done);
}


static void
ngx_sandbox_internal_settle(ngx_sandbox_api_t *a, ngx_str_t *id)
{
    ngx_sandbox_session_settle_t  *s;

    s = ngx_pcalloc(a->request->pool, sizeof(ngx_sandbox_session_settle_t));

    if (s == NULL || !ngx_sandbox_id_valid(id)) {
        ngx_sandbox_api_fail_with(a, NGX_SANDBOX_SESSION_NOT_FOUND,
                                  "no session has such an id");
        return;
    }

    s->id = *id;

    ngx_sandbox_op_flow(a->request, a->node, ngx_sandbox_session_settle_steps,
                        s, 1, ngx_sandbox_api_done);
}


static void
ngx_sandbox_result_stored(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    ngx_sandbox_api_t            *a;
    ngx_sandbox_json_t            json;
    ngx_sandbox_report_result_t  *e;

    a = ngx_http_get_module_ctx(f->request, ngx_http_sandbox_module);
    e = f->data;

    if (rc != NGX_OK) {
        ngx_sandbox_api_fail(a, &f->error);
        return;
    }

    ngx_sandbox_json_init(&json, f->pool, 1024);
    ngx_sandbox_render_execution(&json, ngx_sandbox_op_value(f, 0), 0);

    ngx_sandbox_api_send_json(a, e->first ? NGX_HTTP_CREATED : NGX_HTTP_OK,
                              &json);
}
