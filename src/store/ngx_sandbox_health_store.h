
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _NGX_SANDBOX_HEALTH_STORE_H_INCLUDED_
#define _NGX_SANDBOX_HEALTH_STORE_H_INCLUDED_


#include "ngx_sandbox_store.h"


enum {
    NGX_SANDBOX_HEALTH_APPLIED = 0,      /* the newest version, 0: none */
    NGX_SANDBOX_HEALTH_APPLYING,         /* one that is half done, 0: none */
    NGX_SANDBOX_HEALTH_COLUMNS
};


enum {
    /* -> the state of the schema; reaches a table, so it proves more than
       that a server listens */
    NGX_SANDBOX_SQL_HEALTH_SCHEMA = 0,

    NGX_SANDBOX_HEALTH_STMTS
};


extern ngx_sandbox_db_stmt_t  ngx_sandbox_health_stmts[];


#endif /* _NGX_SANDBOX_HEALTH_STORE_H_INCLUDED_ */
