
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * What every part of the system shares: the version, the limits of the HTTP
 * contract, and nothing else.  This header pulls in nginx's core only, so that
 * src/core stays pure C which the unit tests run without a server.
 */


#ifndef _NGX_SANDBOX_H_INCLUDED_
#define _NGX_SANDBOX_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_SANDBOX_VERSION           "0.1.0"

/* the newest file in conf/schema; the module refuses to work with another */
#define NGX_SANDBOX_SCHEMA_VERSION    6

#define NGX_SANDBOX_ID_MAX            64         /* client's ids, bytes */
#define NGX_SANDBOX_CONTAINER_ID_MAX  96

#define NGX_SANDBOX_CODE_MAX          (100 * 1024)    /* bytes */
#define NGX_SANDBOX_EVENT_MAX         (1024 * 1024)   /* bytes, as JSON */
#define NGX_SANDBOX_STDIN_MAX         (1024 * 1024)   /* bytes */
#define NGX_SANDBOX_OUTPUT_MAX        (1024 * 1024)   /* a stream, bytes */
#define NGX_SANDBOX_RETURN_MAX        (1024 * 1024)   /* bytes, as JSON */
#define NGX_SANDBOX_ERROR_MAX         4096            /* error_message, bytes */
#define NGX_SANDBOX_EVENTS_MAX        (256 * 1024)    /* as text, bytes */
#define NGX_SANDBOX_RESULT_HEAD_MAX   16384           /* bytes */
#define NGX_SANDBOX_ATTEMPT_MAX       1000

#define NGX_SANDBOX_ENV_MAX_KEYS      64
#define NGX_SANDBOX_ENV_MAX_BYTES     10240

#define NGX_SANDBOX_TIMEOUT_MAX       3600            /* seconds */

#define NGX_SANDBOX_DEPENDENCIES_MAX  100             /* of a request */
#define NGX_SANDBOX_INSTALLED_MAX     1000            /* that are told */
#define NGX_SANDBOX_INSTALL_MIN       30              /* seconds */
#define NGX_SANDBOX_INSTALL_MAX       1800
#define NGX_SANDBOX_INSTALL_DEFAULT   300

/* from the end of an install's time to where its report is not awaited */
#define NGX_SANDBOX_INSTALL_GRACE     30              /* seconds */
#define NGX_SANDBOX_RETRIES_MAX       10
#define NGX_SANDBOX_JSON_MAX_DEPTH    64


#endif /* _NGX_SANDBOX_H_INCLUDED_ */
