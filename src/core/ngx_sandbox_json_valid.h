
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Says whether a text is JSON as RFC 8259 has it, in one pass, without
 * recursion and without memory of its own.
 */


#ifndef _NGX_SANDBOX_JSON_VALID_H_INCLUDED_
#define _NGX_SANDBOX_JSON_VALID_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


typedef struct {
    size_t       offset;       /* of the byte that is wrong */
    ngx_uint_t   line;         /* from 1 */
    ngx_uint_t   column;       /* from 1, in bytes */
    char        *reason;       /* static text */
} ngx_sandbox_json_fault_t;


/*
 * 1: one valid JSON value and white space around it, at most max_depth arrays
 * and objects inside each other (64 at most, a scalar has depth 0), strings of
 * valid UTF-8, escaped surrogates in pairs only.  Numbers of any size.
 */
ngx_uint_t ngx_sandbox_json_valid(const ngx_str_t *text, ngx_uint_t max_depth);

/*
 * The same, saying what is wrong: NGX_OK or NGX_DECLINED.  It is stricter by
 * one rule: no \u0000, since a NUL cuts strings short in C and in SQL.
 */
ngx_int_t ngx_sandbox_json_check(const ngx_str_t *text, ngx_uint_t max_depth,
    ngx_sandbox_json_fault_t *ret_fault);

/* 1: all of the text is one JSON number. */
ngx_uint_t ngx_sandbox_json_number_valid(const ngx_str_t *text);

/*
 * The end of the bytes from p on that stand for themselves in a JSON string:
 * ASCII but for control characters, the quote and the backslash.
 */
const u_char *ngx_sandbox_json_plain(const u_char *p, const u_char *last);


#endif /* _NGX_SANDBOX_JSON_VALID_H_INCLUDED_ */
