
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The ring of changes: see the header for who may do what.  It lives in the
 * zone and knows neither that nor who waits.  Nothing here allocates, logs or
 * waits, since writers hold the zone's mutex.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_changes.h"


ngx_uint_t
ngx_sandbox_changes_fit(size_t size)
{
    size_t  head;

    head = offsetof(ngx_sandbox_changes_t, slots);

    return size < head ? 0 : (size - head) / sizeof(ngx_sandbox_change_t);
}


size_t
ngx_sandbox_changes_size(ngx_uint_t n)
{
    return offsetof(ngx_sandbox_changes_t, slots)
           + n * sizeof(ngx_sandbox_change_t);
}


void
ngx_sandbox_changes_init(ngx_sandbox_changes_t *changes, ngx_uint_t n)
{
    ngx_memzero(changes, ngx_sandbox_changes_size(n));

    changes->n = n;
}


/* the ring's generation is the last store: until then nothing has happened */

void
ngx_sandbox_changes_add_locked(ngx_sandbox_changes_t *changes,
    const ngx_str_t *id)
{
    ngx_atomic_uint_t      generation;
    ngx_sandbox_change_t  *slot;

    if (id->len > NGX_SANDBOX_ID_MAX) {
        return;
    }

    generation = changes->generation + 1;
    slot = &changes->slots[generation % changes->n];

    slot->generation = 0;
    ngx_memory_barrier();

    slot->len = id->len;
    ngx_memcpy(slot->id, id->data, id->len);
    ngx_memory_barrier();

    slot->generation = generation;
    ngx_memory_barrier();

    changes->generation = generation;
}


ngx_atomic_uint_t
ngx_sandbox_changes_newest(const ngx_sandbox_changes_t *changes)
{
    return changes->generation;
}


ngx_int_t
ngx_sandbox_changes_read(const ngx_sandbox_changes_t *changes,
    ngx_atomic_uint_t *generation, u_char *buf, ngx_str_t *ret_id)
{
    size_t                       len;
    ngx_atomic_uint_t            newest, wanted;
    const ngx_sandbox_change_t  *slot;

    newest = changes->generation;

    if (newest == *generation) {
        return NGX_DONE;
    }

    if (newest - *generation > changes->n) {
        *generation = newest;
        return NGX_DECLINED;
    }

    wanted = *generation + 1;
    slot = &changes->slots[wanted % changes->n];

    ngx_memory_barrier();

    if (slot->generation == wanted) {
        ngx_memory_barrier();

        len = ngx_min(slot->len, NGX_SANDBOX_ID_MAX);
        ngx_memcpy(buf, slot->id, len);

        ngx_memory_barrier();

        if (slot->generation == wanted) {
            ret_id->data = buf;
            ret_id->len = len;
            *generation = wanted;

            return NGX_OK;
        }
    }

    /* a writer has come all the way round, or died on it */

    *generation = newest;

    return NGX_DECLINED;
}
