
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The use cases of packages: an install is asked for, handed to the session's
 * executor, and reported by it; meanwhile it may ask for what an index has.
 */


#ifndef _NGX_SANDBOX_INSTALL_FLOW_H_INCLUDED_
#define _NGX_SANDBOX_INSTALL_FLOW_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_flow.h"
#include "ngx_sandbox_package.h"
#include "ngx_sandbox_validate.h"


/*
 * Which kinds of packages these can be, as bits: those that an index is there
 * for, by its URL or name, and that have such names and versions.
 */
ngx_uint_t ngx_sandbox_install_kinds(const ngx_array_t *indexes,
    const ngx_sandbox_items_t *asked, const ngx_str_t *index_url);

/*
 * Whether they can be installed for a language runtime.  NGX_ERROR: the flow
 * has failed, with what to do.
 */
ngx_int_t ngx_sandbox_install_check(ngx_sandbox_flow_t *f,
    const ngx_str_t *runtime, const ngx_sandbox_items_t *asked,
    const ngx_str_t *index_url, ngx_uint_t *ret_kind);

/* the index that a row asks for, by its columns; NULL: none */
const ngx_sandbox_package_index_t *ngx_sandbox_install_index(
    ngx_sandbox_flow_t *f);


/*
 * POST /sessions/{id}/dependencies/install.  Leaves the session's row as the
 * flow's last result.
 */

typedef struct {
    ngx_str_t             id;
    ngx_sandbox_items_t   asked;
    ngx_str_t             index_url;   /* as the client gave it; empty: any */
    ngx_uint_t            kind;
    ngx_str_t             packages;    /* JSON, with what was there before */
    ngx_str_t             epoch;
} ngx_sandbox_install_request_t;

extern const ngx_sandbox_step_t  ngx_sandbox_install_request_steps[];


/*
 * loopback: hands the install of a session to its executor.  The other table is
 * for a session that has just become running: it begins one.
 */

typedef struct {
    ngx_str_t             id;
    ngx_str_t             epoch;
    ngx_uint_t            kind;        /* of packages */
    ngx_str_t             error;       /* why it cannot be handed over */
    ngx_sandbox_call_t    call;
    unsigned              again:1;     /* it may have been handed over */
} ngx_sandbox_install_run_t;

extern const ngx_sandbox_step_t  ngx_sandbox_install_run_steps[];
extern const ngx_sandbox_step_t  ngx_sandbox_install_begin_steps[];


/* loopback: ends an install whose report has not come; the same structure */

extern const ngx_sandbox_step_t  ngx_sandbox_install_settle_steps[];


/* callback: what became of an install */

typedef struct {
    ngx_str_t             id;
    ngx_int_t             epoch;
    ngx_str_t             installed;   /* JSON */
    ngx_str_t             error;       /* data NULL: it went well */
} ngx_sandbox_install_report_t;

extern const ngx_sandbox_step_t  ngx_sandbox_install_report_steps[];


/* callback: may this be asked for now? */

typedef struct {
    ngx_str_t                     id;
    ngx_sandbox_package_target_t  target;
    ngx_uint_t                    tries;      /* of asking MariaDB */
    unsigned                      paused:1;   /* before the next one */
} ngx_sandbox_install_package_t;

extern const ngx_sandbox_step_t  ngx_sandbox_install_package_steps[];


#endif /* _NGX_SANDBOX_INSTALL_FLOW_H_INCLUDED_ */
