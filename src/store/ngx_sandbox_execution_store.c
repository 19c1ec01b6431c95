
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Executions.  pending -> running -> completed | failed | timeout | cancelled;
 * pending, running -> crashed -> running: another attempt; an end state is
 * never left, so a result that comes twice is stored once and the second report
 * reads what is there.
 *
 * retry_count + 1 is the number of the attempt that counts: it rises when an
 * attempt is given up, so what that one still reports is refused.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_execution_store.h"
#include "ngx_sandbox_idempotency_store.h"


#define NOW       "UTC_TIMESTAMP(3)"
#define ALIVE     "IN ('pending', 'running')"
#define OPEN      "IN ('pending', 'running', 'crashed')"

#define HEAD(code)                                                            \
    "e.id, e.session_id, e.status, " code ", e.language, e.timeout_sec,"      \
    " e.exit_code, e.error_message, e.duration_ms,"

#define TAIL                                                                  \
    " e.metrics, e.retry_count, e.max_retries, e.created_at, e.started_at,"   \
    " e.completed_at, e.status " OPEN " AND e.due_at < " NOW

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

/* the assignments are made in this order: each sees those before */

#define GIVE_UP                                                               \
    "UPDATE executions SET status = IF(cancel_requested, 'cancelled',"        \
    " IF(retry_count < max_retries, 'crashed', 'failed')),"                   \
    " error_message = ?, epoch = epoch + 1,"                                  \
    " retry_count = retry_count + (status = 'crashed'),"                      \
    " due_at = " NOW " + INTERVAL"                                            \
    " IF(status = 'crashed', LEAST(POW(2, retry_count - 1), 10), 0) SECOND,"  \
    " completed_at = IF(status = 'crashed', NULL, " NOW ")"

#define FROM      " FROM executions e"
#define NEWEST    " ORDER BY e.created_at DESC, e.id DESC LIMIT ? OFFSET ?"

#define INSERT                                                                \
    "INSERT INTO executions (id, session_id, status, language, code,"         \
    " timeout_sec, event, env_vars, stdin, working_directory, max_retries,"   \
    " started_at, due_at, created_at)"                                        \
    " SELECT ?, s.id, ?, ?, ?, ?, ?, ?, ?, ?, ?,"                             \
    " IF(? = 'running', " NOW ", NULL), " NOW " + INTERVAL ? MICROSECOND,"    \
    " " NOW " FROM sessions s WHERE s.id = ? AND s.status = 'running'"        \
    " AND s.expires_at >= " NOW

/* as ids are spelled in the list of a heartbeat */

#define ATTEMPT   "CONCAT(id, '.', retry_count + 1)"


