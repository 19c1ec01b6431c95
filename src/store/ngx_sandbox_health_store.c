
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * What health asks of MariaDB.  A connection looks at the schema when it is
 * made; this looks again, so that a migration under a running instance shows.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_health_store.h"


ngx_sandbox_db_stmt_t  ngx_sandbox_health_stmts[] = {

    ngx_sandbox_stmt("reading the schema's version",
        "SELECT COALESCE(MAX(IF(state = 'applied', version, NULL)), 0),"
        " COALESCE(MIN(IF(state = 'applying', version, NULL)), 0)"
        " FROM schema_migrations",
        0, NGX_SANDBOX_HEALTH_COLUMNS, 1),
};
