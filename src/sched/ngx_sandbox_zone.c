
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The zone: made once in the master, and found again by the configurations that
 * follow.  It is never written to while it is only being found, since old
 * workers use it at that moment.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_zone.h"


/* the part of it that is the ring */
#define NGX_SANDBOX_ZONE_CHANGES  4


static ngx_int_t ngx_sandbox_zone_make(ngx_sandbox_zone_t *zone, size_t size);
static ngx_int_t ngx_sandbox_zone_find(ngx_sandbox_zone_t *zone, size_t size);


ngx_int_t
ngx_sandbox_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_int_t            rc;
    ngx_sandbox_zone_t  *zone;

    zone = shm_zone->data;
    zone->shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    rc = data || shm_zone->shm.exists
         ? ngx_sandbox_zone_find(zone, shm_zone->shm.size)
         : ngx_sandbox_zone_make(zone, shm_zone->shm.size);

    if (rc == NGX_DECLINED) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "sandbox: the zone was made by another version of the "
                      "module: nginx must be restarted, or \"sandbox_zone\" "
                      "be given another size");
    }

    return rc == NGX_OK ? NGX_OK : NGX_ERROR;
}


void
ngx_sandbox_changes_publish(ngx_sandbox_zone_t *zone, const ngx_str_t *id)
{
    ngx_shmtx_lock(&zone->shpool->mutex);

    ngx_sandbox_changes_add_locked(zone->changes, id);

    ngx_shmtx_unlock(&zone->shpool->mutex);
}


/* without the lock: nothing else depends on them */

void
ngx_sandbox_zone_count_package(ngx_sandbox_zone_t *zone, ngx_uint_t hit)
{
    ngx_sandbox_zone_head_t  *head;

    head = zone->shpool->data;

    (void) ngx_atomic_fetch_add(hit ? &head->packages.hits
                                    : &head->packages.misses, 1);
}


void
ngx_sandbox_zone_packages(ngx_sandbox_zone_t *zone, ngx_uint_t *ret_hits,
    ngx_uint_t *ret_misses)
{
    ngx_sandbox_zone_head_t  *head;

    head = zone->shpool->data;

    *ret_hits = head->packages.hits;
    *ret_misses = head->packages.misses;
}


/* no worker has it yet: no lock is needed */

static ngx_int_t
ngx_sandbox_zone_make(ngx_sandbox_zone_t *zone, size_t size)
{
    ngx_uint_t                n;
    ngx_sandbox_zone_head_t  *head;

    static u_char  log_ctx[] = " in the zone of sandbox_zone";

    /* in the zone as well: the module may be loaded elsewhere after a reload */

    zone->shpool->log_ctx = ngx_slab_alloc(zone->shpool, sizeof(log_ctx));
    if (zone->shpool->log_ctx == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(zone->shpool->log_ctx, log_ctx, sizeof(log_ctx));

    n = ngx_sandbox_changes_fit(size / NGX_SANDBOX_ZONE_CHANGES);

    head = ngx_slab_calloc(zone->shpool, sizeof(ngx_sandbox_zone_head_t));
    zone->changes = ngx_slab_alloc(zone->shpool, ngx_sandbox_changes_size(n));

    if (n == 0 || head == NULL || zone->changes == NULL) {
        return NGX_ERROR;
    }

    ngx_sandbox_changes_init(zone->changes, n);

    head->magic = NGX_SANDBOX_ZONE_MAGIC;
    head->layout = NGX_SANDBOX_ZONE_LAYOUT;
    head->size = size;
    head->changes = (u_char *) zone->changes - (u_char *) zone->shpool;

    zone->shpool->data = head;

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_zone_find(ngx_sandbox_zone_t *zone, size_t size)
{
    ngx_sandbox_zone_head_t  *head;

    head = zone->shpool->data;

    if (head == NULL
        || head->magic != NGX_SANDBOX_ZONE_MAGIC
        || head->layout != NGX_SANDBOX_ZONE_LAYOUT
        || head->size != size)
    {
        return NGX_DECLINED;
    }

    zone->changes = (ngx_sandbox_changes_t *) ((u_char *) zone->shpool
                                               + head->changes);

    return NGX_OK;
}
