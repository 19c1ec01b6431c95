
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Collects all mistakes of one request, so that a client can mend them at once:
 * "timeout: must be an integer from 1 to 3600; foo: unknown field".
 */


#ifndef _NGX_SANDBOX_REPORT_H_INCLUDED_
#define _NGX_SANDBOX_REPORT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_error.h"


#define NGX_SANDBOX_REPORT_MAX       16    /* mistakes told, rest counted */
#define NGX_SANDBOX_REPORT_TEXT_MAX  4096  /* bytes of the detail */
#define NGX_SANDBOX_REPORT_NAME_MAX  64    /* bytes of a name that is quoted */


typedef enum {
    NGX_SANDBOX_MISTAKE_VALUE = 0,     /* 422: of the right type, not allowed */
    NGX_SANDBOX_MISTAKE_STRUCTURE      /* 400: unknown, missing, wrong type */
} ngx_sandbox_mistake_e;


typedef struct {
    ngx_pool_t  *pool;
    ngx_uint_t   mistakes;             /* how many, told or not */
    ngx_uint_t   structural;           /* how many of them are */
    ngx_str_t    detail;               /* empty: no mistake, or no memory */
} ngx_sandbox_report_t;


void ngx_sandbox_report_init(ngx_sandbox_report_t *report, ngx_pool_t *pool);

/*
 * Adds a mistake.  prefix and name make the path of what is wrong
 * ("warm_pool.min"); prefix may be empty.  Both are escaped and cut, any bytes
 * are welcome.  fmt is ngx_sprintf()'s and must not print a client's bytes.
 */
void ngx_cdecl ngx_sandbox_report_mistake(ngx_sandbox_report_t *report,
    ngx_sandbox_mistake_e kind, const ngx_str_t *prefix, const ngx_str_t *name,
    const char *fmt, ...);

/* 0: no mistake; 400: one of them at least is structural; 422: none is. */
ngx_uint_t ngx_sandbox_report_status(const ngx_sandbox_report_t *report);

/* Fills the error to answer with.  Only when there is a mistake. */
void ngx_sandbox_report_error(const ngx_sandbox_report_t *report,
    ngx_sandbox_error_t *ret_error);

/*
 * Writes at most max bytes of text as printable ASCII (others as \xNN), with
 * "..." where it was cut.  At most 4 * max + 3 bytes are written.
 */
u_char *ngx_sandbox_report_escape(u_char *buf, const ngx_str_t *text,
    size_t max);


#endif /* _NGX_SANDBOX_REPORT_H_INCLUDED_ */
