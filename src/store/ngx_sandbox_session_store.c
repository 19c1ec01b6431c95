
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Sessions.  The states and who may leave them are in the WHERE clauses:
 * creating -> running | failed | terminated, running -> failed | timeout |
 * terminated, and creating once more, to get another container; nothing leaves
 * an end state.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_idempotency_store.h"
#include "ngx_sandbox_session_store.h"


#define NOW       "UTC_TIMESTAMP(3)"

#define OVERDUE                                                               \
    " s.status = 'creating' AND s.start_deadline_at < " NOW                   \
    " OR s.status = 'running' AND s.expires_at < " NOW

#define COLUMNS                                                               \
    "s.id, s.template_id, s.status, s.epoch, s.mode, s.agent_id,"             \
    " s.language_runtime, s.runtime_backend, s.runtime_node,"                 \
    " s.container_id, s.image_url, s.cpu_milli, s.memory_mb, s.disk_mb,"      \
    " s.max_processes, s.timeout_sec, s.env_vars, s.metadata,"                \
    " s.workspace_path, s.start_kind, s.failure, s.restart_count,"            \
    " s.isolation, s.created_at, s.updated_at, s.started_at,"                 \
    " s.completed_at, s.last_activity_at, s.expires_at,"                      \
    " s.requested_dependencies, s.kept_dependencies,"                         \
    " s.installed_dependencies, s.dependency_status, s.dependency_error,"     \
    " s.dependency_epoch, s.dependency_started_at,"                           \
    " s.dependency_completed_at, s.python_package_index_url,"                 \
    " s.install_timeout_sec, s.allow_version_conflicts,"                      \
    OVERDUE

#define FROM      " FROM sessions s"

/*
 * Nobody tells any more what became of an install of a session that has ended.
 * The state comes last: MariaDB assigns from left to right.
 */

#define INSTALLS  "dependency_status = 'installing'"

#define END_INSTALL                                                           \
    " dependency_error = IF(" INSTALLS ", 'the session ended before its"      \
    " packages were installed', dependency_error),"                           \
    " dependency_completed_at = IF(" INSTALLS ", " NOW ","                    \
    " dependency_completed_at),"                                              \
    " dependency_due_at = NULL,"                                              \
    " dependency_status = IF(" INSTALLS ", 'failed', dependency_status),"

/* and of what was there: not of what had failed after that */

#define INSTALL_AGAIN                                                         \
    " requested_dependencies = IF(dependency_status = 'failed'"               \
    " AND installed_dependencies <> '[]', kept_dependencies,"                 \
    " requested_dependencies),"                                               \
    " dependency_status = IF(installed_dependencies <> '[]', 'installing',"   \
    " dependency_status),"                                                    \
    " dependency_due_at = IF(" INSTALLS ", " NOW                              \
    " + INTERVAL install_timeout_sec + ? SECOND, NULL),"

/* one statement reads the template's defaults and inserts */

#define INSERT                                                                \
    "INSERT INTO sessions (id, template_id, status, mode, agent_id,"          \
    " language_runtime, runtime_backend, runtime_node, image_url,"            \
    " cpu_milli, memory_mb, disk_mb, max_processes, timeout_sec,"             \
    " env_vars, event, metadata, workspace_path, start_deadline_at,"          \
    " requested_dependencies, dependency_status, dependency_epoch,"           \
    " dependency_due_at, python_package_index_url, install_timeout_sec,"      \
    " fail_on_dependency_error, allow_version_conflicts,"                     \
    " created_at, updated_at)"                                                \
    " SELECT ?, t.id, 'creating', ?, ?, t.runtime_type, 'docker', ?,"         \
    " t.image_url, COALESCE(?, t.default_cpu_milli),"                         \
    " COALESCE(?, t.default_memory_mb), COALESCE(?, t.default_disk_mb),"      \
    " ?, COALESCE(?, t.default_timeout_sec),"                                 \
    " JSON_MERGE_PATCH(t.default_env_vars, ?), ?, ?, ?,"                      \
    " " NOW " + INTERVAL ? MICROSECOND, ?, ?, ?,"                             \
    " " NOW " + INTERVAL ? SECOND, ?, ?, ?, ?, " NOW ", " NOW                 \
    " FROM templates t WHERE t.id = ? AND t.is_active"                        \
    " AND t.runtime_type REGEXP ?"


