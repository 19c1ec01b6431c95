
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _NGX_SANDBOX_HEALTH_STORE_H_INCLUDED_
#define _NGX_SANDBOX_HEALTH_STORE_H_INCLUDED_


#include "ngx_sandbox_store.h"


/* touches no table: the pool has checked the schema before it is run */

#define NGX_SANDBOX_HEALTH_STMTS  1

extern ngx_sandbox_db_stmt_t  ngx_sandbox_health_stmts[];


#endif /* _NGX_SANDBOX_HEALTH_STORE_H_INCLUDED_ */
