
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * What the Docker Engine is told and what it answers, as bytes: pure functions
 * that neither call nor log.  What they return lives in the pool.
 *
 * Common results of decoding: NGX_OK; NGX_DECLINED: this is not what the engine
 * answers, the output is not to be used; NGX_ERROR: no memory.
 */


#ifndef _NGX_SANDBOX_DOCKER_JSON_H_INCLUDED_
#define _NGX_SANDBOX_DOCKER_JSON_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_runtime.h"


#define NGX_SANDBOX_DOCKER_MESSAGE_MAX  512                /* bytes */
#define NGX_SANDBOX_DOCKER_LOGS_MAX     (1024 * 1024)      /* bytes */


/* 1: fit to be part of a path of the API as they are */
ngx_uint_t ngx_sandbox_docker_is_name(ngx_str_t *name);
ngx_uint_t ngx_sandbox_docker_is_image(ngx_str_t *image);

/*
 * The body that creates a container.  An empty profile of system calls: the
 * engine's.  NGX_DECLINED: a limit is 0, which the engine would take for
 * "none"; NGX_ERROR: no memory.
 */
ngx_int_t ngx_sandbox_docker_encode_create(ngx_pool_t *pool,
    ngx_sandbox_container_spec_t *spec, ngx_str_t *hosts_file,
    ngx_str_t *seccomp, ngx_str_t *ret_body);

/*
 * A profile of system calls, as a file has it.  NGX_DECLINED: it is none, or
 * none that refuses by default, ret_reason says why.
 */
ngx_int_t ngx_sandbox_docker_read_profile(ngx_pool_t *pool, ngx_str_t *text,
    ngx_str_t *ret_profile, ngx_str_t *ret_reason);

/* The value of the parameter "filters" of a list, escaped for an URI. */
ngx_int_t ngx_sandbox_docker_encode_filters(ngx_pool_t *pool,
    ngx_sandbox_instance_t *instance, ngx_str_t *ret_filters);

/* The runtime_id of a container that was created. */
ngx_int_t ngx_sandbox_docker_decode_created(ngx_pool_t *pool, ngx_str_t *body,
    ngx_str_t *ret_id);

ngx_int_t ngx_sandbox_docker_decode_inspect(ngx_pool_t *pool, ngx_str_t *body,
    ngx_sandbox_container_state_t *ret_state);

/*
 * An array of ngx_sandbox_container_state_t.  One container that cannot be read
 * spoils the list: from a partial one its reader would conclude that the
 * others are gone.
 */
ngx_int_t ngx_sandbox_docker_decode_list(ngx_pool_t *pool, ngx_str_t *body,
    ngx_array_t **ret_list);

/* What the engine says of an error, made fit to be shown. */
ngx_int_t ngx_sandbox_docker_decode_message(ngx_pool_t *pool, ngx_str_t *body,
    ngx_str_t *ret_message);

/* How many volumes the image would make on the host's disk. */
ngx_int_t ngx_sandbox_docker_decode_image(ngx_pool_t *pool, ngx_str_t *body,
    ngx_uint_t *ret_volumes);

/*
 * The multiplexed stream of logs, of which the last frame may be cut short, as
 * text: the last max bytes of it.
 */
ngx_int_t ngx_sandbox_docker_decode_logs(ngx_pool_t *pool, ngx_str_t *stream,
    size_t max, ngx_str_t *ret_text);

/*
 * Valid UTF-8 of at most max bytes without control characters.  One line, cut
 * at its end; or lines, which keep their newlines and tabs, cut at the start.
 */
ngx_int_t ngx_sandbox_docker_text(ngx_pool_t *pool, ngx_str_t *bytes,
    size_t max, ngx_uint_t lines, ngx_str_t *ret_text);

/* RFC 3339 as a unix time; 0: not one, or before 1970. */
time_t ngx_sandbox_docker_time(ngx_str_t *text);


#endif /* _NGX_SANDBOX_DOCKER_JSON_H_INCLUDED_ */
