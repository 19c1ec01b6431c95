
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * POST /sessions, the cold path: the row first, then the answer, then the
 * start, which goes on as a request of its own.  A worker that is killed in
 * between leaves a row that is settled when its start deadline is over.  With
 * an Idempotency-Key the same request does what is left to do.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox.h"
#include "ngx_sandbox_install_flow.h"
#include "ngx_sandbox_node.h"
#include "ngx_sandbox_op.h"
#include "ngx_sandbox_session_flow.h"
#include "ngx_sandbox_session_store.h"
#include "ngx_sandbox_template_store.h"


static ngx_int_t ngx_sandbox_session_insert(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_session_inserted(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_session_look(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_session_why(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_session_insert_undo(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_session_release_key(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_session_metadata(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_session_hand_over(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_session_reread(ngx_sandbox_flow_t *f);


const ngx_sandbox_step_t  ngx_sandbox_session_create_steps[] = {

    { "keeping the idempotency key",
      ngx_sandbox_idempotency_keep, NULL,
      ngx_sandbox_session_release_key },

    { "inserting the session",
      ngx_sandbox_session_insert,
      ngx_sandbox_session_inserted,
      ngx_sandbox_session_insert_undo },

    { "looking why no template is good for it",
      ngx_sandbox_session_look,
      ngx_sandbox_session_why, NULL },

    { "noting the session's metadata",
      ngx_sandbox_session_metadata, NULL, NULL },

    { "reading the session back",
      ngx_sandbox_session_reread, NULL, NULL },

    { "handing over the session's start",
      ngx_sandbox_session_hand_over, NULL, NULL },

      ngx_sandbox_null_step
};


static ngx_int_t
ngx_sandbox_session_insert(ngx_sandbox_flow_t *f)
{
    ngx_str_t                      workspace;
    ngx_sandbox_session_create_t  *s;

    s = f->data;

    workspace.len = sizeof("sessions//") - 1 + s->id.len;
    workspace.data = ngx_pnalloc(f->pool, workspace.len);
    if (workspace.data == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(workspace.data, "sessions/%V/", &s->id);

    ngx_sandbox_idempotency_statement(f, s->key, &s->id,
              &ngx_sandbox_session_stmts[NGX_SANDBOX_SQL_SESSION_INSERT],
              &ngx_sandbox_session_stmts[NGX_SANDBOX_SQL_SESSION_INSERT_ONCE]);

    ngx_sandbox_op_string(f, &s->id);
    ngx_sandbox_op_string(f, &s->mode);
    ngx_sandbox_op_string(f, &s->agent_id);
    ngx_sandbox_op_string(f, &f->node->name);

    if (s->cpu_milli) {
        ngx_sandbox_op_int(f, s->cpu_milli);

    } else {
        ngx_sandbox_op_null(f);
    }

    if (s->memory_mb) {
        ngx_sandbox_op_int(f, s->memory_mb);

    } else {
        ngx_sandbox_op_null(f);
    }

    if (s->disk_mb) {
        ngx_sandbox_op_int(f, s->disk_mb);

    } else {
        ngx_sandbox_op_null(f);
    }

    ngx_sandbox_op_int(f, f->node->max_processes);

    if (s->timeout_sec) {
        ngx_sandbox_op_int(f, s->timeout_sec);

    } else {
        ngx_sandbox_op_null(f);
    }

    ngx_sandbox_op_string(f, &s->env_vars);
    ngx_sandbox_op_string(f, &s->event);
    ngx_sandbox_op_string(f, &s->metadata);
    ngx_sandbox_op_string(f, &workspace);
    ngx_sandbox_op_int(f, (int64_t) f->node->start_timeout * 1000);
    ngx_sandbox_op_string(f, &s->dependencies);
    ngx_sandbox_op_literal(f, s->asked.nelts ? "installing" : "completed");
    ngx_sandbox_op_int(f, s->asked.nelts ? 1 : 0);

    if (s->asked.nelts) {
        ngx_sandbox_op_int(f, f->node->start_timeout / 1000
                              + s->install_timeout
                              + NGX_SANDBOX_INSTALL_GRACE);

    } else {
        ngx_sandbox_op_null(f);
    }

    ngx_sandbox_op_string(f, &s->index_url);
    ngx_sandbox_op_int(f, s->install_timeout);
    ngx_sandbox_op_int(f, s->fails);
    ngx_sandbox_op_int(f, s->conflicts);
    ngx_sandbox_op_string(f, &s->template_id);
    ngx_sandbox_op_string(f, &s->runtimes);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_session_inserted(ngx_sandbox_flow_t *f)
{
    ngx_int_t                      rc;
    ngx_sandbox_session_create_t  *s;

    s = f->data;

    if (f->op_rc == NGX_DECLINED) {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_CONFLICT,
                                     "id: a session \"%V\" exists already",
                                     &s->id);
    }

    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (s->key) {
        rc = ngx_sandbox_idempotency_claimed(f, s->key, &s->id);

    } else {
        rc = ngx_sandbox_op_result(f)->affected ? NGX_OK : NGX_DECLINED;
    }

    if (rc == NGX_AGAIN) {
        return NGX_OK;
    }

    if (rc == NGX_DECLINED) {
        s->refused = 1;
        return NGX_OK;
    }

    s->inserted = (rc == NGX_OK);

    return rc;
}


static ngx_int_t
ngx_sandbox_session_look(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_create_t  *s;

    s = f->data;

    if (!s->refused) {
        return NGX_OK;
    }

    ngx_sandbox_op_statement(f,
                   &ngx_sandbox_template_stmts[NGX_SANDBOX_SQL_TEMPLATE_GET]);
    ngx_sandbox_op_string(f, &s->template_id);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_session_why(ngx_sandbox_flow_t *f)
{
    ngx_uint_t                     kind;
    ngx_sandbox_session_create_t  *s;

    s = f->data;

    if (f->op_rc != NGX_OK) {
        return f->op_rc;
    }

    if (ngx_sandbox_op_result(f)->rows == 0
        || !ngx_sandbox_value_is(ngx_sandbox_op_value(f,
                                                NGX_SANDBOX_TEMPLATE_ACTIVE),
                                 "1")
        || ngx_sandbox_install_check(f,
                                     ngx_sandbox_op_value(f,
                                           NGX_SANDBOX_TEMPLATE_RUNTIME_TYPE),
                                     &s->asked, &s->index_url, &kind)
           == NGX_OK)
    {
        /* also one that has become good just now */

        (void) ngx_sandbox_flow_fail(f, NGX_SANDBOX_TEMPLATE_NOT_FOUND,
                          "template_id: no active template \"%V\"",
                          &s->template_id);

        /* a name in a body, not in a path */
        f->error.status = NGX_HTTP_BAD_REQUEST;
    }

    return NGX_ERROR;
}


/*
 * If it is not known whether it was inserted, the row of that id may be another
 * request's; ours would end with its deadline.
 */

static ngx_int_t
ngx_sandbox_session_insert_undo(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_create_t  *s;

    s = f->data;

    if (!s->inserted) {
        return NGX_OK;
    }

    ngx_sandbox_op_statement(f,
                    &ngx_sandbox_session_stmts[NGX_SANDBOX_SQL_SESSION_FAIL]);

    ngx_sandbox_op_literal(f, "{\"reason\":\"create_interrupted\","
                              "\"exit_code\":null,\"oom_killed\":false,"
                              "\"message\":\"it was not completed\"}");
    ngx_sandbox_op_string(f, &s->id);
    ngx_sandbox_op_int(f, 1);

    return ngx_sandbox_op_query(f);
}


/* what was made for it has failed: the same request may make another one */

static ngx_int_t
ngx_sandbox_session_release_key(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_create_t  *s;

    s = f->data;

    if (s->key == NULL || !s->inserted) {
        return NGX_OK;
    }

    return ngx_sandbox_idempotency_release(f, s->key);
}


static ngx_int_t
ngx_sandbox_session_metadata(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_create_t  *s;

    s = f->data;

    if (s->metadata_pairs == 0) {
        return NGX_OK;
    }

    ngx_sandbox_op_statement(f,
                &ngx_sandbox_session_stmts[NGX_SANDBOX_SQL_SESSION_METADATA]);

    ngx_sandbox_op_string(f, &s->id);
    ngx_sandbox_op_string(f, &s->metadata);
    ngx_sandbox_op_string(f, &s->metadata);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_session_reread(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_create_t  *s;

    s = f->data;

    ngx_sandbox_op_statement(f,
                     &ngx_sandbox_session_stmts[NGX_SANDBOX_SQL_SESSION_ANY]);
    ngx_sandbox_op_string(f, &s->id);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_session_hand_over(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_create_t  *s;

    s = f->data;

    return ngx_sandbox_op_hand_over(f, "sessions", &s->id, "start");
}
