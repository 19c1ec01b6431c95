
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Templates.  One that active sessions use cannot be deleted: the statement
 * itself looks, and a session being inserted at the same moment holds the
 * template's row (INSERT ... SELECT), so neither can slip past the other.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_idempotency_store.h"
#include "ngx_sandbox_template_store.h"


#define NOW       "UTC_TIMESTAMP(3)"

#define COLUMNS                                                               \
    "id, name, description, image_url, runtime_type, default_cpu_milli,"      \
    " default_memory_mb, default_disk_mb, default_timeout_sec,"               \
    " default_env_vars, pre_installed_packages, security_context, warm_pool," \
    " prestart, max_concurrent_executions, is_active, created_at, updated_at"

#define INSERT                                                                \
    "INSERT INTO templates (" COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?,"     \
    " ?, ?, ?, ?, ?, ?, ?, ?, " NOW ", " NOW ")"


ngx_sandbox_db_stmt_t  ngx_sandbox_template_stmts[] = {

    ngx_sandbox_stmt("reading a template",
        "SELECT " COLUMNS " FROM templates WHERE id = ?",
        1, NGX_SANDBOX_TEMPLATE_COLUMNS, 1),

    ngx_sandbox_stmt("listing templates",
        "SELECT " COLUMNS " FROM templates ORDER BY created_at, id LIMIT ?",
        1, NGX_SANDBOX_TEMPLATE_COLUMNS, 1),

    ngx_sandbox_stmt("inserting a template", INSERT, 16, 0, 0),
    ngx_sandbox_once_stmt("inserting a template", "templates", INSERT, 16),

    ngx_sandbox_stmt("changing a template",
        "UPDATE templates SET name = COALESCE(?, name),"
        " description = COALESCE(?, description),"
        " image_url = COALESCE(?, image_url),"
        " runtime_type = COALESCE(?, runtime_type),"
        " default_cpu_milli = COALESCE(?, default_cpu_milli),"
        " default_memory_mb = COALESCE(?, default_memory_mb),"
        " default_disk_mb = COALESCE(?, default_disk_mb),"
        " default_timeout_sec = COALESCE(?, default_timeout_sec),"
        " default_env_vars = COALESCE(?, default_env_vars),"
        " pre_installed_packages = COALESCE(?, pre_installed_packages),"
        " security_context = COALESCE(?, security_context),"
        " warm_pool = COALESCE(?, warm_pool),"
        " prestart = COALESCE(?, prestart),"
        " max_concurrent_executions = COALESCE(?, max_concurrent_executions),"
        " is_active = COALESCE(?, is_active), updated_at = " NOW
        " WHERE id = ?",
        16, 0, 1),

    ngx_sandbox_stmt("deleting a template",
        "DELETE FROM templates WHERE id = ? AND NOT EXISTS"
        " (SELECT 1 FROM sessions s WHERE s.template_id = ?"
        " AND s.status IN ('creating', 'running'))",
        2, 0, 0),
};
