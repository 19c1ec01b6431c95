
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Tables that say what a body or a query may contain.  A table row names a
 * field, its type and bounds, and the member of the caller's struct that takes
 * its value.  Every such struct begins with an ngx_sandbox_fields_t, is zeroed
 * and filled with defaults by the caller, and is meaningless after a mistake.
 *
 *     { ngx_string("timeout"), NGX_SANDBOX_FIELD_INT, 0, 1, 3600,
 *       offsetof(execute_body_t, timeout), NULL, NULL, NULL },
 *
 * Two rows with one offset are two names of one field.
 */


#ifndef _NGX_SANDBOX_VALIDATE_H_INCLUDED_
#define _NGX_SANDBOX_VALIDATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_report.h"


struct json_t;


/*
 * Type: member of the struct; what min and max mean.  Strings hold no NUL, and
 * point into the document (see ngx_sandbox_json_reader.h).
 */
typedef enum {
    NGX_SANDBOX_FIELD_STRING = 0,   /* ngx_str_t; bytes */
    NGX_SANDBOX_FIELD_TEXT,         /* ngx_str_t; bytes, 1 at least */
    NGX_SANDBOX_FIELD_ID,           /* ngx_str_t; none */
    NGX_SANDBOX_FIELD_INT,          /* ngx_int_t; the value */
    NGX_SANDBOX_FIELD_NUMBER,       /* double; thousandths of the value */
    NGX_SANDBOX_FIELD_BOOL,         /* ngx_uint_t; none */
    NGX_SANDBOX_FIELD_ENUM,         /* ngx_uint_t, the index in data, which is
                                       an ngx_str_t[] that ends with an empty
                                       one; none */
    NGX_SANDBOX_FIELD_OBJECT,       /* ngx_str_t, compact JSON; min: levels, 0
                                       for all that a body may have; max: bytes
                                       of the text */
    NGX_SANDBOX_FIELD_MAP,          /* ngx_sandbox_items_t of ngx_keyval_t, an
                                       object of strings; min: keys at most,
                                       max: bytes of keys and values together */
    NGX_SANDBOX_FIELD_LIST,         /* ngx_sandbox_items_t of ngx_str_t, an
                                       array of strings that are not empty; min:
                                       bytes of each at most; max: how many */
    NGX_SANDBOX_FIELD_DEPENDENCIES, /* ngx_sandbox_items_t of
                                       ngx_sandbox_dependency_t; max: how
                                       many */
    NGX_SANDBOX_FIELD_CPU,          /* ngx_uint_t, millicores; the same */
    NGX_SANDBOX_FIELD_SIZE,         /* ngx_uint_t, MiB rounded up; the same */
    NGX_SANDBOX_FIELD_NESTED,       /* a struct of its own; data: its table */
    NGX_SANDBOX_FIELD_PREFIX        /* queries only: ngx_sandbox_items_t of
                                       ngx_keyval_t; the name is what stands
                                       before the key ("metadata."); min: bytes
                                       of a value at most; max: how many */
} ngx_sandbox_field_type_e;


/* flags */

#define NGX_SANDBOX_FIELD_REQUIRED  0x0001
#define NGX_SANDBOX_FIELD_NULLABLE  0x0002   /* null is allowed */
#define NGX_SANDBOX_FIELD_CLAMP     0x0004   /* INT: above max counts as max */
#define NGX_SANDBOX_FIELD_LINE      0x0008   /* STRING, LIST, MAP: no control
                                                characters in a value */
#define NGX_SANDBOX_FIELD_ENV       0x0010   /* MAP: keys are names of
                                                environment variables; else
                                                1 to 64 bytes, values to 256 */
#define NGX_SANDBOX_FIELD_REPEAT    0x0020   /* DEPENDENCIES: a name may be
                                                there twice */


typedef struct ngx_sandbox_field_s  ngx_sandbox_field_t;

/*
 * Looks at a value that passed all other rules: NGX_OK, NGX_DECLINED (a mistake
 * of the value, told with the row's rule), NGX_ERROR (no memory).  value is the
 * member, and may be changed.
 */
typedef ngx_int_t (*ngx_sandbox_field_check_pt)(ngx_pool_t *pool,
    const ngx_sandbox_field_t *field, void *value);

struct ngx_sandbox_field_s {
    ngx_str_t                    name;
    ngx_sandbox_field_type_e     type;
    ngx_uint_t                   flags;
    int64_t                      min;
    int64_t                      max;
    size_t                       offset;
    const void                  *data;
    ngx_sandbox_field_check_pt   check;   /* or NULL */
    char                        *rule;    /* "must be an https URL"; NULL: made
                                             from type and bounds */
};

#define ngx_sandbox_null_field                                                \
    { ngx_null_string, NGX_SANDBOX_FIELD_STRING, 0, 0, 0, 0, NULL, NULL, NULL }


#define NGX_SANDBOX_FIELDS_MAX  64        /* rows of a table */


/* The first member of every struct that a table fills; bit n is row n. */
typedef struct {
    uint64_t     set;                     /* given, and not null */
    uint64_t     null;                    /* given as null */
} ngx_sandbox_fields_t;


typedef struct {
    ngx_str_t    json;                    /* compact JSON text */
    void        *elts;
    ngx_uint_t   nelts;
} ngx_sandbox_items_t;


typedef struct {
    ngx_str_t    name;
    ngx_str_t    version;                 /* without "=="; empty: any */
} ngx_sandbox_dependency_t;


/*
 * NGX_OK:        body is filled
 * NGX_DECLINED:  the report has got mistakes
 * NGX_ERROR:     no memory
 */
ngx_int_t ngx_sandbox_validate(ngx_pool_t *pool, struct json_t *object,
    const ngx_sandbox_field_t *fields, void *body,
    ngx_sandbox_report_t *report);

/* 1: one of the rows with this offset has its bit in the mask. */
ngx_uint_t ngx_sandbox_field_given(const ngx_sandbox_field_t *fields,
    uint64_t mask, size_t offset);

/* "if (ngx_sandbox_is_set(execute_fields, &body, timeout)) {" */

#define ngx_sandbox_is_set(table, body, member)                               \
    ngx_sandbox_field_given(table, (body)->fields.set,                        \
                    (size_t) ((u_char *) &(body)->member - (u_char *) (body)))

#define ngx_sandbox_is_null(table, body, member)                              \
    ngx_sandbox_field_given(table, (body)->fields.null,                       \
                    (size_t) ((u_char *) &(body)->member - (u_char *) (body)))


#endif /* _NGX_SANDBOX_VALIDATE_H_INCLUDED_ */
