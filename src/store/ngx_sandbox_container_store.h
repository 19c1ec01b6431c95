
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _NGX_SANDBOX_CONTAINER_STORE_H_INCLUDED_
#define _NGX_SANDBOX_CONTAINER_STORE_H_INCLUDED_


#include "ngx_sandbox_store.h"


enum {
    NGX_SANDBOX_CONTAINER_ID = 0,
    NGX_SANDBOX_CONTAINER_SESSION,
    NGX_SANDBOX_CONTAINER_TEMPLATE,
    NGX_SANDBOX_CONTAINER_NODE,
    NGX_SANDBOX_CONTAINER_RUNTIME_TYPE,
    NGX_SANDBOX_CONTAINER_IMAGE,
    NGX_SANDBOX_CONTAINER_STATUS,
    NGX_SANDBOX_CONTAINER_EXIT_CODE,
    NGX_SANDBOX_CONTAINER_OOM,
    NGX_SANDBOX_CONTAINER_CREATED,
    NGX_SANDBOX_CONTAINER_STARTED,
    NGX_SANDBOX_CONTAINER_EXITED,
    NGX_SANDBOX_CONTAINER_RUNTIME_ID,
    NGX_SANDBOX_CONTAINER_COLUMNS
};


enum {
    /* id -> the container */
    NGX_SANDBOX_SQL_CONTAINER_GET = 0,

    /* id, session_id, template_id, node_id, image, epoch */
    NGX_SANDBOX_SQL_CONTAINER_INSERT,

    /* runtime_id, id: creating only */
    NGX_SANDBOX_SQL_CONTAINER_CREATED,

    /* exit_code or NULL, oom_killed or NULL, id: -> removed */
    NGX_SANDBOX_SQL_CONTAINER_REMOVED,

    /*
     * session_id, epoch -> containers of it that are not removed, and whose
     * start was begun before the session had this epoch
     */
    NGX_SANDBOX_SQL_CONTAINER_LEFT,

    /* node_id, limit -> containers whose session has ended */
    NGX_SANDBOX_SQL_CONTAINER_ORPHANS,

    /* node_id, status, the last id of the page before, limit -> by id */
    NGX_SANDBOX_SQL_CONTAINER_PAGE,

    /* limit, offset; status, limit, offset */
    NGX_SANDBOX_SQL_CONTAINER_LIST,
    NGX_SANDBOX_SQL_CONTAINER_LIST_STATUS,

    /* count limit; status, count limit */
    NGX_SANDBOX_SQL_CONTAINER_COUNT,
    NGX_SANDBOX_SQL_CONTAINER_COUNT_STATUS,

    NGX_SANDBOX_CONTAINER_STMTS
};


extern ngx_sandbox_db_stmt_t  ngx_sandbox_container_stmts[];


#endif /* _NGX_SANDBOX_CONTAINER_STORE_H_INCLUDED_ */
