
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The shared-memory zone: where the workers of an instance meet.  It is a cache
 * that may be lost at any time; the rows are the truth.
 *
 * Its head says what it is and where its residents are, as offsets from the
 * beginning of the zone.  All of them have fixed-size slots, allocated when it
 * is made.  The only lock is the slab pool's mutex, since nginx takes no other
 * away from a worker that has died; what is done under it is bounded, and
 * neither allocates nor logs nor does I/O.
 *
 * A reload with the same size keeps it, with another size there is a new one,
 * and for a while the old workers use the old one.
 */


#ifndef _NGX_SANDBOX_ZONE_H_INCLUDED_
#define _NGX_SANDBOX_ZONE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_changes.h"


#define NGX_SANDBOX_ZONE_SIZE_MIN  (64 * 1024)
#define NGX_SANDBOX_ZONE_MAGIC     0x6e737a31
#define NGX_SANDBOX_ZONE_LAYOUT    2    /* raised with every change of it */


/* of packages that installers were given */
typedef struct {
    ngx_atomic_t            hits;        /* from the cache */
    ngx_atomic_t            misses;
} ngx_sandbox_package_counts_t;


typedef struct {
    uint32_t                      magic;
    uint32_t                      layout;
    size_t                        size;
    size_t                        changes;     /* offset */
    ngx_sandbox_package_counts_t  packages;
} ngx_sandbox_zone_head_t;


/* the process's view of it; zeroed by whoever owns it */
typedef struct {
    ngx_slab_pool_t        *shpool;
    ngx_sandbox_changes_t  *changes;
} ngx_sandbox_zone_t;


/*
 * nginx's initialization of a zone whose "data" is an ngx_sandbox_zone_t: makes
 * what is in it, or finds it there.  In the master, before workers are forked.
 */
ngx_int_t ngx_sandbox_zone_init(ngx_shm_zone_t *shm_zone, void *data);

/* Counts a package, or a page of an index, that an installer was given. */
void ngx_sandbox_zone_count_package(ngx_sandbox_zone_t *zone, ngx_uint_t hit);
void ngx_sandbox_zone_packages(ngx_sandbox_zone_t *zone, ngx_uint_t *ret_hits,
    ngx_uint_t *ret_misses);

/* Tells all workers that this session or execution has changed. */
void ngx_sandbox_changes_publish(ngx_sandbox_zone_t *zone,
    const ngx_str_t *id);


#endif /* _NGX_SANDBOX_ZONE_H_INCLUDED_ */
