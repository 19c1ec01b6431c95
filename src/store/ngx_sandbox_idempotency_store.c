
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Idempotency keys: what becomes of one after it was inserted with what it
 * stands for, see ngx_sandbox_once_stmt().
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_idempotency_store.h"


ngx_sandbox_db_stmt_t  ngx_sandbox_idempotency_stmts[] = {

    /* whoever answers first decides what all are told */

    ngx_sandbox_stmt("storing the answer for an idempotency key",
        "BEGIN NOT ATOMIC"
        " DECLARE scope_ VARCHAR(128) CHARACTER SET ascii"
        " COLLATE ascii_bin DEFAULT ?;"
        " DECLARE key_ VARCHAR(255) CHARACTER SET ascii"
        " COLLATE ascii_bin DEFAULT ?;"
        " UPDATE idempotency_keys SET status = ?, answer = ?"
        " WHERE scope = scope_ AND idempotency_key = key_"
        " AND resource_id = ? AND answer IS NULL;"
        " SELECT status, answer FROM idempotency_keys"
        " WHERE scope = scope_ AND idempotency_key = key_;"
        " END",
        5, 2, 1),

    /* never that of an execution which may run, or has run */

    ngx_sandbox_stmt("releasing an idempotency key",
        "DELETE k FROM idempotency_keys k"
        " LEFT JOIN executions e ON e.id = k.resource_id"
        " WHERE k.scope = ? AND k.idempotency_key = ? AND k.resource_id = ?"
        " AND (e.id IS NULL OR e.status = 'failed' AND e.metrics IS NULL"
        " AND e.retry_count = 0)",
        3, 0, 1),

    ngx_sandbox_stmt("removing expired idempotency keys",
        "DELETE FROM idempotency_keys WHERE expires_at < UTC_TIMESTAMP(3)"
        " ORDER BY expires_at LIMIT ?",
        1, 0, 1),
};
