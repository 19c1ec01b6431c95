
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Executions.  pending -> running -> completed | failed | timeout | crashed |
 * cancelled; an end state is never left, so a result that comes twice is
 * stored once and the second report reads what is there.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_execution_store.h"


#define NOW       "UTC_TIMESTAMP(3)"
#define OPEN      "IN ('pending', 'running')"

#define HEAD(code)                                                            \
    "e.id, e.session_id, e.status, " code ", e.language, e.timeout_sec,"      \
    " e.exit_code, e.error_message, e.duration_ms,"

#define TAIL                                                                  \
    " e.metrics, e.retry_count, e.created_at, e.started_at, e.completed_at,"  \
    " e.status " OPEN " AND e.deadline_at < " NOW

#define COLUMNS                                                               \
    HEAD("e.code")                                                            \
    " e.stdout, e.stderr, e.stdout_truncated, e.stderr_truncated,"            \
    " e.return_value,"                                                        \
    TAIL

/*
 * A list has 200 of them: it shows the beginning of code and output, and a
 * return value only if that is short.
 */

#define LIST_CHARS  "8192"

#define LISTED                                                                \
    HEAD("LEFT(e.code, " LIST_CHARS ")")                                      \
    " LEFT(e.stdout, " LIST_CHARS "), LEFT(e.stderr, " LIST_CHARS "),"        \
    " e.stdout_truncated OR CHAR_LENGTH(e.stdout) > " LIST_CHARS ","          \
    " e.stderr_truncated OR CHAR_LENGTH(e.stderr) > " LIST_CHARS ","          \
    " IF(CHAR_LENGTH(e.return_value) > " LIST_CHARS ", NULL,"                 \
    " e.return_value),"                                                       \
    TAIL                                                                      \
    ", COALESCE(CHAR_LENGTH(e.return_value) > " LIST_CHARS ", 0),"            \
    " CHAR_LENGTH(e.code) > " LIST_CHARS

#define FROM      " FROM executions e"
#define NEWEST    " ORDER BY e.created_at DESC, e.id DESC LIMIT ? OFFSET ?"

#define LOST      "'no result arrived within the deadline'"
#define UNKNOWN   "'no result arrived, and it is not known to have begun'"


ngx_sandbox_db_stmt_t  ngx_sandbox_execution_stmts[] = {

    ngx_sandbox_stmt("reading an execution",
        "SELECT " COLUMNS FROM " JOIN sessions s ON s.id = e.session_id"
        " WHERE e.id = ? AND s.hidden = 0",
        1, NGX_SANDBOX_EXECUTION_COLUMNS, 1),

    ngx_sandbox_stmt("reading an execution's record",
        "SELECT " COLUMNS FROM " WHERE e.id = ?",
        1, NGX_SANDBOX_EXECUTION_COLUMNS, 1),

    ngx_sandbox_stmt("inserting an execution",
        "INSERT INTO executions (id, session_id, status, language, code,"
        " timeout_sec, event, env_vars, stdin, working_directory, started_at,"
        " deadline_at, created_at)"
        " SELECT ?, s.id, ?, ?, ?, ?, ?, ?, ?, ?,"
        " IF(? = 'running', " NOW ", NULL), " NOW " + INTERVAL ? MICROSECOND,"
        " " NOW " FROM sessions s WHERE s.id = ? AND s.status = 'running'"
        " AND s.expires_at >= " NOW " RETURNING created_at",
        12, 1, 0),

    ngx_sandbox_stmt_changes("marking an execution running",
        "UPDATE executions SET status = 'running', epoch = epoch + 1,"
        " started_at = " NOW " WHERE id = ? AND status = 'pending'",
        1, 1, 1),

    ngx_sandbox_stmt_changes("storing a result",
        "UPDATE executions e JOIN sessions s ON s.id = e.session_id"
        " SET e.status = ?, e.epoch = e.epoch + 1, e.exit_code = ?,"
        " e.error_message = ?, e.stdout = ?, e.stderr = ?,"
        " e.stdout_truncated = ?, e.stderr_truncated = ?,"
        " e.return_value = ?, e.duration_ms = ?, e.metrics = ?,"
        " e.started_at = COALESCE(e.started_at, " NOW "),"
        " e.completed_at = COALESCE(?, " NOW "), s.last_activity_at = " NOW
        " WHERE e.id = ? AND e.session_id = ? AND e.status " OPEN,
        13, 0, 12),

    ngx_sandbox_stmt_changes("settling an overdue execution",
        "UPDATE executions SET error_message = IF(status = 'pending',"
        " " UNKNOWN ", " LOST "), status = 'failed', epoch = epoch + 1,"
        " completed_at = " NOW
        " WHERE id = ? AND status " OPEN " AND deadline_at < " NOW,
        1, 1, 1),

    ngx_sandbox_stmt_changes("ending a session's executions",
        "UPDATE executions SET status = 'failed', epoch = epoch + 1,"
        " error_message = ?, completed_at = " NOW
        " WHERE session_id = ? AND status " OPEN,
        2, 1, 2),

    ngx_sandbox_stmt("listing executions",
        "SELECT " LISTED FROM " FORCE INDEX (listed)"
        " WHERE e.session_id = ?" NEWEST,
        3, NGX_SANDBOX_EXECUTION_LISTED, 1),

    ngx_sandbox_stmt("listing executions",
        "SELECT " LISTED FROM " FORCE INDEX (listed_status)"
        " WHERE e.session_id = ? AND e.status = ?" NEWEST,
        4, NGX_SANDBOX_EXECUTION_LISTED, 1),

    ngx_sandbox_stmt("counting executions",
        "SELECT COUNT(*) FROM (SELECT 1 FROM executions"
        " WHERE session_id = ? LIMIT ?) c",
        2, 1, 1),

    ngx_sandbox_stmt("counting executions",
        "SELECT COUNT(*) FROM (SELECT 1 FROM executions"
        " WHERE session_id = ? AND status = ? LIMIT ?) c",
        3, 1, 1),

    /* two statements, so that each has one range of the index to look at */

    ngx_sandbox_stmt("finding lapsed executions",
        "SELECT id FROM executions"
        " WHERE status = 'running' AND deadline_at < " NOW " LIMIT ?",
        1, 1, 1),

    ngx_sandbox_stmt("finding executions that were never dispatched",
        "SELECT id FROM executions"
        " WHERE status = 'pending' AND deadline_at < " NOW " LIMIT ?",
        1, 1, 1),

    ngx_sandbox_stmt("looking at an execution's state",
        "SELECT e.status, e.status " OPEN " AND e.deadline_at < " NOW ","
        " e.session_id" FROM " JOIN sessions s ON s.id = e.session_id"
        " WHERE e.id = ? AND s.hidden = 0",
        1, NGX_SANDBOX_STATE_COLUMNS, 1),
};
