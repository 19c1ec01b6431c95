
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Containers.  The row is written before the engine is asked, under a name
 * that session and epoch give, and it is removed after the engine has let go:
 * so whatever runs can be found from a row.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_container_store.h"


#define NOW       "UTC_TIMESTAMP(3)"

#define COLUMNS                                                               \
    "c.id, c.session_id, c.template_id, c.node_id, c.runtime_type, c.image,"  \
    " c.status, c.exit_code, c.oom_killed, c.created_at, c.started_at,"       \
    " c.exited_at, c.runtime_id"

#define NEWEST    " ORDER BY c.created_at DESC, c.id DESC LIMIT ? OFFSET ?"


ngx_sandbox_db_stmt_t  ngx_sandbox_container_stmts[] = {

    ngx_sandbox_stmt("reading a container",
        "SELECT " COLUMNS " FROM containers c WHERE c.id = ?",
        1, NGX_SANDBOX_CONTAINER_COLUMNS, 1),

    ngx_sandbox_stmt("inserting a container",
        "INSERT INTO containers (id, session_id, template_id, node_id,"
        " runtime_type, image, status, epoch, created_at)"
        " VALUES (?, ?, ?, ?, 'docker', ?, 'creating', ?, " NOW ")",
        6, 0, 0),

    ngx_sandbox_stmt("recording a container's runtime id",
        "UPDATE containers SET runtime_id = ?"
        " WHERE id = ? AND status = 'creating'",
        2, 0, 1),

    ngx_sandbox_stmt("marking a container removed",
        "UPDATE containers SET status = 'removed', epoch = epoch + 1,"
        " exit_code = ?, oom_killed = ?,"
        " exited_at = COALESCE(exited_at, " NOW ")"
        " WHERE id = ? AND status <> 'removed'",
        3, 0, 1),

    ngx_sandbox_stmt("finding a session's containers",
        "SELECT " COLUMNS " FROM containers c WHERE c.session_id = ?"
        " AND c.epoch <= ? AND c.status <> 'removed'",
        2, NGX_SANDBOX_CONTAINER_COLUMNS, 1),

    ngx_sandbox_stmt("finding containers of ended sessions",
        "SELECT " COLUMNS " FROM containers c"
        " JOIN sessions s ON s.id = c.session_id"
        " WHERE c.node_id = ?"
        " AND c.status IN ('creating', 'idle', 'running', 'exited')"
        " AND s.status NOT IN ('creating', 'running') LIMIT ?",
        2, NGX_SANDBOX_CONTAINER_COLUMNS, 1),

    ngx_sandbox_stmt("finding a node's containers",
        "SELECT " COLUMNS " FROM containers c"
        " WHERE c.node_id = ? AND c.status = ? AND c.id > ?"
        " ORDER BY c.id LIMIT ?",
        4, NGX_SANDBOX_CONTAINER_COLUMNS, 1),

    ngx_sandbox_stmt("listing containers",
        "SELECT " COLUMNS " FROM containers c" NEWEST,
        2, NGX_SANDBOX_CONTAINER_COLUMNS, 1),

    ngx_sandbox_stmt("listing containers",
        "SELECT " COLUMNS " FROM containers c WHERE c.status = ?" NEWEST,
        3, NGX_SANDBOX_CONTAINER_COLUMNS, 1),

    ngx_sandbox_stmt("counting containers",
        "SELECT COUNT(*) FROM (SELECT 1 FROM containers LIMIT ?) c",
        1, 1, 1),

    ngx_sandbox_stmt("counting containers",
        "SELECT COUNT(*) FROM (SELECT 1 FROM containers WHERE status = ?"
        " LIMIT ?) c",
        2, 1, 1),
};
