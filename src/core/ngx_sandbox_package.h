
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Package indexes, and what an installer may ask for.  A path of ours,
 *
 *     /packages/{kind}/{name}/{n}/{path}
 *
 * stands for {path} at the n-th of the origins (scheme, host, port) that an
 * index has, if that lies below one of its allowed URLs: so relative links in a
 * page lead to where they should, whatever its layout.
 */


#ifndef _NGX_SANDBOX_PACKAGE_H_INCLUDED_
#define _NGX_SANDBOX_PACKAGE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_SANDBOX_PACKAGE_URLS      4         /* of an index */
#define NGX_SANDBOX_PACKAGE_URL_MAX   256       /* bytes */
#define NGX_SANDBOX_PACKAGE_PATH_MAX  1024      /* bytes */


typedef enum {
    NGX_SANDBOX_PACKAGE_PYPI = 0,
    NGX_SANDBOX_PACKAGE_NPM,
    NGX_SANDBOX_PACKAGE_KINDS
} ngx_sandbox_package_kind_e;


typedef struct {
    ngx_uint_t   kind;
    ngx_str_t    name;
    ngx_str_t    urls[NGX_SANDBOX_PACKAGE_URLS];    /* allowed; the first one
                                                       is the index */
    ngx_uint_t   nurls;
    ngx_str_t    origins[NGX_SANDBOX_PACKAGE_URLS]; /* "https://host:port/" */
    ngx_uint_t   norigins;
} ngx_sandbox_package_index_t;


typedef struct {
    const ngx_sandbox_package_index_t  *index;
    ngx_str_t    url;
    ngx_uint_t   origin;    /* its number */
    unsigned     page:1;    /* it has links to turn, unlike a package */
} ngx_sandbox_package_target_t;


/* "pypi", "npm" and what executors call their installers: "pip", "npm" */
extern ngx_str_t  ngx_sandbox_package_kinds[];
extern ngx_str_t  ngx_sandbox_package_installers[];


/*
 * Adds an allowed URL, the index's own first.  NGX_DECLINED: it is none of
 * http or https with a host and a plain path that ends with a slash, or there
 * are too many.
 */
ngx_int_t ngx_sandbox_package_allow(ngx_sandbox_package_index_t *index,
    ngx_str_t *url);

/*
 * The index of a kind that a client means by its URL, with or without the slash
 * at its end, or its name; the first one if that is empty.  NULL: there is
 * none.
 */
const ngx_sandbox_package_index_t *ngx_sandbox_package_find(
    const ngx_array_t *indexes, ngx_uint_t kind, const ngx_str_t *which);

/* The kind that a language runtime ("python3.11") has packages of. */
ngx_int_t ngx_sandbox_package_kind(const ngx_str_t *runtime,
    ngx_uint_t *ret_kind);

/*
 * A regular expression, for MariaDB, of the language runtimes that have
 * packages of a set of kinds, one bit each.
 */
ngx_int_t ngx_sandbox_package_runtimes(ngx_pool_t *pool, ngx_uint_t kinds,
    ngx_str_t *ret_regex);

/* Our path of an index, for an installer. */
ngx_int_t ngx_sandbox_package_index_path(ngx_pool_t *pool,
    const ngx_sandbox_package_index_t *index, ngx_str_t *ret_path);

/*
 * What a path stands for.  NGX_DECLINED: nothing that may be asked for;
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_sandbox_package_target(ngx_pool_t *pool,
    const ngx_array_t *indexes, const ngx_str_t *path,
    ngx_sandbox_package_target_t *ret_target);


#endif /* _NGX_SANDBOX_PACKAGE_H_INCLUDED_ */
