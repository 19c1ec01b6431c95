
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The use cases of templates.  Those that show one leave its row as the flow's
 * last result; the list leaves all of them.
 */


#ifndef _NGX_SANDBOX_TEMPLATE_FLOW_H_INCLUDED_
#define _NGX_SANDBOX_TEMPLATE_FLOW_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_flow.h"
#include "ngx_sandbox_op.h"
#include "ngx_sandbox_template_store.h"


/* the columns that a client gives: id .. is_active */

#define NGX_SANDBOX_TEMPLATE_SETTABLE  NGX_SANDBOX_TEMPLATE_CREATED


typedef struct {
    ngx_str_t                id;
    ngx_sandbox_db_param_t   values[NGX_SANDBOX_TEMPLATE_SETTABLE];
} ngx_sandbox_template_t;


/* values: all of them, none is NULL */
extern const ngx_sandbox_step_t  ngx_sandbox_template_create_steps[];

/* values: NULL where it stays as it is; that of id is not looked at */
extern const ngx_sandbox_step_t  ngx_sandbox_template_update_steps[];

/* these know the id only, and the list nothing */
extern const ngx_sandbox_step_t  ngx_sandbox_template_read_steps[];
extern const ngx_sandbox_step_t  ngx_sandbox_template_delete_steps[];
extern const ngx_sandbox_step_t  ngx_sandbox_template_list_steps[];


#endif /* _NGX_SANDBOX_TEMPLATE_FLOW_H_INCLUDED_ */
