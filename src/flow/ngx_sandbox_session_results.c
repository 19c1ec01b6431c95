
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * What a dead sandbox's executor had to report: the results are on the host's
 * disk, and are stored as if it had come through.  The rest of the session's
 * executions is ended after that.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox.h"
#include "ngx_sandbox_execution_flow.h"
#include "ngx_sandbox_op.h"
#include "ngx_sandbox_session_dir.h"
#include "ngx_sandbox_session_flow.h"
#include "ngx_sandbox_session_spool.h"



ngx_int_t
ngx_sandbox_session_results(ngx_sandbox_flow_t *f)
{
    ngx_str_t                      folder;
    ngx_sandbox_session_settle_t  *s;

    s = f->data;

    if (s->absent) {
        return NGX_OK;
    }

    if (ngx_sandbox_session_dir_path(f->pool, &f->node->state_path->name,
                                     &s->id, &folder)
        != NGX_OK
        || ngx_sandbox_session_spool_list(f->pool, &folder, &s->results)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_sandbox_session_results_next(f);
}


/* also after one: what the database cannot take now is tried again later */

ngx_int_t
ngx_sandbox_session_results_next(ngx_sandbox_flow_t *f)
{
    ngx_int_t                      rc;
    ngx_str_t                     *names;
    ngx_sandbox_session_settle_t  *s;

    s = f->data;

    if (s->next && f->op_rc != NGX_OK
        && f->error.id == NGX_SANDBOX_DATABASE_UNAVAILABLE)
    {
        return NGX_ERROR;
    }

    names = s->results->elts;

    while (s->next < s->results->nelts) {
        rc = ngx_sandbox_session_result(f, &s->id, &names[s->next++]);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_sandbox_session_result(ngx_sandbox_flow_t *f, ngx_str_t *session_id,
    ngx_str_t *name)
{
    ngx_int_t             rc, attempt;
    ngx_str_t             folder, id, text, reason;
    ngx_sandbox_result_t  result;

    if (ngx_sandbox_session_dir_path(f->pool, &f->node->state_path->name,
                                     session_id, &folder)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_sandbox_session_spool_read(f->pool, &folder, name,
                                        NGX_SANDBOX_RESULT_MAX, &text);
    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_sandbox_result_decode(f->pool, &text, &result, &reason);

    if (rc != NGX_OK
        || ngx_sandbox_session_spool_parse(name, &id, &attempt) != NGX_OK
        || attempt != result.attempt
        || id.len != result.execution_id.len
        || ngx_memcmp(id.data, result.execution_id.data, id.len) != 0)
    {
        return rc == NGX_ERROR ? NGX_ERROR : NGX_DECLINED;
    }

    ngx_log_error(NGX_LOG_NOTICE, f->log, 0,
                  "sandbox: storing the result of %V that its executor has "
                  "left", name);

    return ngx_sandbox_execution_store(f, &result.execution_id, session_id,
                                       NULL, &result);
}