ngx_sandbox_db_stmt_t  ngx_sandbox_session_stmts[] = {

    ngx_sandbox_stmt_shared("reading a session",
        "SELECT " COLUMNS FROM " WHERE s.id = ? AND s.hidden = 0",
        1, NGX_SANDBOX_SESSION_COLUMNS),

    ngx_sandbox_stmt("reading a session's record",
        "SELECT " COLUMNS FROM " WHERE s.id = ?",
        1, NGX_SANDBOX_SESSION_COLUMNS, 1),

    ngx_sandbox_stmt("reading a session to start",
        "SELECT " COLUMNS ", t.max_concurrent_executions, t.prestart" FROM
        " LEFT JOIN templates t ON t.id = s.template_id"
        " WHERE s.id = ? AND s.hidden = 0",
        1, NGX_SANDBOX_SESSION_START_COLUMNS, 1),

    ngx_sandbox_stmt("inserting a session", INSERT, 24, 0, 0),
    ngx_sandbox_once_stmt("inserting a session", "sessions", INSERT, 24),

    ngx_sandbox_stmt("inserting a session's metadata",
        "INSERT IGNORE INTO session_metadata (session_id, k, v)"
        " SELECT ?, j.k, JSON_VALUE(?, CONCAT('$.', JSON_QUOTE(j.k)))"
        " FROM JSON_TABLE(JSON_KEYS(?), '$[*]'"
        " COLUMNS (k VARCHAR(64) PATH '$')) j",
        3, 0, 1),

    ngx_sandbox_stmt("claiming a session's start",
        "UPDATE sessions SET container_id = ?, epoch = epoch + 1,"
        " updated_at = " NOW
        " WHERE id = ? AND epoch = ? AND status = 'creating'"
        " AND container_id IS NULL AND start_deadline_at > " NOW
        " AND NOT EXISTS (SELECT 1 FROM containers c"
        " WHERE c.live_session = sessions.id)",
        3, 0, 0),

    /* with its container, whose row is not removed behind its back */

    ngx_sandbox_stmt_changes("marking a session running",
        "UPDATE sessions s JOIN containers c ON c.id = s.container_id"
        " SET s.status = 'running', s.epoch = s.epoch + 1,"
        " s.isolation = ?, s.started_at = COALESCE(s.started_at, " NOW "),"
        " s.updated_at = " NOW ", s.last_activity_at = " NOW ","
        " s.expires_at = COALESCE(s.expires_at,"
        " " NOW " + INTERVAL s.timeout_sec SECOND),"
        " c.status = 'running', c.epoch = c.epoch + 1,"
        " c.started_at = " NOW
        " WHERE s.id = ? AND s.container_id = ? AND s.status = 'creating'"
        " AND c.status = 'creating'",
        3, 0, 2),

    ngx_sandbox_stmt_changes("marking a session failed",
        "UPDATE sessions SET status = 'failed', epoch = epoch + 1," END_INSTALL
        " failure = ?, completed_at = " NOW ", updated_at = " NOW
        " WHERE id = ? AND epoch = ? AND status IN ('creating', 'running')",
        3, 0, 2),

    /* its time goes on: what it expires at does not change */

    ngx_sandbox_stmt_changes("restarting a session",
        "UPDATE sessions SET" INSTALL_AGAIN
        " status = 'creating', epoch = epoch + 1,"
        " container_id = NULL, failure = ?, restart_count = restart_count + 1,"
        " start_deadline_at = " NOW " + INTERVAL ? MICROSECOND,"
        " updated_at = " NOW
        " WHERE id = ? AND epoch = ? AND status IN ('creating', 'running')",
        5, 0, 4),

    ngx_sandbox_stmt_changes("settling an overdue session",
        "UPDATE sessions SET" END_INSTALL
        " failure = IF(status = 'creating', JSON_OBJECT('reason',"
        " 'start_timeout', 'exit_code', NULL, 'oom_killed', FALSE, 'message',"
        " 'the sandbox was not ready within sandbox_start_timeout'), NULL),"
        " status = IF(status = 'creating', 'failed', 'timeout'),"
        " epoch = epoch + 1, completed_at = " NOW ", updated_at = " NOW
        " WHERE id = ?"
        " AND (status = 'creating' AND start_deadline_at < " NOW
        " AND (mode <> 'persistent' OR restart_count >= ?)"
        " OR status = 'running' AND expires_at < " NOW ")",
        2, 1, 1),

    ngx_sandbox_stmt_changes("marking a session terminated",
        "UPDATE sessions SET status = 'terminated', epoch = epoch + 1,"
        END_INSTALL " completed_at = " NOW ", updated_at = " NOW
        " WHERE id = ? AND hidden = 0 AND status IN ('creating', 'running')",
        1, 1, 1),

    ngx_sandbox_stmt_changes("hiding a session",
        "UPDATE sessions SET" END_INSTALL
        " completed_at = COALESCE(completed_at, " NOW "),"
        " status = IF(status IN ('creating', 'running'), 'terminated',"
        " status), epoch = epoch + 1, deleted_at = " NOW ","
        " updated_at = " NOW
        " WHERE id = ? AND hidden = 0",
        1, 1, 1),

    ngx_sandbox_stmt("finding lapsed starts",
        "SELECT id FROM sessions WHERE status = 'creating'"
        " AND (start_deadline_at < " NOW " OR container_id IS NULL"
        " AND updated_at < " NOW " - INTERVAL 5 SECOND) LIMIT ?",
        1, 1, 1),

    ngx_sandbox_stmt("finding lapsed sessions",
        "SELECT id FROM sessions WHERE status = 'running'"
        " AND expires_at < " NOW " LIMIT ?",
        1, 1, 1),

    ngx_sandbox_stmt_shared("looking at a session's state",
        "SELECT s.status," OVERDUE ", s.id" FROM
        " WHERE s.id = ? AND s.hidden = 0",
        1, NGX_SANDBOX_STATE_COLUMNS),
};