ngx_sandbox_db_stmt_t  ngx_sandbox_execution_stmts[] = {

    ngx_sandbox_stmt_shared("reading an execution",
        "SELECT " COLUMNS FROM " JOIN sessions s ON s.id = e.session_id"
        " WHERE e.id = ? AND s.hidden = 0",
        1, NGX_SANDBOX_EXECUTION_COLUMNS),

    ngx_sandbox_stmt("reading an execution's record",
        "SELECT " COLUMNS FROM " WHERE e.id = ?",
        1, NGX_SANDBOX_EXECUTION_COLUMNS, 1),

    ngx_sandbox_stmt_shared("reading an execution and its output's shape",
        "SELECT " COLUMNS ", e.events" FROM
        " JOIN sessions s ON s.id = e.session_id"
        " WHERE e.id = ? AND s.hidden = 0",
        1, NGX_SANDBOX_EXECUTION_SHAPED),

    ngx_sandbox_stmt_shared("reading where an execution's output is",
        "SELECT e.session_id, e.status, e.retry_count + 1" FROM
        " JOIN sessions s ON s.id = e.session_id"
        " WHERE e.id = ? AND s.hidden = 0",
        1, NGX_SANDBOX_EXECUTION_WATCH_COLUMNS),

    ngx_sandbox_stmt("inserting an execution",
        INSERT " RETURNING created_at", 13, 1, 0),
    ngx_sandbox_once_stmt("inserting an execution", "executions", INSERT, 13),

    ngx_sandbox_stmt_changes("marking an execution running",
        "UPDATE executions SET status = 'running', epoch = epoch + 1,"
        " started_at = " NOW " WHERE id = ? AND status = 'pending'",
        1, 1, 1),

    ngx_sandbox_stmt_changes("storing a result",
        "UPDATE executions e JOIN sessions s ON s.id = e.session_id"
        " SET e.status = ?, e.epoch = e.epoch + 1, e.exit_code = ?,"
        " e.error_message = ?, e.stdout = ?, e.stderr = ?,"
        " e.stdout_truncated = ?, e.stderr_truncated = ?, e.events = ?,"
        " e.return_value = ?, e.duration_ms = ?, e.metrics = ?,"
        " e.started_at = COALESCE(e.started_at, " NOW "),"
        " e.completed_at = COALESCE(?, " NOW "), s.last_activity_at = " NOW
        " WHERE e.id = ? AND e.session_id = ? AND e.retry_count = ? - 1"
        " AND e.status " ALIVE,
        15, 0, 13),

    ngx_sandbox_stmt("renewing the leases of executions",
        "UPDATE executions SET due_at = " NOW " + INTERVAL ? MICROSECOND"
        " WHERE session_id = ? AND status " ALIVE
        " AND FIND_IN_SET(" ATTEMPT ", ?)",
        3, 0, 1),

    ngx_sandbox_stmt("finding what an executor need not run",
        "SELECT j.id FROM JSON_TABLE(?, '$[*]' COLUMNS (id VARCHAR(64)"
        " CHARACTER SET ascii COLLATE ascii_bin PATH '$')) j"
        " LEFT JOIN executions e ON e.id = j.id AND e.session_id = ?"
        " AND e.status " OPEN " WHERE e.id IS NULL",
        2, 1, 1),

    ngx_sandbox_stmt_changes("giving up an attempt",
        GIVE_UP " WHERE id = ? AND retry_count = ? - 1 AND status " ALIVE
        " AND (due_at < " NOW " OR ?)",
        4, 1, 2),

    /* while it is creating, no container of it has any of them */

    ngx_sandbox_stmt_changes("giving up a session's attempts",
        GIVE_UP " WHERE session_id = ? AND status " ALIVE
        " AND EXISTS (SELECT 1 FROM sessions s"
        " WHERE s.id = executions.session_id AND s.status = 'creating')",
        2, 1, 2),

    ngx_sandbox_stmt_changes("beginning the next attempt",
        "UPDATE executions e JOIN sessions s ON s.id = e.session_id"
        " SET e.status = 'running', e.epoch = e.epoch + 1,"
        " e.error_message = NULL, e.started_at = " NOW ","
        " e.due_at = " NOW " + INTERVAL ? MICROSECOND"
        " WHERE e.id = ? AND e.status = 'crashed' AND e.due_at <= " NOW
        " AND NOT e.cancel_requested AND s.status = 'running'"
        " AND (s.restart_count = 0 OR s.dependency_status <> 'installing')",
        2, 0, 2),

    ngx_sandbox_stmt("putting the next attempt off",
        "UPDATE executions SET due_at = " NOW " + INTERVAL ? MICROSECOND"
        " WHERE id = ? AND status = 'crashed' AND due_at <= " NOW,
        2, 0, 1),

    ngx_sandbox_stmt("reading an execution to attempt it again",
        "SELECT session_id, language, code, timeout_sec, event, env_vars,"
        " stdin, working_directory, retry_count + 1 FROM executions"
        " WHERE id = ?",
        1, NGX_SANDBOX_EXECUTION_RUN_COLUMNS, 1),

    ngx_sandbox_stmt("reading the lease of an execution",
        "SELECT session_id, status, retry_count + 1,"
        " IF(status " OPEN ", GREATEST(0,"
        " TIMESTAMPDIFF(MICROSECOND, " NOW ", due_at) DIV 1000), NULL)"
        " FROM executions WHERE id = ?",
        1, NGX_SANDBOX_EXECUTION_LEASE_COLUMNS, 1),

    ngx_sandbox_stmt("asking for the end of an execution",
        "BEGIN NOT ATOMIC"
        " DECLARE id_ VARCHAR(64) CHARACTER SET ascii"
        " COLLATE ascii_bin DEFAULT ?;"
        " DECLARE was_ VARCHAR(16); DECLARE session_ VARCHAR(64);"
        " START TRANSACTION;"
        " SELECT e.status, e.session_id INTO was_, session_"
        " FROM executions e JOIN sessions s ON s.id = e.session_id"
        " WHERE e.id = id_ AND s.hidden = 0 FOR UPDATE;"
        " UPDATE executions SET cancel_requested = 1, epoch = epoch + 1"
        " WHERE id = id_ AND was_ " OPEN ";"
        " COMMIT;"
        " SELECT was_, session_;"
        " END",
        1, 2, 1),

    ngx_sandbox_stmt_changes("cancelling an execution",
        "UPDATE executions SET status = 'cancelled', epoch = epoch + 1,"
        " error_message = ?, completed_at = " NOW
        " WHERE id = ? AND cancel_requested AND status " OPEN,
        2, 1, 2),

    ngx_sandbox_stmt_changes("ending a session's executions",
        "UPDATE executions"
        " SET status = IF(cancel_requested, 'cancelled', 'failed'),"
        " epoch = epoch + 1, error_message = ?, completed_at = " NOW
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

    /* a statement a state, so that each has one range of the index to read */

    ngx_sandbox_stmt("finding running executions that are due",
        "SELECT id FROM executions"
        " WHERE status = 'running' AND due_at < " NOW " LIMIT ?",
        1, 1, 1),

    ngx_sandbox_stmt("finding pending executions that are due",
        "SELECT id FROM executions"
        " WHERE status = 'pending' AND due_at < " NOW " LIMIT ?",
        1, 1, 1),

    ngx_sandbox_stmt("finding crashed executions that are due",
        "SELECT id FROM executions"
        " WHERE status = 'crashed' AND due_at < " NOW " LIMIT ?",
        1, 1, 1),

    ngx_sandbox_stmt_shared("looking at an execution's state",
        "SELECT e.status, e.status " OPEN " AND e.due_at < " NOW ","
        " e.session_id" FROM " JOIN sessions s ON s.id = e.session_id"
        " WHERE e.id = ? AND s.hidden = 0",
        1, NGX_SANDBOX_STATE_COLUMNS),
};
