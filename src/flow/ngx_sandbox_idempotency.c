
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Idempotency keys in flows.  The key is in MariaDB only: whichever worker or
 * instance a repeated request comes to, and whatever was killed in between, the
 * row decides.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_idempotency.h"
#include "ngx_sandbox_idempotency_store.h"
#include "ngx_sandbox_op.h"


static ngx_int_t ngx_sandbox_idempotency_answer(ngx_sandbox_flow_t *f);
static ngx_int_t ngx_sandbox_idempotency_answered(ngx_sandbox_flow_t *f);
static void ngx_sandbox_idempotency_take(ngx_sandbox_idempotency_t *key,
    const ngx_str_t *status, const ngx_str_t *answer);


const ngx_sandbox_step_t  ngx_sandbox_idempotency_answer_steps[] = {

    { "storing the answer for an idempotency key",
      ngx_sandbox_idempotency_answer,
      ngx_sandbox_idempotency_answered, NULL },

      ngx_sandbox_null_step
};


void
ngx_sandbox_idempotency_statement(ngx_sandbox_flow_t *f,
    const ngx_sandbox_idempotency_t *key, const ngx_str_t *id,
    ngx_sandbox_db_stmt_t *plain, ngx_sandbox_db_stmt_t *once)
{
    if (key == NULL) {
        ngx_sandbox_op_statement(f, plain);
        return;
    }

    ngx_sandbox_op_statement(f, once);

    ngx_sandbox_op_string(f, &key->scope);
    ngx_sandbox_op_string(f, &key->key);
    ngx_sandbox_op_string(f, &key->hash);
    ngx_sandbox_op_string(f, id);
    ngx_sandbox_op_int(f, f->node->idempotency_ttl);
}


ngx_int_t
ngx_sandbox_idempotency_claimed(ngx_sandbox_flow_t *f,
    ngx_sandbox_idempotency_t *key, ngx_str_t *id)
{
    if (ngx_sandbox_op_result(f)->rows == 0) {
        return NGX_DECLINED;
    }

    key->resource_id = *ngx_sandbox_op_value(f, NGX_SANDBOX_ONCE_RESOURCE);

    if (ngx_sandbox_value_is(ngx_sandbox_op_value(f, NGX_SANDBOX_ONCE_OWN),
                             "1"))
    {
        return NGX_OK;
    }

    if (!ngx_sandbox_value_is(ngx_sandbox_op_value(f,
                                                   NGX_SANDBOX_ONCE_MATCHES),
                              "1"))
    {
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_IDEMPOTENCY_MISMATCH,
                                     "Idempotency-Key: \"%V\" came with "
                                     "another body before", &key->key);
    }

    *id = key->resource_id;
    key->repeated = 1;

    ngx_sandbox_idempotency_take(key,
                            ngx_sandbox_op_value(f, NGX_SANDBOX_ONCE_STATUS),
                            ngx_sandbox_op_value(f, NGX_SANDBOX_ONCE_ANSWER));

    return key->answer.data ? NGX_DONE : NGX_AGAIN;
}


ngx_int_t
ngx_sandbox_idempotency_keep(ngx_sandbox_flow_t *f)
{
    return NGX_OK;
}


ngx_int_t
ngx_sandbox_idempotency_release(ngx_sandbox_flow_t *f,
    const ngx_sandbox_idempotency_t *key)
{
    ngx_sandbox_op_statement(f,
       &ngx_sandbox_idempotency_stmts[NGX_SANDBOX_SQL_IDEMPOTENCY_RELEASE]);

    ngx_sandbox_op_string(f, &key->scope);
    ngx_sandbox_op_string(f, &key->key);
    ngx_sandbox_op_string(f, &key->resource_id);

    return ngx_sandbox_op_query(f);
}


static ngx_int_t
ngx_sandbox_idempotency_answer(ngx_sandbox_flow_t *f)
{
    ngx_sandbox_idempotency_t  *key;

    key = f->data;

    ngx_sandbox_op_statement(f,
        &ngx_sandbox_idempotency_stmts[NGX_SANDBOX_SQL_IDEMPOTENCY_ANSWER]);

    ngx_sandbox_op_string(f, &key->scope);
    ngx_sandbox_op_string(f, &key->key);
    ngx_sandbox_op_int(f, key->status);
    ngx_sandbox_op_string(f, &key->answer);
    ngx_sandbox_op_string(f, &key->resource_id);

    return ngx_sandbox_op_query(f);
}


/* no row: it has expired meanwhile, so nobody else is told anything */

static ngx_int_t
ngx_sandbox_idempotency_answered(ngx_sandbox_flow_t *f)
{
    if (f->op_rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_sandbox_op_result(f)->rows) {
        ngx_sandbox_idempotency_take(f->data, ngx_sandbox_op_value(f, 0),
                                     ngx_sandbox_op_value(f, 1));
    }

    return NGX_OK;
}


static void
ngx_sandbox_idempotency_take(ngx_sandbox_idempotency_t *key,
    const ngx_str_t *status, const ngx_str_t *answer)
{
    ngx_int_t  n;

    n = status->data ? ngx_atoi(status->data, status->len) : NGX_ERROR;

    if (n == NGX_ERROR || answer->data == NULL) {
        return;
    }

    key->status = n;
    key->answer = *answer;
}
