
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_QUERY_H_INCLUDED_
#define _SANDBOX_QUERY_H_INCLUDED_


#include <stdint.h>


#define SANDBOX_QUERY_MAX  4


/* value: what it is if it is left out; the last one has no name */
typedef struct {
    const char  *name;
    uint64_t     value;
} sandbox_query_t;


/*
 * The numbers of a query string, "after=7&attempt=2": each at most once, in any
 * order, and nothing else.  1, and the values; 0: it is none, and the values
 * are not to be used.  A number that is too large for one is as good as the
 * largest.  Up to SANDBOX_QUERY_MAX names.
 */
int sandbox_query_parse(const char *query, sandbox_query_t *fields);


#endif /* _SANDBOX_QUERY_H_INCLUDED_ */
