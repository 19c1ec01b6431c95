
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * All statements of the system in one list, so that each gets a slot in the
 * cache of prepared statements that every connection keeps.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_store.h"
#include "ngx_sandbox_container_store.h"
#include "ngx_sandbox_execution_store.h"
#include "ngx_sandbox_health_store.h"
#include "ngx_sandbox_idempotency_store.h"
#include "ngx_sandbox_install_store.h"
#include "ngx_sandbox_session_store.h"
#include "ngx_sandbox_template_store.h"


ngx_sandbox_store_table_t  ngx_sandbox_store_tables[] = {
    { ngx_sandbox_template_stmts, NGX_SANDBOX_TEMPLATE_STMTS },
    { ngx_sandbox_session_stmts, NGX_SANDBOX_SESSION_STMTS },
    { ngx_sandbox_session_list_stmts, NGX_SANDBOX_SESSION_LISTS },
    { ngx_sandbox_session_count_stmts, NGX_SANDBOX_SESSION_COUNTS },
    { ngx_sandbox_execution_stmts, NGX_SANDBOX_EXECUTION_STMTS },
    { ngx_sandbox_container_stmts, NGX_SANDBOX_CONTAINER_STMTS },
    { ngx_sandbox_idempotency_stmts, NGX_SANDBOX_IDEMPOTENCY_STMTS },
    { ngx_sandbox_install_stmts, NGX_SANDBOX_INSTALL_STMTS },
    { ngx_sandbox_health_stmts, NGX_SANDBOX_HEALTH_STMTS },
    { NULL, 0 }
};


ngx_uint_t
ngx_sandbox_store_init(void)
{
    ngx_uint_t                  i, n;
    ngx_sandbox_store_table_t  *table;

    n = 0;

    for (table = ngx_sandbox_store_tables; table->stmts; table++) {
        for (i = 0; i < table->n; i++) {
            table->stmts[i].index = n++;
        }
    }

    return n;
}


ngx_int_t
ngx_sandbox_value_number(const ngx_str_t *value)
{
    ngx_int_t  n;

    n = value->data ? ngx_atoi(value->data, value->len) : 0;

    return n == NGX_ERROR ? 0 : n;
}
