
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Reconciling: what was cut short in between is found here.  Each session that
 * may need it goes to its settling flow, which looks again and decides; what is
 * removed here are keys that have expired and containers that no row knows.
 * All of it is conditional, so the job may run twice, late, or on two hosts at
 * once.
 *
 * The engine is asked before the rows are read, and a row is there before its
 * container: a container of the list without a row is not about to get one.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_container_store.h"
#include "ngx_sandbox_id.h"
#include "ngx_sandbox_idempotency_store.h"
#include "ngx_sandbox_install_store.h"
#include "ngx_sandbox_node.h"
#include "ngx_sandbox_op.h"
#include "ngx_sandbox_reconcile.h"
#include "ngx_sandbox_session_store.h"


#define NGX_SANDBOX_RECONCILE_BATCH  100   /* of a kind in one run */
#define NGX_SANDBOX_RECONCILE_PAGE   200   /* rows that are only looked at */
#define NGX_SANDBOX_RECONCILE_KEYS   1000  /* removed in one run */
#define NGX_SANDBOX_RECONCILE_PAUSE  1000  /* ms, to the next if more is left */


typedef struct {
    ngx_str_node_t                  name;
    unsigned                        known:1;   /* a row has this name */
} ngx_sandbox_reconcile_name_t;


static ngx_int_t ngx_sandbox_reconcile_query(ngx_sandbox_flow_t *f,
    ngx_sandbox_db_stmt_t *stmt);
