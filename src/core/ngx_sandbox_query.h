
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _NGX_SANDBOX_QUERY_H_INCLUDED_
#define _NGX_SANDBOX_QUERY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_validate.h"


/*
 * Reads a query string (r->args) by a table of the types STRING, TEXT, ID, INT,
 * NUMBER, BOOL ("1", "true", nothing at all; "0", "false"), ENUM and PREFIX.
 * %XX is decoded, '+' is a space; unknown and repeated parameters, bad escapes,
 * NUL and invalid UTF-8 are mistakes.  Strings are copies in the pool.
 *
 * Returns as ngx_sandbox_validate() does.
 */
ngx_int_t ngx_sandbox_query_parse(ngx_pool_t *pool, const ngx_str_t *args,
    const ngx_sandbox_field_t *fields, void *ret,
    ngx_sandbox_report_t *report);


#endif /* _NGX_SANDBOX_QUERY_H_INCLUDED_ */
