
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _NGX_SANDBOX_DEPENDENCY_H_INCLUDED_
#define _NGX_SANDBOX_DEPENDENCY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_validate.h"


/*
 * Lists of packages as the database keeps them and executors read them, JSON:
 * [{"name": "requests", "version": "2.31.0"}, {"name": "x", "version": null}]
 */

/* NGX_DECLINED: it is no such list. */
ngx_int_t ngx_sandbox_dependencies_read(ngx_pool_t *pool,
    const ngx_str_t *text, ngx_sandbox_items_t *ret_items);

/*
 * What was there and is not asked for anew, then what is; "kept" may be NULL.
 * The name of a Python package is the same whatever stands between its words.
 */
ngx_int_t ngx_sandbox_dependencies_merge(ngx_pool_t *pool,
    const ngx_sandbox_items_t *kept, const ngx_sandbox_items_t *asked,
    ngx_str_t *ret_text);

/* What was asked for, in the versions that are installed. */
ngx_int_t ngx_sandbox_dependencies_pin(ngx_pool_t *pool,
    const ngx_sandbox_items_t *asked, const ngx_sandbox_items_t *installed,
    ngx_str_t *ret_text);


#endif /* _NGX_SANDBOX_DEPENDENCY_H_INCLUDED_ */
