
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _NGX_SANDBOX_SESSION_STORE_H_INCLUDED_
#define _NGX_SANDBOX_SESSION_STORE_H_INCLUDED_


#include "ngx_sandbox_store.h"


/* the columns of every statement that returns sessions */

enum {
    NGX_SANDBOX_SESSION_ID = 0,
    NGX_SANDBOX_SESSION_TEMPLATE,
    NGX_SANDBOX_SESSION_STATUS,
    NGX_SANDBOX_SESSION_EPOCH,
    NGX_SANDBOX_SESSION_MODE,
    NGX_SANDBOX_SESSION_AGENT,
    NGX_SANDBOX_SESSION_LANGUAGE_RUNTIME,
    NGX_SANDBOX_SESSION_BACKEND,
    NGX_SANDBOX_SESSION_NODE,
    NGX_SANDBOX_SESSION_CONTAINER,
    NGX_SANDBOX_SESSION_IMAGE,
    NGX_SANDBOX_SESSION_CPU,
    NGX_SANDBOX_SESSION_MEMORY,
    NGX_SANDBOX_SESSION_DISK,
    NGX_SANDBOX_SESSION_PROCESSES,
    NGX_SANDBOX_SESSION_TIMEOUT,
    NGX_SANDBOX_SESSION_ENV,
    NGX_SANDBOX_SESSION_METADATA,
    NGX_SANDBOX_SESSION_WORKSPACE,
    NGX_SANDBOX_SESSION_START_KIND,
    NGX_SANDBOX_SESSION_FAILURE,
    NGX_SANDBOX_SESSION_RESTARTS,
    NGX_SANDBOX_SESSION_ISOLATION,
    NGX_SANDBOX_SESSION_CREATED,
    NGX_SANDBOX_SESSION_UPDATED,
    NGX_SANDBOX_SESSION_STARTED,
    NGX_SANDBOX_SESSION_COMPLETED,
    NGX_SANDBOX_SESSION_ACTIVITY,
    NGX_SANDBOX_SESSION_EXPIRES,
    NGX_SANDBOX_SESSION_REQUESTED,    /* dependencies, here and below */
    NGX_SANDBOX_SESSION_KEPT,
    NGX_SANDBOX_SESSION_INSTALLED,
    NGX_SANDBOX_SESSION_INSTALL_STATUS,
    NGX_SANDBOX_SESSION_INSTALL_ERROR,
    NGX_SANDBOX_SESSION_INSTALL_EPOCH,
    NGX_SANDBOX_SESSION_INSTALL_STARTED,
    NGX_SANDBOX_SESSION_INSTALL_COMPLETED,
    NGX_SANDBOX_SESSION_INDEX,
    NGX_SANDBOX_SESSION_INSTALL_TIMEOUT,
    NGX_SANDBOX_SESSION_CONFLICTS,
    NGX_SANDBOX_SESSION_OVERDUE,      /* 1: its state has lapsed, settle it */
    NGX_SANDBOX_SESSION_COLUMNS
};

/* to start one: of its template, NULL if that is gone */
enum {
    NGX_SANDBOX_SESSION_MAX_RUNS = NGX_SANDBOX_SESSION_COLUMNS,
    NGX_SANDBOX_SESSION_PRESTART,
    NGX_SANDBOX_SESSION_START_COLUMNS
};


enum {
    /* id -> the session, hidden ones excluded */
    NGX_SANDBOX_SQL_SESSION_GET = 0,

    /* id -> the session, hidden or not */
    NGX_SANDBOX_SQL_SESSION_ANY,

    /* id -> the same as GET, and the columns for a start */
    NGX_SANDBOX_SQL_SESSION_GET_START,

    /*
     * id, mode, agent_id, node, cpu_milli or NULL, memory_mb or NULL,
     * disk_mb or NULL, max_processes, timeout_sec or NULL, env_vars, event
     * or NULL, metadata, workspace_path, start time-out in us, requested
     * dependencies, status and number of their install, seconds until it is
     * due or NULL, index, install time-out, fail_on_dependency_error,
     * allow_version_conflicts, template_id, regular expression of its runtime.
     * No row affected: there is no such active template.
     */
    NGX_SANDBOX_SQL_SESSION_INSERT,

    /* the same, see ngx_sandbox_once_stmt() */
    NGX_SANDBOX_SQL_SESSION_INSERT_ONCE,

    /* id, metadata, metadata: makes the pairs searchable */
    NGX_SANDBOX_SQL_SESSION_METADATA,

    /*
     * container_id, id, epoch: creating only, and when no earlier container is
     * left; the one who starts it wins
     */
    NGX_SANDBOX_SQL_SESSION_CLAIM_START,

    /*
     * isolation or NULL, id, container_id: creating -> running, the container
     * as well
     */
    NGX_SANDBOX_SQL_SESSION_RUNNING,

    /* failure, id, epoch: creating or running -> failed */
    NGX_SANDBOX_SQL_SESSION_FAIL,

    /*
     * seconds that its install has beyond its own time-out, failure, start
     * time-out in us, id, epoch: -> creating, anew; what was installed is to be
     * installed again
     */
    NGX_SANDBOX_SQL_SESSION_RESTART,

    /*
     * id, restarts of a persistent one: an overdue one: creating -> failed if
     * it has had them, running -> timeout
     */
    NGX_SANDBOX_SQL_SESSION_SETTLE,

    /* id: creating or running -> terminated */
    NGX_SANDBOX_SQL_SESSION_TERMINATE,

    /* id: hides the record, whatever its state; ends it if it was active */
    NGX_SANDBOX_SQL_SESSION_HIDE,

    /* limit -> ids of sessions whose state has lapsed, or that nobody starts */
    NGX_SANDBOX_SQL_SESSION_LAPSED_STARTS,
    NGX_SANDBOX_SQL_SESSION_LAPSED_RUNS,

    /* id -> NGX_SANDBOX_STATE_*, hidden ones excluded */
    NGX_SANDBOX_SQL_SESSION_STATE,

    NGX_SANDBOX_SESSION_STMTS
};


/*
 * The lists, newest first: a combination of these filters is an index into
 * the tables.  Parameters in this order: metadata key and value of one pair,
 * the number of pairs twice, all pairs as [{"k":, "v":}]; status; template_id;
 * created_at, created_at and id of the cursor; limit, offset.
 * The counts know no cursor, and take one limit at which counting stops.
 */

#define NGX_SANDBOX_SESSION_BY_STATUS    0x01
#define NGX_SANDBOX_SESSION_BY_TEMPLATE  0x02
#define NGX_SANDBOX_SESSION_BY_METADATA  0x04
#define NGX_SANDBOX_SESSION_AFTER        0x08

#define NGX_SANDBOX_SESSION_LISTS        16
#define NGX_SANDBOX_SESSION_COUNTS       8


extern ngx_sandbox_db_stmt_t  ngx_sandbox_session_stmts[];
extern ngx_sandbox_db_stmt_t  ngx_sandbox_session_list_stmts[];
extern ngx_sandbox_db_stmt_t  ngx_sandbox_session_count_stmts[];


#endif /* _NGX_SANDBOX_SESSION_STORE_H_INCLUDED_ */