static ngx_int_t ngx_sandbox_reconcile_starts(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_reconcile_runs(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_reconcile_settle(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_reconcile_hand_over(ngx_sandbox_flow_t *f,
    ngx_uint_t column, char *verb);
static ngx_int_t ngx_sandbox_reconcile_installs(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_reconcile_due(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_reconcile_orphans(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_reconcile_orphaned(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_reconcile_keys(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_reconcile_expired(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_reconcile_list(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_reconcile_listed(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_reconcile_names(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_reconcile_rows(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_reconcile_compare(ngx_sandbox_flow_t *f);
static void ngx_sandbox_reconcile_row(ngx_sandbox_flow_t *f, ngx_str_t *row);
static ngx_int_t ngx_sandbox_reconcile_remove(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_reconcile_removed(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_reconcile_more(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_reconcile_again(ngx_sandbox_flow_t *f);
static ngx_sandbox_reconcile_name_t *ngx_sandbox_reconcile_find(
    ngx_sandbox_reconcile_t *job, ngx_str_t *name);


const ngx_sandbox_step_t  ngx_sandbox_reconcile_steps[] = {

    { "finding lapsed starts",
      ngx_sandbox_reconcile_starts,
      ngx_sandbox_reconcile_settle, NULL },

    { "finding lapsed sessions",
      ngx_sandbox_reconcile_runs,
      ngx_sandbox_reconcile_settle, NULL },

    { "finding installs that go on",
      ngx_sandbox_reconcile_installs,
      ngx_sandbox_reconcile_due, NULL },

    { "finding containers of ended sessions",
      ngx_sandbox_reconcile_orphans,
      ngx_sandbox_reconcile_orphaned, NULL },

    { "removing expired idempotency keys",
      ngx_sandbox_reconcile_keys,
      ngx_sandbox_reconcile_expired, NULL },

    { "listing the engine's containers",
      ngx_sandbox_reconcile_list,
      ngx_sandbox_reconcile_listed, NULL },

    { "comparing them with the rows",
      ngx_sandbox_reconcile_rows,
      ngx_sandbox_reconcile_compare, NULL },

    { "removing containers that no row knows",
      ngx_sandbox_reconcile_remove,
      ngx_sandbox_reconcile_removed, NULL },

    { "waiting for the next run, if there was more",
      ngx_sandbox_reconcile_more,
      ngx_sandbox_reconcile_again, NULL },

      ngx_sandbox_null_step
};


/* a container only ever goes on in this order, so none is missed */

static char  *ngx_sandbox_reconcile_states[] = {
    "creating",
    "idle",
    "running",
    "exited",
    NULL
};

#define NGX_SANDBOX_RECONCILE_RUNNING  2


static ngx_int_t
ngx_sandbox_reconcile_query(ngx_sandbox_flow_t *f,
    ngx_sandbox_db_stmt_t *stmt)
{
    ngx_sandbox_op_statement(f, stmt);
    ngx_sandbox_op_int(f, NGX_SANDBOX_RECONCILE_BATCH);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_reconcile_starts(ngx_sandbox_flow_t *f)
{
    return ngx_sandbox_reconcile_query(f,
           &ngx_sandbox_session_stmts[NGX_SANDBOX_SQL_SESSION_LAPSED_STARTS]);
}


static ngx_int_t
ngx_sandbox_reconcile_runs(ngx_sandbox_flow_t *f)
{
    return ngx_sandbox_reconcile_query(f,
             &ngx_sandbox_session_stmts[NGX_SANDBOX_SQL_SESSION_LAPSED_RUNS]);
}


/* these end with their settling, so another run finds others */

static ngx_int_t
ngx_sandbox_reconcile_settle(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_reconcile_t  *job;

    job = f->data;

    if (f->op_rc == NGX_OK
        && ngx_sandbox_op_result(f)->rows == NGX_SANDBOX_RECONCILE_BATCH)
    {
        job->more = 1;
    }

    return ngx_sandbox_reconcile_hand_over(f, 0, "settle");
}


/* each row's id to its settling */

static ngx_int_t
ngx_sandbox_reconcile_hand_over(ngx_sandbox_flow_t *f, ngx_uint_t column,
    char *verb)
{
    ngx_uint_t            i;
    ngx_sandbox_db_op_t  *op;

    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    op = ngx_sandbox_op_result(f);

    for (i = 0; i < op->rows; i++) {
        (void) ngx_sandbox_op_hand_over(f, "sessions",
                                &op->values[i * op->stmt->columns + column],
                                verb);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_reconcile_installs(ngx_sandbox_flow_t *f)
{
    return ngx_sandbox_reconcile_query(f,
                     &ngx_sandbox_install_stmts[NGX_SANDBOX_SQL_INSTALL_GOING]);
}


static ngx_int_t
ngx_sandbox_reconcile_due(ngx_sandbox_flow_t *f)
{
    return ngx_sandbox_reconcile_hand_over(f, 0, "install-settle");
}


static ngx_int_t
ngx_sandbox_reconcile_orphans(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_op_statement(f,
             &ngx_sandbox_container_stmts[NGX_SANDBOX_SQL_CONTAINER_ORPHANS]);
    ngx_sandbox_op_string(f, &f->node->name);
    ngx_sandbox_op_int(f, NGX_SANDBOX_RECONCILE_BATCH);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_reconcile_orphaned(ngx_sandbox_flow_t *f)
{
    return ngx_sandbox_reconcile_hand_over(f, NGX_SANDBOX_CONTAINER_SESSION,
                                           "settle");
}


static ngx_int_t
ngx_sandbox_reconcile_keys(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_op_statement(f,
         &ngx_sandbox_idempotency_stmts[NGX_SANDBOX_SQL_IDEMPOTENCY_EXPIRE]);
    ngx_sandbox_op_int(f, NGX_SANDBOX_RECONCILE_KEYS);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_reconcile_expired(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_reconcile_t  *job;

    job = f->data;

    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_sandbox_op_result(f)->affected == NGX_SANDBOX_RECONCILE_KEYS) {
        job->more = 1;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_reconcile_list(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_reconcile_t  *job;

    job = f->data;
    job->call = ngx_sandbox_op_runtime(f);

    return ngx_sandbox_op_verb(f, list, job->call, &f->node->instance);
}


/*
 * Containers that have ended, whatever their rows say: a sandbox that died is
 * found here even if nobody uses it.
 */

static ngx_int_t
ngx_sandbox_reconcile_listed(ngx_sandbox_flow_t *f)
{
    ngx_uint_t                      i, n;
    ngx_sandbox_reconcile_t        *job;
    ngx_sandbox_container_state_t  *state;

    job = f->data;

    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    job->containers = job->call->list;
    state = job->containers->elts;
    n = 0;

    for (i = 0; i < job->containers->nelts; i++) {

        if (!state[i].exited || !ngx_sandbox_id_valid(&state[i].session_id)) {
            continue;
        }

        if (n++ == NGX_SANDBOX_RECONCILE_BATCH) {
            break;
        }

        (void) ngx_sandbox_op_hand_over(f, "sessions", &state[i].session_id,
                                        "settle");
    }

    return ngx_sandbox_reconcile_names(f);
}


static ngx_int_t
ngx_sandbox_reconcile_names(ngx_sandbox_flow_t *f)
{
    ngx_uint_t                      i;
    ngx_sandbox_reconcile_t        *job;
    ngx_sandbox_reconcile_name_t   *names;
    ngx_sandbox_container_state_t  *state;

    job = f->data;
    state = job->containers->elts;

    ngx_rbtree_init(&job->names, &job->sentinel, ngx_str_rbtree_insert_value);

    names = ngx_pcalloc(f->pool, (job->containers->nelts + 1)
                                 * sizeof(ngx_sandbox_reconcile_name_t));
    if (names == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < job->containers->nelts; i++) {
        names[i].name.str = state[i].name;
        names[i].name.node.key = ngx_crc32_short(state[i].name.data,
                                                 state[i].name.len);

        ngx_rbtree_insert(&job->names, &names[i].name.node);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_reconcile_rows(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_reconcile_t  *job;

    job = f->data;

    ngx_sandbox_op_statement(f,
                &ngx_sandbox_container_stmts[NGX_SANDBOX_SQL_CONTAINER_PAGE]);
    ngx_sandbox_op_string(f, &f->node->name);
    ngx_sandbox_op_literal(f, ngx_sandbox_reconcile_states[job->state]);

    if (job->last.len) {
        ngx_sandbox_op_string(f, &job->last);

    } else {
        ngx_sandbox_op_literal(f, "");
    }

    ngx_sandbox_op_int(f, NGX_SANDBOX_RECONCILE_PAGE);

    return ngx_sandbox_op_query(f);
}


/* goes on with the next page, or the next state, until there is none */

static ngx_int_t
ngx_sandbox_reconcile_compare(ngx_sandbox_flow_t *f)
{
    ngx_str_t                *row;
    ngx_uint_t                i;
    ngx_sandbox_db_op_t      *op;
    ngx_sandbox_reconcile_t  *job;

    job = f->data;

    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    op = ngx_sandbox_op_result(f);
    row = op->values;

    for (i = 0; i < op->rows; i++) {
        ngx_sandbox_reconcile_row(f, row);
        job->last = row[NGX_SANDBOX_CONTAINER_ID];
        row += NGX_SANDBOX_CONTAINER_COLUMNS;
    }

    if (op->rows < NGX_SANDBOX_RECONCILE_PAGE) {
        ngx_str_null(&job->last);

        if (ngx_sandbox_reconcile_states[++job->state] == NULL) {
            return NGX_OK;
        }
    }

    return ngx_sandbox_reconcile_rows(f);
}


/* one that is only being made need not be there yet */

static void
ngx_sandbox_reconcile_row(ngx_sandbox_flow_t *f, ngx_str_t *row)
{
    ngx_sandbox_reconcile_t       *job;
    ngx_sandbox_reconcile_name_t  *found;

    job = f->data;

    found = ngx_sandbox_reconcile_find(job, &row[NGX_SANDBOX_CONTAINER_ID]);

    if (found) {
        found->known = 1;
        return;
    }

    if (job->state != NGX_SANDBOX_RECONCILE_RUNNING
        || row[NGX_SANDBOX_CONTAINER_SESSION].data == NULL)
    {
        return;
    }

    if (job->handed++ >= NGX_SANDBOX_RECONCILE_BATCH) {
        return;
    }

    (void) ngx_sandbox_op_hand_over(f, "sessions",
                                    &row[NGX_SANDBOX_CONTAINER_SESSION],
                                    "settle");
}


/*
 * The engine may have made one after its caller had given up, and a database
 * may have been put back.  Who looks at it by hand has the time of a start.
 */

static ngx_int_t
ngx_sandbox_reconcile_remove(ngx_sandbox_flow_t *f)
{
    time_t                          age;
    ngx_sandbox_reconcile_t        *job;
    ngx_sandbox_reconcile_name_t   *found;
    ngx_sandbox_container_state_t  *state;

    job = f->data;
    state = job->containers->elts;

    for ( /* void */ ; job->next < job->containers->nelts; job->next++) {
        age = ngx_time() - state[job->next].created;
        found = ngx_sandbox_reconcile_find(job, &state[job->next].name);

        if (found->known || age < (time_t) (f->node->start_timeout / 1000)) {
            continue;
        }

        if (job->removed++ == NGX_SANDBOX_RECONCILE_BATCH) {
            break;
        }

        ngx_log_error(NGX_LOG_NOTICE, f->log, 0,
                      "sandbox: removing container %V, which no row needs",
                      &state[job->next].name);

        job->call = ngx_sandbox_op_runtime(f);

        return ngx_sandbox_op_verb(f, remove, job->call,
                                   &state[job->next++].name);
    }

    return NGX_OK;
}


/* one that cannot be removed does not stand in the way of the others */

static ngx_int_t
ngx_sandbox_reconcile_removed(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_reconcile_t        *job;
    ngx_sandbox_container_state_t  *state;

    job = f->data;
    state = (ngx_sandbox_container_state_t *) job->containers->elts
            + job->next - 1;

    if (f->op_rc == NGX_OK) {

        if (ngx_sandbox_id_valid(&state->session_id)) {
            /* for its folder, if that is left */
            (void) ngx_sandbox_op_hand_over(f, "sessions", &state->session_id,
                                            "settle");
        }

    } else if (job->call->status == NGX_SANDBOX_RUNTIME_DOWN) {
        return NGX_ERROR;

    } else {
        ngx_log_error(NGX_LOG_WARN, f->log, 0,
                      "sandbox: container %V was not removed: %V",
                      &state->name, &job->call->message);
    }

    return ngx_sandbox_reconcile_remove(f);
}


/* what was handed over is being done; the next run would find it again */

static ngx_int_t
ngx_sandbox_reconcile_more(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_reconcile_t  *job;

    job = f->data;

    return job->more ? ngx_sandbox_op_delay(f, NGX_SANDBOX_RECONCILE_PAUSE)
                     : NGX_OK;
}


static ngx_int_t
ngx_sandbox_reconcile_again(ngx_sandbox_flow_t *f)
{
    static ngx_str_t  job = ngx_string("reconcile");

    return ngx_sandbox_op_hand_over(f, "jobs", &job, NULL);
}


static ngx_sandbox_reconcile_name_t *
ngx_sandbox_reconcile_find(ngx_sandbox_reconcile_t *job, ngx_str_t *name)
{
    return (ngx_sandbox_reconcile_name_t *)
               ngx_str_rbtree_lookup(&job->names, name,
                                     ngx_crc32_short(name->data, name->len));
}
