
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _NGX_SANDBOX_DEPENDENCY_H_INCLUDED_
#define _NGX_SANDBOX_DEPENDENCY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_package.h"
#include "ngx_sandbox_validate.h"


/*
 * Lists of packages as the database keeps them and executors read them, JSON:
 * [{"name": "requests", "version": "2.31.0"}, {"name": "x", "version": null}]
 */

/* NGX_DECLINED: it is no such list. */
ngx_int_t ngx_sandbox_dependencies_read(ngx_pool_t *pool,
    const ngx_str_t *text, ngx_sandbox_items_t *ret_items);

ngx_int_t ngx_sandbox_dependencies_write(ngx_pool_t *pool,
    const ngx_sandbox_items_t *items, ngx_str_t *ret_text);

/*
 * The first that no package of a kind can be, or NULL.  Versions are exact: npm
 * would read "1.2" as a range, and "latest" as a tag.
 */
const ngx_sandbox_dependency_t *ngx_sandbox_dependencies_misfit(
    ngx_uint_t kind, const ngx_sandbox_items_t *items);

ngx_uint_t ngx_sandbox_dependency_name_fits(ngx_uint_t kind,
    const ngx_str_t *name);

/* What was there and is not asked for anew, then what is. */
ngx_int_t ngx_sandbox_dependencies_merge(ngx_pool_t *pool, ngx_uint_t kind,
    const ngx_sandbox_items_t *kept, const ngx_sandbox_items_t *asked,
    ngx_str_t *ret_text);

/*
 * What was asked for, in the versions that are installed; of several of one
 * name the first.
 */
ngx_int_t ngx_sandbox_dependencies_pin(ngx_pool_t *pool, ngx_uint_t kind,
    const ngx_sandbox_items_t *asked, const ngx_sandbox_items_t *installed,
    ngx_str_t *ret_text);


#endif /* _NGX_SANDBOX_DEPENDENCY_H_INCLUDED_ */
