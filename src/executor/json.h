
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_JSON_H_INCLUDED_
#define _SANDBOX_JSON_H_INCLUDED_


#include <stddef.h>


#define SANDBOX_JSON_DEPTH_MAX  64


typedef struct {
    const char  *p;
    const char  *end;
} sandbox_json_object_t;


/*
 * Checks that [p, end) is one JSON value (RFC 8259, UTF-8, no lone
 * surrogate, at most SANDBOX_JSON_DEPTH_MAX containers deep), white space
 * around it allowed.  NULL: it is; else a static text that says why not.
 * Nothing is allocated or changed, so numbers keep every digit.
 */
const char *sandbox_json_check(const char *p, const char *end);

/*
 * Walks the members of an object that sandbox_json_check() accepted;
 * _open() returns 0 if the value is no object, _next() 0 behind the last
 * member.  The name is given with its quotes.
 */
int sandbox_json_object_open(sandbox_json_object_t *o, const char *p,
    const char *end);
int sandbox_json_object_next(sandbox_json_object_t *o, const char **ret_name,
    size_t *ret_name_len, const char **ret_value, size_t *ret_value_len);


#endif /* _SANDBOX_JSON_H_INCLUDED_ */
