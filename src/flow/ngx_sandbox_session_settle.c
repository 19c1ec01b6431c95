
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Makes row, container and folder of one session agree.
 *
 * Whatever was cut short (a worker killed in any step, an engine that was
 * away, a container that died) is completed here, and every step may be
 * repeated: so this one flow serves the end of a session, the report of a
 * death, and the reconciler, which only finds the sessions to call it for.
 *
 * A persistent session whose container is dead is `creating` again, without a
 * container.  Nobody can claim its start before the dead one's row says
 * `removed`, which is the last thing here; its folder is left to the start,
 * since one that is late here would remove the next one's.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox.h"
#include "ngx_sandbox_container_store.h"
#include "ngx_sandbox_execution_store.h"
#include "ngx_sandbox_json_writer.h"
#include "ngx_sandbox_node.h"
#include "ngx_sandbox_op.h"
#include "ngx_sandbox_session_dir.h"
#include "ngx_sandbox_session_flow.h"
#include "ngx_sandbox_session_store.h"


static ngx_int_t ngx_sandbox_settle_read(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_settle_found(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_settle_overdue(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_settle_restart(ngx_sandbox_flow_t *f,
    char *reason, ngx_str_t *message);
static ngx_int_t ngx_sandbox_settle_ended(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_settle_containers(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_settle_container(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_settle_inspect(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_settle_inspected(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_settle_dead(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_settle_executions(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_settle_remove(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_settle_folder(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_settle_removed(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_settle_start(ngx_sandbox_flow_t *f);
static ngx_uint_t ngx_sandbox_settle_is_ours(ngx_sandbox_flow_t *f);
static ngx_uint_t ngx_sandbox_settle_same(ngx_str_t *one, ngx_str_t *other);
static ngx_uint_t ngx_sandbox_settle_active(ngx_sandbox_session_settle_t *s);


const ngx_sandbox_step_t  ngx_sandbox_session_settle_steps[] = {

    { "reading the session to settle",
      ngx_sandbox_settle_read,
      ngx_sandbox_settle_found, NULL },

    { "ending or restarting an overdue session",
      ngx_sandbox_settle_overdue,
      ngx_sandbox_settle_ended, NULL },

    { "finding what it has left",
      ngx_sandbox_settle_containers,
      ngx_sandbox_settle_container, NULL },

    { "inspecting the container",
      ngx_sandbox_settle_inspect,
      ngx_sandbox_settle_inspected, NULL },

    { "ending or restarting a session whose container is dead",
      ngx_sandbox_settle_dead,
      ngx_sandbox_settle_ended, NULL },

    { "storing results that its executor has left",
      ngx_sandbox_session_results,
      ngx_sandbox_session_results_next, NULL },

    { "ending the session's executions",
      ngx_sandbox_settle_executions, NULL, NULL },

    { "removing the container",
      ngx_sandbox_settle_remove, NULL, NULL },

    { "removing the session's folder",
      ngx_sandbox_settle_folder, NULL, NULL },

    { "marking the container removed",
      ngx_sandbox_settle_removed, NULL, NULL },

    { "handing over the session's new start",
      ngx_sandbox_settle_start, NULL, NULL },

      ngx_sandbox_null_step
};


ngx_int_t
ngx_sandbox_session_failure(ngx_pool_t *pool, char *reason,
    ngx_sandbox_container_state_t *state, ngx_str_t *message,
    ngx_str_t *ret_json)
{
    ngx_sandbox_json_t  json;

    ngx_sandbox_json_init(&json, pool, 256 + message->len);

    ngx_sandbox_json_object_start(&json);

    ngx_sandbox_json_literal_key(&json, "reason");
    ngx_sandbox_json_string_bytes(&json, (u_char *) reason,
                                  ngx_strlen(reason));

    ngx_sandbox_json_literal_key(&json, "exit_code");

    if (state && state->exited) {
        ngx_sandbox_json_int(&json, state->exit_code);

    } else {
        ngx_sandbox_json_null(&json);
    }

    ngx_sandbox_json_literal_key(&json, "oom_killed");
    ngx_sandbox_json_bool(&json, state && state->oom_killed);

    ngx_sandbox_json_literal_key(&json, "message");
    ngx_sandbox_json_string(&json, message);

    ngx_sandbox_json_object_end(&json);

    return ngx_sandbox_json_finish(&json, ret_json);
}


static ngx_int_t
ngx_sandbox_settle_read(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_settle_t  *s;

    s = f->data;

    ngx_sandbox_op_statement(f,
                     &ngx_sandbox_session_stmts[NGX_SANDBOX_SQL_SESSION_ANY]);
    ngx_sandbox_op_string(f, &s->id);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_settle_found(ngx_sandbox_flow_t *f)
{
    ngx_str_t                     *overdue, *mode;
    ngx_uint_t                     restarts;
    ngx_sandbox_session_settle_t  *s;

    s = f->data;

    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_sandbox_op_result(f)->rows == 0) {
        s->absent = 1;
        return NGX_OK;
    }

    s->status = *ngx_sandbox_op_value(f, NGX_SANDBOX_SESSION_STATUS);
    s->epoch = *ngx_sandbox_op_value(f, NGX_SANDBOX_SESSION_EPOCH);

    overdue = ngx_sandbox_op_value(f, NGX_SANDBOX_SESSION_OVERDUE);
    s->overdue = ngx_sandbox_value_is(overdue, "1");

    s->claimed = (ngx_sandbox_op_value(f, NGX_SANDBOX_SESSION_CONTAINER)->data
                  != NULL);

    mode = ngx_sandbox_op_value(f, NGX_SANDBOX_SESSION_MODE);
    restarts = ngx_sandbox_value_number(ngx_sandbox_op_value(f,
                                              NGX_SANDBOX_SESSION_RESTARTS));

    s->restarts = ngx_sandbox_value_is(mode, "persistent")
                  && restarts < f->node->session_restarts;

    return NGX_OK;
}


/*
 * Before the engine is asked: its time is over, whatever that says.  A start
 * whose worker has died is one that does not end.
 */

static ngx_int_t
ngx_sandbox_settle_overdue(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_settle_t  *s;

    static ngx_str_t  message =
        ngx_string("the sandbox was not ready within sandbox_start_timeout");

    s = f->data;

    if (!s->overdue) {
        return NGX_OK;
    }

    if (s->restarts && ngx_sandbox_value_is(&s->status, "creating")) {
        return ngx_sandbox_settle_restart(f, "start_timeout", &message);
    }

    ngx_sandbox_op_statement(f,
                  &ngx_sandbox_session_stmts[NGX_SANDBOX_SQL_SESSION_SETTLE]);
    ngx_sandbox_op_string(f, &s->id);
    ngx_sandbox_op_int(f, f->node->session_restarts);

    return ngx_sandbox_op_query(f);
}


/* or its end, if it may not */

static ngx_int_t
ngx_sandbox_settle_restart(ngx_sandbox_flow_t *f, char *reason,
    ngx_str_t *message)
{
    ngx_str_t                      failure;
    ngx_sandbox_session_settle_t  *s;

    s = f->data;

    if (ngx_sandbox_session_failure(f->pool, reason, s->died, message,
                                    &failure)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    s->restarted = s->restarts;

    ngx_sandbox_op_statement(f,
              &ngx_sandbox_session_stmts[s->restarted
                                         ? NGX_SANDBOX_SQL_SESSION_RESTART
                                         : NGX_SANDBOX_SQL_SESSION_FAIL]);

    if (s->restarted) {
        ngx_sandbox_op_int(f, NGX_SANDBOX_INSTALL_GRACE
                              + f->node->start_timeout / 1000);
        ngx_sandbox_op_string(f, &failure);
        ngx_sandbox_op_int(f, (int64_t) f->node->start_timeout * 1000);

    } else {
        ngx_sandbox_op_string(f, &failure);
    }

    ngx_sandbox_op_string(f, &s->id);
    ngx_sandbox_op_string(f, &s->epoch);

    return ngx_sandbox_op_query(f);
}


/*
 * If somebody else has changed the row since it was read, this one has no say:
 * the session may run now, and who has ended it asks for settling as well.
 */

static ngx_int_t
ngx_sandbox_settle_ended(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_settle_t  *s;

    s = f->data;

    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_sandbox_op_result(f)->affected == 0) {
        return NGX_DONE;
    }

    s->ended = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_settle_containers(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_settle_t  *s;

    s = f->data;

    ngx_sandbox_op_statement(f,
                &ngx_sandbox_container_stmts[NGX_SANDBOX_SQL_CONTAINER_LEFT]);
    ngx_sandbox_op_string(f, &s->id);
    ngx_sandbox_op_string(f, &s->epoch);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_settle_container(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_settle_t  *s;

    s = f->data;

    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_sandbox_op_result(f)->rows > 0) {
        s->container = *ngx_sandbox_op_value(f, NGX_SANDBOX_CONTAINER_ID);
        s->runtime_id = *ngx_sandbox_op_value(f,
                                           NGX_SANDBOX_CONTAINER_RUNTIME_ID);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_settle_inspect(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_settle_t  *s;

    s = f->data;

    if (s->container.len == 0) {
        return NGX_OK;
    }

    s->call = ngx_sandbox_op_runtime(f);

    return ngx_sandbox_op_verb(f, inspect, s->call, &s->container);
}


static ngx_int_t
ngx_sandbox_settle_inspected(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_settle_t  *s;

    s = f->data;

    if (s->call->status == NGX_SANDBOX_RUNTIME_OK
        && !ngx_sandbox_settle_is_ours(f))
    {
        /* it has the name only; what is ours is not there */

        ngx_memzero(&s->call->state, sizeof(ngx_sandbox_container_state_t));
        s->call->status = NGX_SANDBOX_RUNTIME_NOT_FOUND;
        s->foreign = 1;
    }

    if (s->call->status == NGX_SANDBOX_RUNTIME_NOT_FOUND
        || (s->call->status == NGX_SANDBOX_RUNTIME_OK
            && s->call->state.exited))
    {
        s->died = &s->call->state;
        return NGX_OK;
    }

    return f->op_rc;
}


/*
 * By the engine's own id, or until that is recorded by the labels: those follow
 * from a secret which may have been changed since.
 */

static ngx_uint_t
ngx_sandbox_settle_is_ours(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_settle_t   *s;
    ngx_sandbox_container_state_t  *state;

    s = f->data;
    state = &s->call->state;

    return ngx_sandbox_settle_same(&state->runtime_id, &s->runtime_id)
           || (ngx_sandbox_settle_same(&state->session_id, &s->id)
               && ngx_sandbox_settle_same(&state->owner,
                                          &f->node->instance.owner));
}


static ngx_uint_t
ngx_sandbox_settle_same(ngx_str_t *one, ngx_str_t *other)
{
    return one->len && one->len == other->len
           && ngx_memcmp(one->data, other->data, one->len) == 0;
}


static ngx_int_t
ngx_sandbox_settle_dead(ngx_sandbox_flow_t *f)
{
    ngx_str_t                      message;
    ngx_sandbox_session_settle_t  *s;

    s = f->data;

    if (!ngx_sandbox_settle_active(s)) {
        return NGX_OK;
    }

    if (ngx_sandbox_value_is(&s->status, "creating") && !s->claimed) {
        /* a start that nobody has begun, or that an earlier container bars */
        s->restarted = 1;
        return NGX_OK;
    }

    if (ngx_sandbox_value_is(&s->status, "creating")
        || (s->died == NULL && s->container.len))
    {
        /* alive; a start looks after itself until its deadline */
        return NGX_DONE;
    }

    if (s->died && s->died->oom_killed) {
        ngx_str_set(&message, "the sandbox ran out of memory");

    } else if (s->died && s->died->exited) {
        ngx_str_set(&message, "the container ended");

    } else {
        ngx_str_set(&message, "the container is gone");
    }

    return ngx_sandbox_settle_restart(f, "container_exited", &message);
}


static ngx_int_t
ngx_sandbox_settle_executions(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_settle_t  *s;

    s = f->data;

    if (s->absent) {
        return NGX_OK;
    }

    ngx_sandbox_op_statement(f,
           &ngx_sandbox_execution_stmts[s->restarted
                                     ? NGX_SANDBOX_SQL_EXECUTION_GIVE_UP_ALL
                                     : NGX_SANDBOX_SQL_EXECUTION_END_ALL]);
    ngx_sandbox_op_literal(f, s->died ? "the sandbox ended while it ran"
                                      : "the session ended while it ran");
    ngx_sandbox_op_string(f, &s->id);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_settle_remove(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_settle_t  *s;
    ngx_sandbox_runtime_call_t    *call;

    s = f->data;

    if (s->container.len == 0 || s->foreign) {
        return NGX_OK;
    }

    call = ngx_sandbox_op_runtime(f);

    return ngx_sandbox_op_verb(f, remove, call, &s->container);
}


static ngx_int_t
ngx_sandbox_settle_folder(ngx_sandbox_flow_t *f)
{
    ngx_str_t                      path;
    ngx_sandbox_session_settle_t  *s;

    s = f->data;

    if (s->restarted) {
        return NGX_OK;
    }

    if (ngx_sandbox_session_dir_path(f->pool, &f->node->state_path->name,
                                     &s->id, &path)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_sandbox_session_dir_remove(&path, f->log);
}


static ngx_int_t
ngx_sandbox_settle_removed(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_settle_t  *s;

    s = f->data;

    if (s->container.len == 0 || s->absent) {
        return NGX_OK;
    }

    ngx_sandbox_op_statement(f,
             &ngx_sandbox_container_stmts[NGX_SANDBOX_SQL_CONTAINER_REMOVED]);

    if (s->died && s->died->exited) {
        ngx_sandbox_op_int(f, s->died->exit_code);
        ngx_sandbox_op_int(f, s->died->oom_killed);

    } else {
        ngx_sandbox_op_null(f);
        ngx_sandbox_op_null(f);
    }

    ngx_sandbox_op_string(f, &s->container);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_settle_start(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_settle_t  *s;

    s = f->data;

    return s->restarted ? ngx_sandbox_op_hand_over(f, "sessions", &s->id,
                                                   "start")
                        : NGX_OK;
}


static ngx_uint_t
ngx_sandbox_settle_active(ngx_sandbox_session_settle_t *s)
{
    return !s->absent && !s->ended
           && (ngx_sandbox_value_is(&s->status, "creating")
               || ngx_sandbox_value_is(&s->status, "running"));
}
