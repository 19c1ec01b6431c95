
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * What the flows that create something do with the client's Idempotency-Key.
 *
 *     the first request      inserts the key with what it creates, goes on,
 *                            and stores its answer when it has one
 *     one that comes later   gets the stored answer; where there is none, the
 *                            first one still works or has been killed: it takes
 *                            the id over and does what is left to do, which is
 *                            harmless to do twice
 *     another request        is refused: 422
 *
 * Everywhere a key may be NULL: then the client has sent none.
 */


#ifndef _NGX_SANDBOX_IDEMPOTENCY_H_INCLUDED_
#define _NGX_SANDBOX_IDEMPOTENCY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_db.h"
#include "ngx_sandbox_flow.h"


typedef struct {
    ngx_str_t   scope;          /* the route, with the ids of its path */
    ngx_str_t   key;            /* without quotes */
    ngx_str_t   hash;           /* SHA-256 of the body, in hex */
    ngx_str_t   resource_id;    /* of what it stands for */
    ngx_str_t   answer;         /* stored; data NULL: none yet */
    ngx_int_t   status;         /* of the answer */
    unsigned    repeated:1;     /* the key was there */
} ngx_sandbox_idempotency_t;


/*
 * Begins the statement that inserts: "plain" without a key, else "once", with
 * the parameters that this one has before those of the other.
 */
void ngx_sandbox_idempotency_statement(ngx_sandbox_flow_t *f,
    const ngx_sandbox_idempotency_t *key, const ngx_str_t *id,
    ngx_sandbox_db_stmt_t *plain, ngx_sandbox_db_stmt_t *once);

/*
 * What came of "once".  NGX_OK: it was inserted; NGX_DONE: the answer is known
 * already; NGX_AGAIN: it is a repeated request without an answer yet, *id is
 * now what the first one has made; NGX_DECLINED: nothing was inserted;
 * NGX_ERROR: the flow has failed.
 */
ngx_int_t ngx_sandbox_idempotency_claimed(ngx_sandbox_flow_t *f,
    ngx_sandbox_idempotency_t *key, ngx_str_t *id);

/* the start of a step that has an undo only: it releases the key */
ngx_int_t ngx_sandbox_idempotency_keep(ngx_sandbox_flow_t *f);

/* an operation: if nothing came of it, the same request may try again */
ngx_int_t ngx_sandbox_idempotency_release(ngx_sandbox_flow_t *f,
    const ngx_sandbox_idempotency_t *key);


/*
 * Stores key->status and key->answer, for a flow whose data is the key; then
 * they are what every client is told.
 */
extern const ngx_sandbox_step_t  ngx_sandbox_idempotency_answer_steps[];


#endif /* _NGX_SANDBOX_IDEMPOTENCY_H_INCLUDED_ */
