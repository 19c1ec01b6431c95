
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * A read that waits for a connection serves everybody who wants the same
 * meanwhile: when a thousand clients wait for one row, its change costs as many
 * statements as there are connections, and not a thousand.  The statement is
 * sent when all that it serves have asked, so none of them sees less than it
 * would have seen alone.
 *
 * The first one leads: it alone is in the pool's queue, or runs.  If its
 * request goes away, the next one takes its place.  All end with it.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_db_private.h"


static ngx_uint_t ngx_sandbox_db_share_same(ngx_sandbox_db_op_t *one,
    ngx_sandbox_db_op_t *other);
static void ngx_sandbox_db_share_copy(ngx_sandbox_db_op_t *op,
    ngx_sandbox_db_op_t *from);
static ngx_int_t ngx_sandbox_db_share_values(ngx_sandbox_db_op_t *op,
    ngx_sandbox_db_op_t *from);


ngx_int_t
ngx_sandbox_db_share_join(ngx_sandbox_db_pool_t *pool, ngx_sandbox_db_op_t *op)
{
    ngx_queue_t          *q;
    ngx_sandbox_db_op_t  *leader;

    if (!op->stmt->shared || !ngx_queue_empty(&pool->idle)) {
        return NGX_DECLINED;
    }

    for (q = ngx_queue_last(&pool->waiting);
         q != ngx_queue_sentinel(&pool->waiting);
         q = ngx_queue_prev(q))
    {
        leader = ngx_queue_data(q, ngx_sandbox_db_op_t, queue);

        if (ngx_sandbox_db_share_same(leader, op)) {
            op->following = 1;
            ngx_queue_insert_tail(&leader->followers, &op->queue);

            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


void
ngx_sandbox_db_share_leave(ngx_sandbox_db_op_t *op)
{
    ngx_queue_remove(&op->queue);
    op->following = 0;
}


ngx_sandbox_db_op_t *
ngx_sandbox_db_share_next(ngx_sandbox_db_op_t *op)
{
    ngx_queue_t          *q;
    ngx_sandbox_db_op_t  *next;

    if (ngx_queue_empty(&op->followers)) {
        return NULL;
    }

    q = ngx_queue_head(&op->followers);
    next = ngx_queue_data(q, ngx_sandbox_db_op_t, queue);

    ngx_sandbox_db_share_leave(next);

    if (!ngx_queue_empty(&op->followers)) {
        ngx_queue_add(&next->followers, &op->followers);
        ngx_queue_init(&op->followers);
    }

    next->deadline = op->deadline;
    next->repeated = op->repeated;

    ngx_sandbox_db_share_copy(next, op);

    return next;
}


void
ngx_sandbox_db_share_end(ngx_sandbox_db_pool_t *pool, ngx_sandbox_db_op_t *op)
{
    ngx_queue_t          *q;
    ngx_sandbox_db_op_t  *follower;

    while (!ngx_queue_empty(&op->followers)) {
        q = ngx_queue_head(&op->followers);
        follower = ngx_queue_data(q, ngx_sandbox_db_op_t, queue);

        ngx_sandbox_db_share_leave(follower);
        ngx_sandbox_db_share_copy(follower, op);
        ngx_sandbox_db_pool_done(pool, follower);
    }
}


static ngx_uint_t
ngx_sandbox_db_share_same(ngx_sandbox_db_op_t *one, ngx_sandbox_db_op_t *other)
{
    ngx_uint_t               i;
    ngx_sandbox_db_param_t  *a, *b;

    if (one->stmt != other->stmt || one->timeout != other->timeout) {
        return 0;
    }

    for (i = 0; i < one->stmt->params; i++) {
        a = &one->params[i];
        b = &other->params[i];

        if (a->type != NGX_SANDBOX_DB_STRING
            || b->type != NGX_SANDBOX_DB_STRING
            || a->string.len != b->string.len
            || ngx_memcmp(a->string.data, b->string.data, a->string.len) != 0)
        {
            return 0;
        }
    }

    return 1;
}


/* each has memory of its own: their requests end when they like */

static void
ngx_sandbox_db_share_copy(ngx_sandbox_db_op_t *op, ngx_sandbox_db_op_t *from)
{
    op->status = from->status;
    op->error = from->error;

    if (from->message.len) {
        op->message.data = ngx_pstrdup(op->pool, &from->message);
        op->message.len = op->message.data ? from->message.len : 0;
    }

    if (from->rows == 0) {
        return;
    }

    if (ngx_sandbox_db_share_values(op, from) != NGX_OK) {
        op->status = NGX_SANDBOX_DB_UNAVAILABLE;
        return;
    }

    op->affected = from->affected;
    op->rows = from->rows;
}


static ngx_int_t
ngx_sandbox_db_share_values(ngx_sandbox_db_op_t *op, ngx_sandbox_db_op_t *from)
{
    ngx_uint_t   i, n;
    ngx_str_t   *values;

    n = from->rows * from->stmt->columns;

    values = ngx_pcalloc(op->pool, n * sizeof(ngx_str_t));
    if (values == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        if (from->values[i].data == NULL) {
            continue;
        }

        values[i].data = ngx_pstrdup(op->pool, &from->values[i]);
        if (values[i].data == NULL) {
            return NGX_ERROR;
        }

        values[i].len = from->values[i].len;
    }

    op->values = values;

    return NGX_OK;
}
