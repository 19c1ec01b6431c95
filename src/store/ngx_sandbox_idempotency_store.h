
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Idempotency keys (draft-ietf-httpapi-idempotency-key-header).  A key and what
 * was made for it are inserted by one transaction, so there is never one of
 * them without the other, and of requests that come at once the later ones wait
 * for the first one's row and then see it.
 */


#ifndef _NGX_SANDBOX_IDEMPOTENCY_STORE_H_INCLUDED_
#define _NGX_SANDBOX_IDEMPOTENCY_STORE_H_INCLUDED_


#include "ngx_sandbox_store.h"


/* what an ngx_sandbox_once_stmt() takes before its INSERT's own parameters */
#define NGX_SANDBOX_ONCE_PARAMS  5

/* and what it returns; no row: nothing was inserted */
enum {
    NGX_SANDBOX_ONCE_OWN = 0,            /* 1: by this call */
    NGX_SANDBOX_ONCE_RESOURCE,           /* id of what the key stands for */
    NGX_SANDBOX_ONCE_MATCHES,            /* 1: it came with this request */
    NGX_SANDBOX_ONCE_STATUS,             /* NULL: not answered yet */
    NGX_SANDBOX_ONCE_ANSWER,
    NGX_SANDBOX_ONCE_CREATED,            /* of the resource, if it is ours */
    NGX_SANDBOX_ONCE_COLUMNS
};


/*
 * An INSERT that happens once for a key: scope, key, SHA-256 of the request in
 * hex, id of the resource, seconds to keep the key; then its own parameters.
 * "table" has the columns id and created_at.
 *
 * A key whose time is over is taken over.  That it is over is read without a
 * lock: many may have the same key at once, and each of them holds a shared
 * lock on its row already.
 */

#define ngx_sandbox_once_stmt(name, table, insert, params)                    \
    ngx_sandbox_stmt(name " once",                                            \
        "BEGIN NOT ATOMIC"                                                    \
        " DECLARE scope_ VARCHAR(128) CHARACTER SET ascii"                    \
        " COLLATE ascii_bin DEFAULT ?;"                                       \
        " DECLARE key_ VARCHAR(255) CHARACTER SET ascii"                      \
        " COLLATE ascii_bin DEFAULT ?;"                                       \
        " DECLARE hash_ BINARY(32) DEFAULT UNHEX(?);"                         \
        " DECLARE id_ VARCHAR(64) CHARACTER SET ascii"                        \
        " COLLATE ascii_bin DEFAULT ?;"                                       \
        " DECLARE until_ DATETIME(3)"                                         \
        " DEFAULT UTC_TIMESTAMP(3) + INTERVAL ? SECOND;"                      \
        " DECLARE own_ INT; DECLARE expired_ INT DEFAULT 0;"                  \
        " DECLARE created_ DATETIME(3);"                                      \
        " START TRANSACTION;"                                                 \
        " INSERT IGNORE INTO idempotency_keys (scope, idempotency_key,"       \
        " request_hash, resource_id, expires_at)"                             \
        " VALUES (scope_, key_, hash_, id_, until_);"                         \
        " SET own_ = ROW_COUNT();"                                            \
        " IF own_ = 0 THEN"                                                   \
        " SELECT COUNT(*) INTO expired_ FROM idempotency_keys"                \
        " WHERE scope = scope_ AND idempotency_key = key_"                    \
        " AND expires_at < UTC_TIMESTAMP(3);"                                 \
        " END IF;"                                                            \
        " IF expired_ THEN"                                                   \
        " UPDATE idempotency_keys SET request_hash = hash_,"                  \
        " resource_id = id_, status = NULL, answer = NULL,"                   \
        " created_at = UTC_TIMESTAMP(3), expires_at = until_"                 \
        " WHERE scope = scope_ AND idempotency_key = key_"                    \
        " AND expires_at < UTC_TIMESTAMP(3);"                                 \
        " SET own_ = ROW_COUNT();"                                            \
        " END IF;"                                                            \
        " IF own_ THEN"                                                       \
        " " insert ";"                                                        \
        " SELECT MAX(created_at) INTO created_ FROM " table                   \
        " WHERE id = id_;"                                                    \
        " END IF;"                                                            \
        " IF own_ AND created_ IS NULL THEN ROLLBACK; ELSE COMMIT; END IF;"   \
        " SELECT own_, resource_id, request_hash = hash_, status, answer,"    \
        " created_ FROM idempotency_keys"                                     \
        " WHERE scope = scope_ AND idempotency_key = key_;"                   \
        " END",                                                               \
        NGX_SANDBOX_ONCE_PARAMS + (params), NGX_SANDBOX_ONCE_COLUMNS, 0)


enum {
    /*
     * scope, key, resource id, status, answer -> status, answer: those of the
     * first one who has answered.  No row: the key has expired.
     */
    NGX_SANDBOX_SQL_IDEMPOTENCY_ANSWER = 0,

    /*
     * scope, key, resource id: if nothing has come of it, the same request may
     * try again
     */
    NGX_SANDBOX_SQL_IDEMPOTENCY_RELEASE,

    /* limit: removes those whose time is over */
    NGX_SANDBOX_SQL_IDEMPOTENCY_EXPIRE,

    NGX_SANDBOX_IDEMPOTENCY_STMTS
};


extern ngx_sandbox_db_stmt_t  ngx_sandbox_idempotency_stmts[];


#endif /* _NGX_SANDBOX_IDEMPOTENCY_STORE_H_INCLUDED_ */
