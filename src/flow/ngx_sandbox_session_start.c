
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Brings the container of a new session up.
 *
 * The claim makes one of several starters the owner and names the container
 * after session and epoch; the row comes before the container, so whatever
 * runs can be found.  The session becomes `running` by the executor's own
 * report (ngx_sandbox_session_ready.c), which any worker may get; the last
 * step here only looks, in growing pauses, until that has happened, the
 * container has died, or the time is over.
 *
 * A start that fails ends the session `failed` with the cause, if it is still
 * `creating`, and leaves the rest to settling: the executor may have reported
 * just now, and then the session runs and nothing of it may be removed.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox.h"
#include "ngx_sandbox_container_store.h"
#include "ngx_sandbox_node.h"
#include "ngx_sandbox_op.h"
#include "ngx_sandbox_session_dir.h"
#include "ngx_sandbox_session_flow.h"
#include "ngx_sandbox_session_store.h"


#define NGX_SANDBOX_START_PAUSE_MIN  40       /* ms */
#define NGX_SANDBOX_START_PAUSE_MAX  1000


static ngx_int_t ngx_sandbox_start_read(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_start_reread(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_start_found(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_start_settle(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_start_claim(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_start_claimed(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_start_fail(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_start_image(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_start_checked(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_start_record(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_start_recorded(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_start_folder(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_start_create(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_start_created(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_start_remove(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_start_note(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_start_noted(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_start_run(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_start_started(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_start_wait(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_start_look(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_start_seen(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_start_inspected(ngx_sandbox_flow_t *f);


const ngx_sandbox_step_t  ngx_sandbox_session_start_steps[] = {

    { "reading the session to start",
      ngx_sandbox_start_read,
      ngx_sandbox_start_found,
      ngx_sandbox_start_settle },

    { "claiming the session's start",
      ngx_sandbox_start_claim,
      ngx_sandbox_start_claimed,
      ngx_sandbox_start_fail },

    { "checking the image",
      ngx_sandbox_start_image,
      ngx_sandbox_start_checked, NULL },

    { "recording the container",
      ngx_sandbox_start_record,
      ngx_sandbox_start_recorded, NULL },

    { "making the session's folder",
      ngx_sandbox_start_folder, NULL, NULL },

    { "creating the container",
      ngx_sandbox_start_create,
      ngx_sandbox_start_created,
      ngx_sandbox_start_remove },

    { "recording the container's runtime id",
      ngx_sandbox_start_note,
      ngx_sandbox_start_noted, NULL },

    { "starting the container",
      ngx_sandbox_start_run,
      ngx_sandbox_start_started, NULL },

    { "waiting for the executor",
      ngx_sandbox_start_wait,
      ngx_sandbox_start_look, NULL },

      ngx_sandbox_null_step
};


static ngx_int_t
ngx_sandbox_start_read(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_start_t  *s;

    s = f->data;

    if (s->deadline == 0) {
        s->deadline = ngx_current_msec + f->node->start_timeout;
        s->pause = NGX_SANDBOX_START_PAUSE_MIN;
    }

    ngx_sandbox_op_statement(f,
               &ngx_sandbox_session_stmts[NGX_SANDBOX_SQL_SESSION_GET_START]);
    ngx_sandbox_op_string(f, &s->id);

    return ngx_sandbox_op_query(f);
}


/*
 * The session was accepted, perhaps by another worker.  That this one has not
 * noticed yet that MariaDB is back is no reason to let the deadline decide.
 */

static ngx_int_t
ngx_sandbox_start_reread(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_start_t  *s;

    s = f->data;

    if (f->error.id != NGX_SANDBOX_DATABASE_UNAVAILABLE
        || (ngx_msec_int_t) (s->deadline - ngx_current_msec) <= 0)
    {
        return f->op_rc;
    }

    f->error.id = NGX_SANDBOX_NO_ERROR;
    s->pause = ngx_min(s->pause * 2, NGX_SANDBOX_START_PAUSE_MAX);
    s->paused = 1;

    return ngx_sandbox_op_delay(f, s->pause);
}


static ngx_int_t
ngx_sandbox_start_found(ngx_sandbox_flow_t *f)
{
    ngx_str_t                    *status, *epoch;
    ngx_sandbox_session_start_t  *s;

    s = f->data;

    if (s->paused) {
        s->paused = 0;
        return ngx_sandbox_start_read(f);
    }

    if (f->op_rc != NGX_OK) {
        return ngx_sandbox_start_reread(f);
    }

    if (ngx_sandbox_op_result(f)->rows == 0) {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_SESSION_NOT_FOUND,
                                     "no session \"%V\"", &s->id);
    }

    status = ngx_sandbox_op_value(f, NGX_SANDBOX_SESSION_STATUS);

    if (!ngx_sandbox_value_is(status, "creating")) {
        return NGX_DONE;
    }

    epoch = ngx_sandbox_op_value(f, NGX_SANDBOX_SESSION_EPOCH);

    s->epoch = ngx_atoof(epoch->data, epoch->len) + 1;
    s->pause = NGX_SANDBOX_START_PAUSE_MIN;
    s->reason = "start_failed";

    return ngx_sandbox_session_spec(f);
}


/* what has been made, if the row says that it is not needed */

static ngx_int_t
ngx_sandbox_start_settle(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_start_t  *s;

    s = f->data;

    if (s->epoch == 0) {
        return NGX_OK;
    }

    return ngx_sandbox_op_hand_over(f, "sessions", &s->id, "settle");
}


static ngx_int_t
ngx_sandbox_start_claim(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_start_t  *s;

    s = f->data;

    ngx_sandbox_op_statement(f,
             &ngx_sandbox_session_stmts[NGX_SANDBOX_SQL_SESSION_CLAIM_START]);
    ngx_sandbox_op_string(f, &s->container);
    ngx_sandbox_op_string(f, &s->id);
    ngx_sandbox_op_int(f, s->epoch - 1);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_start_claimed(ngx_sandbox_flow_t *f)
{
    if (f->op_rc != NGX_OK) {
        return f->op_rc;
    }

    if (ngx_sandbox_op_result(f)->affected == 0) {
        /* somebody else starts it, or it has ended meanwhile */
        return NGX_DONE;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_start_fail(ngx_sandbox_flow_t *f)
{
    ngx_str_t                     failure;
    ngx_sandbox_session_start_t  *s;

    s = f->data;

    if (ngx_sandbox_session_failure(f->pool, s->reason, s->died,
                                    &f->error.detail, &failure)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_sandbox_op_statement(f,
                    &ngx_sandbox_session_stmts[NGX_SANDBOX_SQL_SESSION_FAIL]);
    ngx_sandbox_op_string(f, &failure);
    ngx_sandbox_op_string(f, &s->id);
    ngx_sandbox_op_int(f, s->epoch);

    return ngx_sandbox_op_query(f);
}


/* that it is there, and makes no volume: the engine cannot be told not to */

static ngx_int_t
ngx_sandbox_start_image(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_start_t  *s;

    s = f->data;
    s->call = ngx_sandbox_op_runtime(f);

    return ngx_sandbox_op_verb(f, image, s->call, &s->spec.image);
}


static ngx_int_t
ngx_sandbox_start_checked(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_start_t  *s;

    s = f->data;

    if (s->call->status == NGX_SANDBOX_RUNTIME_REFUSED) {
        s->reason = "image_refused";
        return f->op_rc;
    }

    return ngx_sandbox_start_created(f);
}


static ngx_int_t
ngx_sandbox_start_record(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_start_t  *s;

    s = f->data;

    ngx_sandbox_op_statement(f,
              &ngx_sandbox_container_stmts[NGX_SANDBOX_SQL_CONTAINER_INSERT]);
    ngx_sandbox_op_string(f, &s->container);
    ngx_sandbox_op_string(f, &s->id);
    ngx_sandbox_op_string(f, &s->spec.template_id);
    ngx_sandbox_op_string(f, &f->node->name);
    ngx_sandbox_op_string(f, &s->spec.image);
    ngx_sandbox_op_int(f, s->epoch);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_start_recorded(ngx_sandbox_flow_t *f)
{
    if (f->op_rc == NGX_DECLINED) {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_CONFLICT,
                                     "the session has a container already");
    }

    return f->op_rc;
}


static ngx_int_t
ngx_sandbox_start_folder(ngx_sandbox_flow_t *f)
{
    ngx_str_t                     text;
    ngx_sandbox_session_start_t  *s;

    s = f->data;

    if (ngx_sandbox_session_bootstrap(f, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_sandbox_session_dir_create(&s->dir, &text, f->log) != NGX_OK) {
        s->reason = "folder";
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_INTERNAL_ERROR,
                                     "the session's folder cannot be made");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_start_create(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_start_t  *s;

    s = f->data;
    s->call = ngx_sandbox_op_runtime(f);

    return ngx_sandbox_op_verb(f, create, s->call, &s->spec);
}


static ngx_int_t
ngx_sandbox_start_created(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_start_t  *s;

    s = f->data;

    switch (s->call->status) {

    case NGX_SANDBOX_RUNTIME_NO_IMAGE:
        s->reason = "image_missing";
        break;

    case NGX_SANDBOX_RUNTIME_CONFLICT:
        s->reason = "name_conflict";
        break;

    case NGX_SANDBOX_RUNTIME_DOWN:
    case NGX_SANDBOX_RUNTIME_GARBAGE:
        s->reason = "runtime_unavailable";
        break;

    default:
        break;
    }

    return f->op_rc;
}


/* settling finds containers by their rows, and this one's says "removed" */

static ngx_int_t
ngx_sandbox_start_remove(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_start_t  *s;
    ngx_sandbox_runtime_call_t   *call;

    s = f->data;

    if (!s->unwanted) {
        return NGX_OK;
    }

    call = ngx_sandbox_op_runtime(f);

    return ngx_sandbox_op_verb(f, remove, call, &s->container);
}


static ngx_int_t
ngx_sandbox_start_note(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_start_t  *s;

    s = f->data;

    ngx_sandbox_op_statement(f,
             &ngx_sandbox_container_stmts[NGX_SANDBOX_SQL_CONTAINER_CREATED]);
    ngx_sandbox_op_string(f, &s->call->state.runtime_id);
    ngx_sandbox_op_string(f, &s->container);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_start_noted(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_start_t  *s;

    s = f->data;

    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_sandbox_op_result(f)->affected == 0) {
        /* the session was ended, and cleaned up, before the engine was done */
        s->unwanted = 1;
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_SESSION_NOT_RUNNING,
                                     "the session ended while it started");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_start_run(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_start_t  *s;

    s = f->data;
    s->call = ngx_sandbox_op_runtime(f);

    return ngx_sandbox_op_verb(f, start, s->call, &s->container);
}


static ngx_int_t
ngx_sandbox_start_started(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_start_t  *s;

    s = f->data;

    if (f->op_rc != NGX_OK
        && s->call->status == NGX_SANDBOX_RUNTIME_DOWN)
    {
        /* the answer may be all that was lost: the container tells */

        s->reason = "runtime_unavailable";
        s->doubtful = f->error;
        f->error.id = NGX_SANDBOX_NO_ERROR;

        return NGX_OK;
    }

    return f->op_rc;
}


static ngx_int_t
ngx_sandbox_start_wait(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_start_t  *s;

    s = f->data;

    return ngx_sandbox_op_delay(f, s->pause);
}


/*
 * Three operations take turns here: the pause, a look at the row, and one at
 * the container.
 */

static ngx_int_t
ngx_sandbox_start_look(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_start_t  *s;

    s = f->data;

    if (s->inspecting == 1) {
        return ngx_sandbox_start_seen(f);
    }

    if (s->inspecting == 2) {
        return ngx_sandbox_start_inspected(f);
    }

    s->inspecting = 1;

    return ngx_sandbox_start_read(f);
}


static ngx_int_t
ngx_sandbox_start_seen(ngx_sandbox_flow_t *f)
{
    ngx_str_t                    *status, *container;
    ngx_sandbox_session_start_t  *s;

    s = f->data;

    if (f->op_rc == NGX_OK) {

        if (ngx_sandbox_op_result(f)->rows == 0) {
            return ngx_sandbox_flow_fail(f, NGX_SANDBOX_SESSION_NOT_FOUND,
                                         "the session was deleted");
        }

        status = ngx_sandbox_op_value(f, NGX_SANDBOX_SESSION_STATUS);

        if (ngx_sandbox_value_is(status, "running")) {
            return NGX_OK;
        }

        if (!ngx_sandbox_value_is(status, "creating")) {
            return ngx_sandbox_flow_fail(f, NGX_SANDBOX_SESSION_NOT_RUNNING,
                                         "the session is %V", status);
        }

        container = ngx_sandbox_op_value(f, NGX_SANDBOX_SESSION_CONTAINER);

        if (container->len != s->container.len
            || ngx_memcmp(container->data, s->container.data, container->len)
               != 0)
        {
            /* it ran, its container has died, and it gets another one */
            return NGX_DONE;
        }
    }

    /* a database that is away for a moment is no reason to give up */

    s->inspecting = 2;
    s->call = ngx_sandbox_op_runtime(f);

    return ngx_sandbox_op_verb(f, inspect, s->call, &s->container);
}


static ngx_int_t
ngx_sandbox_start_inspected(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_session_start_t  *s;

    s = f->data;

    if (s->doubtful.id != NGX_SANDBOX_NO_ERROR) {

        if (s->call->status != NGX_SANDBOX_RUNTIME_OK
            || !(s->call->state.running || s->call->state.exited))
        {
            f->error = s->doubtful;
            return NGX_ERROR;
        }

        s->doubtful.id = NGX_SANDBOX_NO_ERROR;
        s->reason = "start_failed";
    }

    if (s->call->status == NGX_SANDBOX_RUNTIME_NOT_FOUND
        || (s->call->status == NGX_SANDBOX_RUNTIME_OK
            && s->call->state.exited))
    {
        s->died = &s->call->state;
        s->reason = "container_exited";

        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_RUNTIME_UNAVAILABLE,
                          "the container ended with status %i before its "
                          "executor was ready", s->died->exit_code);
    }

    if ((ngx_msec_int_t) (s->deadline - ngx_current_msec) <= 0) {
        s->reason = "start_timeout";

        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_RUNTIME_UNAVAILABLE,
                          "the executor was not ready within %M ms",
                          f->node->start_timeout);
    }

    s->inspecting = 0;
    s->pause = ngx_min(s->pause * 2, NGX_SANDBOX_START_PAUSE_MAX);

    return ngx_sandbox_op_delay(f, s->pause);
}
