
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Installs of packages, columns of the session: completed | failed ->
 * installing -> completed | failed.  Each has the next number, and is ended by
 * its own number only.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_install_store.h"


#define NOW     "UTC_TIMESTAMP(3)"

/* read before it is changed: MariaDB assigns from left to right */
#define FAILS   "fail_on_dependency_error AND status = 'running'"

#define FAIL                                                                  \
    "UPDATE sessions SET dependency_status = 'failed',"                       \
    " dependency_error = ?, dependency_completed_at = " NOW ","               \
    " dependency_due_at = NULL, updated_at = " NOW ","                        \
    " failure = IF(" FAILS ", JSON_OBJECT('reason', 'dependencies',"          \
    " 'exit_code', NULL, 'oom_killed', FALSE, 'message',"                     \
    " dependency_error), failure),"                                           \
    " completed_at = IF(" FAILS ", " NOW ", completed_at),"                   \
    " epoch = epoch + (" FAILS "),"                                           \
    " status = IF(" FAILS ", 'failed', status)"


ngx_sandbox_db_stmt_t  ngx_sandbox_install_stmts[] = {

    ngx_sandbox_stmt("requesting an install",
        "UPDATE sessions SET requested_dependencies = ?,"
        " dependency_status = 'installing', dependency_error = NULL,"
        " dependency_epoch = dependency_epoch + 1,"
        " dependency_started_at = " NOW ", dependency_completed_at = NULL,"
        " dependency_due_at = " NOW " + INTERVAL install_timeout_sec + ?"
        " SECOND, python_package_index_url = ?,"
        " fail_on_dependency_error = FALSE, last_activity_at = " NOW ","
        " updated_at = " NOW
        " WHERE id = ? AND hidden = 0 AND status = 'running'"
        " AND dependency_status <> 'installing' AND dependency_epoch = ?",
        5, 0, 0),

    ngx_sandbox_stmt("beginning the first install of a container",
        "UPDATE sessions SET dependency_status = 'installing',"
        " dependency_error = NULL, dependency_epoch = dependency_epoch + 1,"
        " dependency_started_at = " NOW ", dependency_completed_at = NULL,"
        " dependency_due_at = " NOW " + INTERVAL install_timeout_sec + ?"
        " SECOND, updated_at = " NOW
        " WHERE id = ? AND hidden = 0 AND status = 'running'"
        " AND dependency_status = 'installing'",
        2, 0, 0),

    ngx_sandbox_stmt("storing an install",
        "UPDATE sessions SET dependency_status = 'completed',"
        " installed_dependencies = ?,"
        " kept_dependencies = requested_dependencies,"
        " dependency_error = NULL, dependency_completed_at = " NOW ","
        " dependency_due_at = NULL, updated_at = " NOW
        " WHERE id = ? AND dependency_status = 'installing'"
        " AND dependency_epoch = ?",
        3, 0, 0),

    ngx_sandbox_stmt_changes("storing that an install failed",
        FAIL " WHERE id = ? AND dependency_status = 'installing'"
        " AND dependency_epoch = ?",
        3, 0, 2),

    ngx_sandbox_stmt_changes("ending an install that is due",
        FAIL " WHERE id = ? AND dependency_status = 'installing'"
        " AND dependency_due_at < " NOW,
        2, 0, 2),

    ngx_sandbox_stmt("finding installs that go on",
        "SELECT id FROM sessions WHERE dependency_status = 'installing'"
        " AND (dependency_due_at < " NOW
        " OR updated_at < " NOW " - INTERVAL 5 SECOND) LIMIT ?",
        1, 1, 1),
};
