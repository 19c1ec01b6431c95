
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
    NGX_SANDBOX_EXECUTION_MAX_RETRIES,
    NGX_SANDBOX_EXECUTION_CREATED,
    NGX_SANDBOX_EXECUTION_STARTED,
    NGX_SANDBOX_EXECUTION_COMPLETED,
    NGX_SANDBOX_EXECUTION_DUE,           /* 1: somebody must look after it */
    NGX_SANDBOX_EXECUTION_COLUMNS
};

/* in lists also: 1: the return value is left out, the code is cut */
#define NGX_SANDBOX_EXECUTION_OMITTED   NGX_SANDBOX_EXECUTION_COLUMNS
#define NGX_SANDBOX_EXECUTION_CODE_CUT  (NGX_SANDBOX_EXECUTION_COLUMNS + 1)
#define NGX_SANDBOX_EXECUTION_LISTED    (NGX_SANDBOX_EXECUTION_COLUMNS + 2)


/* with the shape of its output also: NULL if that is not known */
#define NGX_SANDBOX_EXECUTION_EVENTS    NGX_SANDBOX_EXECUTION_COLUMNS
#define NGX_SANDBOX_EXECUTION_SHAPED    (NGX_SANDBOX_EXECUTION_COLUMNS + 1)


/* where its output is: with the executor as long as it is open */
enum {
    NGX_SANDBOX_EXECUTION_WATCH_SESSION = 0,
    NGX_SANDBOX_EXECUTION_WATCH_STATUS,
    NGX_SANDBOX_EXECUTION_WATCH_ATTEMPT,
    NGX_SANDBOX_EXECUTION_WATCH_COLUMNS
};


/* what an attempt needs */
enum {
    NGX_SANDBOX_EXECUTION_RUN_SESSION = 0,
    NGX_SANDBOX_EXECUTION_RUN_LANGUAGE,
    NGX_SANDBOX_EXECUTION_RUN_CODE,
    NGX_SANDBOX_EXECUTION_RUN_TIMEOUT,
    NGX_SANDBOX_EXECUTION_RUN_EVENT,
    NGX_SANDBOX_EXECUTION_RUN_ENV,
    NGX_SANDBOX_EXECUTION_RUN_STDIN,
    NGX_SANDBOX_EXECUTION_RUN_DIRECTORY,
    NGX_SANDBOX_EXECUTION_RUN_ATTEMPT,
    NGX_SANDBOX_EXECUTION_RUN_COLUMNS
};


/* whose turn it is */
enum {
    NGX_SANDBOX_EXECUTION_LEASE_SESSION = 0,
    NGX_SANDBOX_EXECUTION_LEASE_STATUS,
    NGX_SANDBOX_EXECUTION_LEASE_ATTEMPT,
    NGX_SANDBOX_EXECUTION_LEASE_DUE,     /* ms until due_at; NULL: it ended */
    NGX_SANDBOX_EXECUTION_LEASE_COLUMNS
};


enum {
    /* id -> the execution, those of hidden sessions excluded */
    NGX_SANDBOX_SQL_EXECUTION_GET = 0,

    /* id -> the execution, whatever its session */
    NGX_SANDBOX_SQL_EXECUTION_ANY,

    /* as the first, and NGX_SANDBOX_EXECUTION_EVENTS */
    NGX_SANDBOX_SQL_EXECUTION_SHAPE,

    /* id -> NGX_SANDBOX_EXECUTION_WATCH_*, those of hidden ones excluded */
    NGX_SANDBOX_SQL_EXECUTION_WATCH,

    /*
     * id, status (pending or running), language, code, timeout_sec, event or
     * NULL, env_vars, stdin or NULL, working_directory or NULL, max_retries,
     * status again, lease in us, session_id -> created_at.
     * No row: the session is not there, not running, or its time is over.
     */
    NGX_SANDBOX_SQL_EXECUTION_INSERT,

    /* the same, see ngx_sandbox_once_stmt() */
    NGX_SANDBOX_SQL_EXECUTION_INSERT_ONCE,

    /* id: pending -> running */
    NGX_SANDBOX_SQL_EXECUTION_RUNNING,

    /*
     * status, exit_code or NULL, error_message or NULL, stdout, stderr,
     * stdout_truncated, stderr_truncated, events or NULL, return_value or
     * NULL, duration_ms or NULL, metrics or NULL, completed_at or NULL for
     * now, id, session_id, attempt: one that is attempted gets its result, and
     * its session an activity.  No row affected: it has one, is not the
     * session's, or the attempt was given up.
     */
    NGX_SANDBOX_SQL_EXECUTION_FINISH,

    /*
     * lease in us, session_id, "id.attempt,id.attempt": those that are
     * attempted are not due before it is over
     */
    NGX_SANDBOX_SQL_EXECUTION_RENEW,

    /* ids as a JSON array, session_id -> those that it has no open row of */
    NGX_SANDBOX_SQL_EXECUTION_UNWANTED,

    /*
     * cause, id, attempt, 1 if it need not be due: -> crashed, due after 1, 2,
     * 4 ... 10 s; -> failed if it may not be retried; -> cancelled if that was
     * asked for
     */
    NGX_SANDBOX_SQL_EXECUTION_GIVE_UP,

    /* cause, session_id: the same for all of one that gets a new container */
    NGX_SANDBOX_SQL_EXECUTION_GIVE_UP_ALL,

    /*
     * lease in us, id: crashed and due -> running, if the session is running
     * and a new container has its packages
     */
    NGX_SANDBOX_SQL_EXECUTION_ATTEMPT,

    /* time in us, id: crashed and due -> due later */
    NGX_SANDBOX_SQL_EXECUTION_PUT_OFF,

    /* id -> NGX_SANDBOX_EXECUTION_RUN_* */
    NGX_SANDBOX_SQL_EXECUTION_RUN,

    /* id -> NGX_SANDBOX_EXECUTION_LEASE_*, whatever its session */
    NGX_SANDBOX_SQL_EXECUTION_LEASE,

    /*
     * id: an unfinished one is not attempted again -> its status before,
     * session_id; NULL: no such execution
     */
    NGX_SANDBOX_SQL_EXECUTION_CANCEL,

    /* message, id: an unfinished one whose end was asked for -> cancelled */
    NGX_SANDBOX_SQL_EXECUTION_CANCELLED,

    /* error_message, session_id: every unfinished one -> failed, cancelled */
    NGX_SANDBOX_SQL_EXECUTION_END_ALL,

    /* session_id, limit, offset; session_id, status, limit, offset */
    NGX_SANDBOX_SQL_EXECUTION_LIST,
    NGX_SANDBOX_SQL_EXECUTION_LIST_STATUS,

    /* session_id, count limit; session_id, status, count limit */
    NGX_SANDBOX_SQL_EXECUTION_COUNT,
    NGX_SANDBOX_SQL_EXECUTION_COUNT_STATUS,

    /* limit -> ids of those that somebody must look after */
    NGX_SANDBOX_SQL_EXECUTION_DUE_RUNNING,
    NGX_SANDBOX_SQL_EXECUTION_DUE_PENDING,
    NGX_SANDBOX_SQL_EXECUTION_DUE_CRASHED,

    /* id -> NGX_SANDBOX_STATE_*, those of hidden sessions excluded */
    NGX_SANDBOX_SQL_EXECUTION_STATE,

    NGX_SANDBOX_EXECUTION_STMTS
};


extern ngx_sandbox_db_stmt_t  ngx_sandbox_execution_stmts[];


#endif /* _NGX_SANDBOX_EXECUTION_STORE_H_INCLUDED_ */
