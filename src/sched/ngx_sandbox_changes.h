
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * "This session or execution has changed": a ring of the ids of the latest
 * changes, in the zone.  It is a hint to look at the row, never its state.
 *
 * Each change has a generation, which rises by one.  Writers hold the zone's
 * mutex; readers hold nothing, and check each slot's own generation before and
 * after they have copied it.  A writer that is killed leaves a slot without a
 * generation, and the ring's as it was: the next one writes that slot again.
 */


#ifndef _NGX_SANDBOX_CHANGES_H_INCLUDED_
#define _NGX_SANDBOX_CHANGES_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox.h"


typedef struct {
    ngx_atomic_t          generation;     /* 0: never written, or just now */
    size_t                len;
    u_char                id[NGX_SANDBOX_ID_MAX];
} ngx_sandbox_change_t;


/* in shared memory; no pointers */
typedef struct {
    ngx_atomic_t          generation;     /* of the newest change, 0: none */
    ngx_uint_t            n;
    ngx_sandbox_change_t  slots[1];
} ngx_sandbox_changes_t;


/* how many changes this many bytes hold, and the bytes that "n" of them take */
ngx_uint_t ngx_sandbox_changes_fit(size_t size);
size_t ngx_sandbox_changes_size(ngx_uint_t n);

void ngx_sandbox_changes_init(ngx_sandbox_changes_t *changes, ngx_uint_t n);

/* The caller holds the mutex.  An id that is longer than any is left out. */
void ngx_sandbox_changes_add_locked(ngx_sandbox_changes_t *changes,
    const ngx_str_t *id);

ngx_atomic_uint_t ngx_sandbox_changes_newest(
    const ngx_sandbox_changes_t *changes);

/*
 * The change after *generation.  NGX_OK: it is copied to buf, which has
 * NGX_SANDBOX_ID_MAX bytes and which ret_id points to; NGX_DONE: there is none;
 * NGX_DECLINED: it was overwritten, so anything may have changed.  *generation
 * becomes that of the change, or the newest where some were missed.
 */
ngx_int_t ngx_sandbox_changes_read(const ngx_sandbox_changes_t *changes,
    ngx_atomic_uint_t *generation, u_char *buf, ngx_str_t *ret_id);


#endif /* _NGX_SANDBOX_CHANGES_H_INCLUDED_ */
