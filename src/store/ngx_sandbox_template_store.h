
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _NGX_SANDBOX_TEMPLATE_STORE_H_INCLUDED_
#define _NGX_SANDBOX_TEMPLATE_STORE_H_INCLUDED_


#include "ngx_sandbox_store.h"


enum {
    NGX_SANDBOX_TEMPLATE_ID = 0,
    NGX_SANDBOX_TEMPLATE_NAME,
    NGX_SANDBOX_TEMPLATE_DESCRIPTION,
    NGX_SANDBOX_TEMPLATE_IMAGE,
    NGX_SANDBOX_TEMPLATE_RUNTIME_TYPE,
    NGX_SANDBOX_TEMPLATE_CPU,
    NGX_SANDBOX_TEMPLATE_MEMORY,
    NGX_SANDBOX_TEMPLATE_DISK,
    NGX_SANDBOX_TEMPLATE_TIMEOUT,
    NGX_SANDBOX_TEMPLATE_ENV,
    NGX_SANDBOX_TEMPLATE_PACKAGES,
    NGX_SANDBOX_TEMPLATE_SECURITY,
    NGX_SANDBOX_TEMPLATE_POOL,
    NGX_SANDBOX_TEMPLATE_PRESTART,
    NGX_SANDBOX_TEMPLATE_MAX_RUNS,
    NGX_SANDBOX_TEMPLATE_ACTIVE,
    NGX_SANDBOX_TEMPLATE_CREATED,
    NGX_SANDBOX_TEMPLATE_UPDATED,
    NGX_SANDBOX_TEMPLATE_COLUMNS
};


enum {
    /* id -> the template */
    NGX_SANDBOX_SQL_TEMPLATE_GET = 0,

    /* limit -> all templates, oldest first */
    NGX_SANDBOX_SQL_TEMPLATE_LIST,

    /* the first 16 columns, in their order; no NULL */
    NGX_SANDBOX_SQL_TEMPLATE_INSERT,

    /* the same, see ngx_sandbox_once_stmt() */
    NGX_SANDBOX_SQL_TEMPLATE_INSERT_ONCE,

    /* name .. is_active, NULL where unchanged; id */
    NGX_SANDBOX_SQL_TEMPLATE_UPDATE,

    /* id, id: no row affected: absent, or in use by an active session */
    NGX_SANDBOX_SQL_TEMPLATE_DELETE,

    NGX_SANDBOX_TEMPLATE_STMTS
};


extern ngx_sandbox_db_stmt_t  ngx_sandbox_template_stmts[];


#endif /* _NGX_SANDBOX_TEMPLATE_STORE_H_INCLUDED_ */