/*
 * The lists.  Each names the index that gives its order: left alone, MariaDB
 * takes another one for a filter that matches few rows, and sorts.  A metadata
 * filter joins the table of pairs by its index, and counts those that a session
 * has if there are several; the cursor is written so that the index on
 * created_at bounds the range.
 */

#define USE(index)  " FORCE INDEX (" index ")"

#define META      " JOIN session_metadata m ON m.session_id = s.id"           \
                  " AND m.k = ? AND m.v = ?"
#define PAIRS     " AND (? = 1 OR ? = (SELECT COUNT(*)"                       \
                  " FROM JSON_TABLE(?, '$[*]' COLUMNS (k VARCHAR(64) PATH"    \
                  " '$.k', v VARCHAR(256) PATH '$.v')) j"                     \
                  " JOIN session_metadata n ON n.session_id = s.id"           \
                  " AND n.k = j.k AND n.v = j.v))"
#define STATUS    " AND s.status = ?"
#define TMPL      " AND s.template_id = ?"
#define AFTER     " AND s.created_at <= ?"                                    \
                  " AND (s.created_at < ? OR s.id < ?)"

#define LIST(join, where, n)                                                  \
    ngx_sandbox_stmt("listing sessions",                                      \
        "SELECT " COLUMNS FROM join                                           \
        " WHERE s.hidden = 0" where                                           \
        " ORDER BY s.created_at DESC, s.id DESC LIMIT ? OFFSET ?",            \
        (n) + 2, NGX_SANDBOX_SESSION_COLUMNS, 1)

#define COUNT(join, where, n)                                                 \
    ngx_sandbox_stmt("counting sessions",                                     \
        "SELECT COUNT(*) FROM (SELECT 1" FROM join                            \
        " WHERE s.hidden = 0" where " LIMIT ?) c",                            \
        (n) + 1, 1, 1)


ngx_sandbox_db_stmt_t  ngx_sandbox_session_list_stmts[] = {
    LIST(USE("listed"), "", 0),
    LIST(USE("listed_status"), STATUS, 1),
    LIST(USE("listed_template"), TMPL, 1),
    LIST(USE("listed_both"), STATUS TMPL, 2),
    LIST(META, PAIRS, 5),
    LIST(META, PAIRS STATUS, 6),
    LIST(META, PAIRS TMPL, 6),
    LIST(META, PAIRS STATUS TMPL, 7),
    LIST(USE("listed"), AFTER, 3),
    LIST(USE("listed_status"), STATUS AFTER, 4),
    LIST(USE("listed_template"), TMPL AFTER, 4),
    LIST(USE("listed_both"), STATUS TMPL AFTER, 5),
    LIST(META, PAIRS AFTER, 8),
    LIST(META, PAIRS STATUS AFTER, 9),
    LIST(META, PAIRS TMPL AFTER, 9),
    LIST(META, PAIRS STATUS TMPL AFTER, 10),
};


ngx_sandbox_db_stmt_t  ngx_sandbox_session_count_stmts[] = {
    COUNT("", "", 0),
    COUNT("", STATUS, 1),
    COUNT("", TMPL, 1),
    COUNT("", STATUS TMPL, 2),
    COUNT(META, PAIRS, 5),
    COUNT(META, PAIRS STATUS, 6),
    COUNT(META, PAIRS TMPL, 6),
    COUNT(META, PAIRS STATUS TMPL, 7),
};
