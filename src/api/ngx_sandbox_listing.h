
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * A list of a resource, in two statements, or in three if it belongs to
 * something; the last page needs no count.  The resource gives its statements
 * and how a row is written.
 */


#ifndef _NGX_SANDBOX_LISTING_H_INCLUDED_
#define _NGX_SANDBOX_LISTING_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_api.h"
#include "ngx_sandbox_db.h"


#define NGX_SANDBOX_LISTING_LIMIT       50         /* rows, by default */
#define NGX_SANDBOX_LISTING_LIMIT_MAX   200
#define NGX_SANDBOX_LISTING_OFFSET_MAX  1000000

#define NGX_SANDBOX_LISTING_TEXT_MAX    (64 * 1024 * 1024)    /* bytes */


typedef struct {
    /* set by the resource */
    ngx_uint_t                limit;          /* 1..200 rows */
    ngx_uint_t                offset;
    void                     *query;          /* the resource's own */
    size_t                    row_size;       /* bytes of JSON, about */
    ngx_sandbox_error_e       no_owner;       /* when owner selects nothing */
    unsigned                  behind_cursor:1;

    /* steps that add the statement with its parameters and send it */
    ngx_int_t               (*owner)(ngx_sandbox_flow_t *f);      /* or NULL */
    ngx_int_t               (*select)(ngx_sandbox_flow_t *f);
                                              /* limit + 1 rows at most */
    ngx_int_t               (*count)(ngx_sandbox_flow_t *f);
                                              /* total_limit + 1 at most */

    void                    (*render)(ngx_sandbox_json_t *json,
                                      ngx_str_t *row);

    /* names the place behind a row; NULL: the list has no cursor */
    ngx_int_t               (*cursor)(ngx_pool_t *pool, ngx_str_t *row,
                                      ngx_str_t *ret_cursor);

    /* found */
    ngx_sandbox_db_op_t       page;
    ngx_str_t                 next_cursor;    /* data NULL: none */
    ngx_uint_t                total;
    ngx_uint_t                total_limit;
    unsigned                  total_is_lower_bound:1;
    unsigned                  more:1;
} ngx_sandbox_listing_t;


/* NULL: no memory, and the call has been answered. */
ngx_sandbox_listing_t *ngx_sandbox_listing_create(ngx_sandbox_api_t *a,
    size_t query_size);

/* Reads and answers; f->data of the steps is the listing. */
void ngx_sandbox_listing_run(ngx_sandbox_api_t *a, ngx_sandbox_listing_t *l);


#endif /* _NGX_SANDBOX_LISTING_H_INCLUDED_ */
