
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _NGX_SANDBOX_EXECUTION_STORE_H_INCLUDED_
#define _NGX_SANDBOX_EXECUTION_STORE_H_INCLUDED_


#include "ngx_sandbox_store.h"


enum {
    NGX_SANDBOX_EXECUTION_ID = 0,
    NGX_SANDBOX_EXECUTION_SESSION,
    NGX_SANDBOX_EXECUTION_STATUS,
    NGX_SANDBOX_EXECUTION_CODE,
    NGX_SANDBOX_EXECUTION_LANGUAGE,
    NGX_SANDBOX_EXECUTION_TIMEOUT,
    NGX_SANDBOX_EXECUTION_EXIT_CODE,
    NGX_SANDBOX_EXECUTION_ERROR,
    NGX_SANDBOX_EXECUTION_DURATION,      /* ms */
    NGX_SANDBOX_EXECUTION_STDOUT,
    NGX_SANDBOX_EXECUTION_STDERR,
    NGX_SANDBOX_EXECUTION_STDOUT_CUT,
    NGX_SANDBOX_EXECUTION_STDERR_CUT,
    NGX_SANDBOX_EXECUTION_RETURN,
    NGX_SANDBOX_EXECUTION_METRICS,
    NGX_SANDBOX_EXECUTION_RETRIES,
    NGX_SANDBOX_EXECUTION_CREATED,
    NGX_SANDBOX_EXECUTION_STARTED,
    NGX_SANDBOX_EXECUTION_COMPLETED,
    NGX_SANDBOX_EXECUTION_OVERDUE,       /* 1: its deadline is over */
    NGX_SANDBOX_EXECUTION_COLUMNS
};

/* in lists also: 1: the return value is left out, the code is cut */
#define NGX_SANDBOX_EXECUTION_OMITTED   NGX_SANDBOX_EXECUTION_COLUMNS
#define NGX_SANDBOX_EXECUTION_CODE_CUT  (NGX_SANDBOX_EXECUTION_COLUMNS + 1)
#define NGX_SANDBOX_EXECUTION_LISTED    (NGX_SANDBOX_EXECUTION_COLUMNS + 2)


enum {
    /* id -> the execution, those of hidden sessions excluded */
    NGX_SANDBOX_SQL_EXECUTION_GET = 0,

    /* id -> the execution, whatever its session */
    NGX_SANDBOX_SQL_EXECUTION_ANY,

    /*
     * id, status (pending or running), language, code, timeout_sec, event or
     * NULL, env_vars, stdin or NULL, working_directory or NULL, status again,
     * deadline in us from now, session_id -> created_at.
     * No row: the session is not there, not running, or its time is over.
     */
    NGX_SANDBOX_SQL_EXECUTION_INSERT,

    /* id: pending -> running */
    NGX_SANDBOX_SQL_EXECUTION_RUNNING,

    /*
     * status, exit_code or NULL, error_message or NULL, stdout, stderr,
     * stdout_truncated, stderr_truncated, return_value or NULL, duration_ms
     * or NULL, metrics or NULL, completed_at or NULL for now, id, session_id:
     * an unfinished one gets its result, and its session an activity.  No row
     * affected: it has one, or is not the session's.
     */
    NGX_SANDBOX_SQL_EXECUTION_FINISH,

    /* id: an overdue one -> failed */
    NGX_SANDBOX_SQL_EXECUTION_SETTLE,

    /* error_message, session_id: every unfinished one of it -> failed */
    NGX_SANDBOX_SQL_EXECUTION_END_ALL,

    /* session_id, limit, offset; session_id, status, limit, offset */
    NGX_SANDBOX_SQL_EXECUTION_LIST,
    NGX_SANDBOX_SQL_EXECUTION_LIST_STATUS,

    /* session_id, count limit; session_id, status, count limit */
    NGX_SANDBOX_SQL_EXECUTION_COUNT,
    NGX_SANDBOX_SQL_EXECUTION_COUNT_STATUS,

    /* limit -> ids of those whose deadline is over */
    NGX_SANDBOX_SQL_EXECUTION_LAPSED,
    NGX_SANDBOX_SQL_EXECUTION_LAPSED_PENDING,

    /* id -> NGX_SANDBOX_STATE_*, those of hidden sessions excluded */
    NGX_SANDBOX_SQL_EXECUTION_STATE,

    NGX_SANDBOX_EXECUTION_STMTS
};


extern ngx_sandbox_db_stmt_t  ngx_sandbox_execution_stmts[];


#endif /* _NGX_SANDBOX_EXECUTION_STORE_H_INCLUDED_ */
