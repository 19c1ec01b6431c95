
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _NGX_SANDBOX_UTF8_H_INCLUDED_
#define _NGX_SANDBOX_UTF8_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * Length of the well-formed sequence at p (p < last), 1 to 4, as Unicode's
 * table 3-7 has it: no surrogates, no overlong forms.  0: not well-formed.
 */
size_t ngx_sandbox_utf8_length(const u_char *p, const u_char *last);

/* 1: all of the text is well-formed.  An empty text is.  NUL is allowed. */
ngx_uint_t ngx_sandbox_utf8_valid(const ngx_str_t *text);


#endif /* _NGX_SANDBOX_UTF8_H_INCLUDED_ */
