
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The use cases of sessions.  Each is a table of steps and the structure that
 * its flow->data points to.  Those that show a session leave its row as the
 * flow's last result, see ngx_sandbox_op_result().
 */


#ifndef _NGX_SANDBOX_SESSION_FLOW_H_INCLUDED_
#define _NGX_SANDBOX_SESSION_FLOW_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_flow.h"
#include "ngx_sandbox_idempotency.h"
#include "ngx_sandbox_runtime.h"
#include "ngx_sandbox_validate.h"


/* why a session failed, as its column "failure" and the API show it */

ngx_int_t ngx_sandbox_session_failure(ngx_pool_t *pool, char *reason,
    ngx_sandbox_container_state_t *state, ngx_str_t *message,
    ngx_str_t *ret_json);


/* POST /sessions: inserts it, and hands its start over */

typedef struct {
    ngx_str_t    id;
    ngx_str_t    template_id;
    ngx_str_t    mode;
    ngx_str_t    agent_id;         /* data NULL: none */
    ngx_int_t    cpu_milli;        /* 0 here and below: the template's */
    ngx_int_t    memory_mb;
    ngx_int_t    disk_mb;
    ngx_int_t    timeout_sec;
    ngx_str_t    env_vars;         /* JSON object */
    ngx_str_t    event;            /* JSON; data NULL: none */
    ngx_str_t    metadata;         /* JSON object */
    ngx_uint_t   metadata_pairs;
    ngx_str_t    dependencies;     /* JSON array */
    ngx_sandbox_items_t  asked;    /* the same */
    ngx_str_t    runtimes;         /* a regular expression: what may be its
                                      template's */
    ngx_str_t    index_url;        /* of a package index; empty: any */
    ngx_int_t    install_timeout;  /* seconds */
    ngx_uint_t   conflicts;        /* of versions are allowed */
    ngx_uint_t   fails;            /* with its install */
    ngx_sandbox_idempotency_t  *key;
    unsigned     inserted:1;       /* by this request */
    unsigned     refused:1;        /* no template was good for it */
} ngx_sandbox_session_create_t;

extern const ngx_sandbox_step_t  ngx_sandbox_session_create_steps[];


/* GET /sessions/{id}; settles one whose state has lapsed */

typedef struct {
    ngx_str_t    id;
} ngx_sandbox_session_id_t;

extern const ngx_sandbox_step_t  ngx_sandbox_session_read_steps[];


/* POST /sessions/{id}/terminate and DELETE /sessions/{id} */

extern const ngx_sandbox_step_t  ngx_sandbox_session_terminate_steps[];
extern const ngx_sandbox_step_t  ngx_sandbox_session_delete_steps[];


/* loopback: brings the container of a new session up */

typedef struct {
    ngx_str_t                       id;
    ngx_str_t                       container;
    ngx_str_t                       dir;
    uint64_t                        epoch;       /* after the claim */
    ngx_msec_t                      deadline;    /* of being ready */
    ngx_msec_t                      pause;       /* between two looks */
    ngx_sandbox_container_spec_t    spec;
    ngx_str_t                       env_vars;
    ngx_uint_t                      max_runs;
    ngx_str_t                       prestart;
    ngx_str_t                       isolation;   /* as the executor says */
    ngx_sandbox_runtime_call_t     *call;
    char                           *reason;      /* of a failure */
    ngx_sandbox_container_state_t  *died;        /* NULL: it did not */
    ngx_sandbox_error_t             doubtful;    /* a start without answer */
    unsigned                        paused:1;      /* before reading again */
    unsigned                        inspecting:2;  /* row, container */
    unsigned                        unwanted:1;    /* its row is removed */
    unsigned                        installs:1;    /* packages, once it runs */
    unsigned                        marked:1;      /* running, just now */
} ngx_sandbox_session_start_t;

extern const ngx_sandbox_step_t  ngx_sandbox_session_start_steps[];

/*
 * For the start only.  The first sets container, dir, spec, env_vars and
 * max_runs from the row that was read last; epoch must be set.
 */
ngx_int_t ngx_sandbox_session_spec(ngx_sandbox_flow_t *f);
ngx_int_t ngx_sandbox_session_bootstrap(ngx_sandbox_flow_t *f,
    ngx_str_t *ret_text);


/* callback: the executor of a session is ready */

extern const ngx_sandbox_step_t  ngx_sandbox_session_ready_steps[];


/*
 * loopback: makes row, container and folder of a session agree, whatever was
 * cut short before: ends one that has lapsed or whose container is gone, or
 * has it start again, and removes what an ended one has left.
 */

typedef struct {
    ngx_str_t                       id;
    ngx_str_t                       container;   /* empty: none is left */
    ngx_str_t                       runtime_id;  /* empty: not recorded */
    ngx_str_t                       status;      /* of the session */
    ngx_str_t                       epoch;
    ngx_sandbox_runtime_call_t     *call;
    ngx_sandbox_container_state_t  *died;
    ngx_array_t                    *results;     /* names, of those left */
    ngx_uint_t                      next;        /* of them */
    unsigned                        absent:1;    /* no such row */
    unsigned                        overdue:1;
    unsigned                        ended:1;     /* by this flow */
    unsigned                        claimed:1;   /* somebody starts it */
    unsigned                        restarts:1;  /* it may, once more */
    unsigned                        restarted:1; /* it gets a new container */
    unsigned                        foreign:1;   /* another one has its name */
} ngx_sandbox_session_settle_t;

extern const ngx_sandbox_step_t  ngx_sandbox_session_settle_steps[];

/* for the settling only: stores what the executor has left, one by one */
ngx_int_t ngx_sandbox_session_results(ngx_sandbox_flow_t *f);
ngx_int_t ngx_sandbox_session_results_next(ngx_sandbox_flow_t *f);

/*
 * An operation: stores what the session's executor has left by this name,
 * "{execution id}.{attempt}", on this node.  NGX_DECLINED: nothing that is one.
 */
ngx_int_t ngx_sandbox_session_result(ngx_sandbox_flow_t *f,
    ngx_str_t *session_id, ngx_str_t *name);


#endif /* _NGX_SANDBOX_SESSION_FLOW_H_INCLUDED_ */
