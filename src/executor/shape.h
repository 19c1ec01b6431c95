
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_SHAPE_H_INCLUDED_
#define _SANDBOX_SHAPE_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>


#define SANDBOX_SHAPE_MAX  (256 * 1024)     /* bytes */


/*
 * Where the records of an execution's output begin and end, as text: the
 * fourth section of a result.  All zero at its start.
 */
typedef struct {
    char      *data;
    size_t     len;
    size_t     size;            /* allocated */
    char       type;            /* of records not yet in data; 0: none */
    uint64_t   bytes;
    uint64_t   count;
    uint64_t   rest;            /* records that had no room */
    unsigned   full:1;
    unsigned   failed:1;        /* no memory: there is no shape */
} sandbox_shape_t;


/* "kept": all of it is in the stored output */
void sandbox_shape_add(sandbox_shape_t *s, unsigned stream, size_t bytes,
    int kept);

/* then data[0 .. len) is complete */
void sandbox_shape_finish(sandbox_shape_t *s);

void sandbox_shape_free(sandbox_shape_t *s);


#endif /* _SANDBOX_SHAPE_H_INCLUDED_ */
