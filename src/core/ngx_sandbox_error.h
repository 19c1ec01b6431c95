
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The error table of the HTTP contract: one row for each kind of failure that
 * a client can meet.
 */


#ifndef _NGX_SANDBOX_ERROR_H_INCLUDED_
#define _NGX_SANDBOX_ERROR_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


typedef enum {
    NGX_SANDBOX_NO_ERROR = 0,

    NGX_SANDBOX_INVALID_PARAMETER,
    NGX_SANDBOX_UNAUTHORIZED,
    NGX_SANDBOX_FORBIDDEN,

    NGX_SANDBOX_SESSION_NOT_FOUND,
    NGX_SANDBOX_EXECUTION_NOT_FOUND,
    NGX_SANDBOX_TEMPLATE_NOT_FOUND,
    NGX_SANDBOX_FILE_NOT_FOUND,
    NGX_SANDBOX_CONTAINER_NOT_FOUND,
    NGX_SANDBOX_NODE_NOT_FOUND,
    NGX_SANDBOX_ROUTE_NOT_FOUND,

    NGX_SANDBOX_METHOD_NOT_ALLOWED,
    NGX_SANDBOX_NOT_ACCEPTABLE,
    NGX_SANDBOX_REQUEST_TIMEOUT,
    NGX_SANDBOX_LENGTH_REQUIRED,
    NGX_SANDBOX_PAYLOAD_TOO_LARGE,
    NGX_SANDBOX_URI_TOO_LONG,
    NGX_SANDBOX_UNSUPPORTED_MEDIA_TYPE,
    NGX_SANDBOX_RANGE_NOT_SATISFIABLE,
    NGX_SANDBOX_HEADERS_TOO_LARGE,

    NGX_SANDBOX_CONFLICT,
    NGX_SANDBOX_TEMPLATE_IN_USE,
    NGX_SANDBOX_SESSION_NOT_RUNNING,
    NGX_SANDBOX_IDEMPOTENCY_MISMATCH,

    NGX_SANDBOX_TOO_MANY_REQUESTS,
    NGX_SANDBOX_QUOTA_EXCEEDED,
    NGX_SANDBOX_CAPACITY_EXHAUSTED,

    NGX_SANDBOX_EXEC_TIMEOUT,
    NGX_SANDBOX_DATABASE_UNAVAILABLE,
    NGX_SANDBOX_STORAGE_UNAVAILABLE,
    NGX_SANDBOX_RUNTIME_UNAVAILABLE,
    NGX_SANDBOX_INTERNAL_ERROR,

    NGX_SANDBOX_INTERNAL_UNAUTHORIZED,
    NGX_SANDBOX_INTERNAL_INVALID_EXECUTION,
    NGX_SANDBOX_INTERNAL_STATE_CONFLICT,

    NGX_SANDBOX_ERRORS                  /* how many there are, not an error */
} ngx_sandbox_error_e;


/* A failure on its way to the client. */
typedef struct {
    ngx_sandbox_error_e  id;
    ngx_uint_t           status;        /* 0: the table's */
    ngx_str_t            detail;        /* for the client, may be empty */
    ngx_str_t            solution;      /* empty: the table's */
} ngx_sandbox_error_t;


typedef struct {
    ngx_str_t            code;          /* "Sandbox.SessionNotFound" */
    ngx_uint_t           status;
    ngx_str_t            description;
    ngx_str_t            solution;
    time_t               retry_after;   /* seconds, 0: no Retry-After */
} ngx_sandbox_error_row_t;


/* Never NULL: the row of NGX_SANDBOX_INTERNAL_ERROR for an id out of range. */
const ngx_sandbox_error_row_t *ngx_sandbox_error_row(ngx_sandbox_error_e id);

/*
 * Which error stands for a status that nginx itself answers with (an error
 * page, a refused request).  The row's status is the one to answer with: for
 * example 494 becomes 431, and 502 becomes 503.  NGX_SANDBOX_NO_ERROR below
 * 400; INVALID_PARAMETER for an unknown 4xx, INTERNAL_ERROR for an unknown 5xx.
 */
ngx_sandbox_error_e ngx_sandbox_error_from_status(ngx_uint_t http_status);


#endif /* _NGX_SANDBOX_ERROR_H_INCLUDED_ */
