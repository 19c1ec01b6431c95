
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _NGX_SANDBOX_PREFER_H_INCLUDED_
#define _NGX_SANDBOX_PREFER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * Looks for "wait" in the value of a field "Prefer" (RFC 7240), a list of
 * preferences.  NGX_OK: ret_seconds is what was asked for, or max where that is
 * less; NGX_DECLINED: it has none; NGX_ABORT: its value is not a number, so it
 * is to be ignored, as are those that follow.
 */
ngx_int_t ngx_sandbox_prefer_wait(const ngx_str_t *value, ngx_uint_t max,
    ngx_uint_t *ret_seconds);


#endif /* _NGX_SANDBOX_PREFER_H_INCLUDED_ */
