
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _NGX_SANDBOX_RECONCILE_H_INCLUDED_
#define _NGX_SANDBOX_RECONCILE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_flow.h"
#include "ngx_sandbox_runtime.h"


/*
 * The job that compares rows and engine, in both directions: sessions whose
 * state has lapsed, containers whose session has ended, containers that have
 * ended or are gone are handed over to the flow that settles their session;
 * containers that no row knows are removed.
 */

typedef struct {
    ngx_sandbox_runtime_call_t  *call;
    ngx_array_t                 *containers; /* as the engine lists them */
    ngx_rbtree_t                 names;      /* of them */
    ngx_rbtree_node_t            sentinel;
    ngx_uint_t                   state;      /* the rows are read by state */
    ngx_str_t                    last;       /* and by id */
    ngx_uint_t                   handed;     /* of those that are gone */
    ngx_uint_t                   next;       /* to look at for removal */
    ngx_uint_t                   removed;
    unsigned                     more:1;     /* lapsed ones than one run ends */
} ngx_sandbox_reconcile_t;

extern const ngx_sandbox_step_t  ngx_sandbox_reconcile_steps[];


#endif /* _NGX_SANDBOX_RECONCILE_H_INCLUDED_ */
