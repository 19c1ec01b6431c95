
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The statement of the health checks: does MariaDB answer, and has it the
 * schema that is needed?  The second is asked by the pool for every connection.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_health_store.h"


ngx_sandbox_db_stmt_t  ngx_sandbox_health_stmts[] = {
    ngx_sandbox_stmt("asking whether the database answers", "SELECT 1",
        0, 1, 1),

    ngx_sandbox_stmt("reading what confines the newest sandbox",
        "SELECT isolation FROM sessions FORCE INDEX (listed_status)"
        " WHERE hidden = 0 AND status = 'running'"
        " ORDER BY created_at DESC, id DESC LIMIT 1",
        0, 1, 1),
};
