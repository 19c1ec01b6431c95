
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _NGX_SANDBOX_HEALTH_STORE_H_INCLUDED_
#define _NGX_SANDBOX_HEALTH_STORE_H_INCLUDED_


#include "ngx_sandbox_store.h"


enum {
    /* touches no table: the pool has checked the schema before it is run */
    NGX_SANDBOX_SQL_HEALTH_PING = 0,

    /* -> isolation of the newest session that runs */
    NGX_SANDBOX_SQL_HEALTH_ISOLATION,

    NGX_SANDBOX_HEALTH_STMTS
};

extern ngx_sandbox_db_stmt_t  ngx_sandbox_health_stmts[];


#endif /* _NGX_SANDBOX_HEALTH_STORE_H_INCLUDED_ */
