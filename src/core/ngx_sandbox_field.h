
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * What the readers of bodies and of queries share: finding a row, telling a
 * mistake in words, and the types whose values are strings in both.  Only
 * ngx_sandbox_validate.c, ngx_sandbox_query.c and ngx_sandbox_field_json.c use
 * it.
 */


#ifndef _NGX_SANDBOX_FIELD_H_INCLUDED_
#define _NGX_SANDBOX_FIELD_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_validate.h"


/*
 * What a reader of a type returns: NGX_OK, NGX_DECLINED for a value that is not
 * allowed, NGX_SANDBOX_FIELD_TYPE for one of another type, NGX_ERROR for no
 * memory.
 */
#define NGX_SANDBOX_FIELD_TYPE  NGX_ABORT

#define NGX_SANDBOX_MAP_KEY_MAX    64       /* bytes, unless of ENV */
#define NGX_SANDBOX_MAP_VALUE_MAX  256


/* The row of this very name, or NULL; rows of PREFIX are no candidates. */
const ngx_sandbox_field_t *ngx_sandbox_field_find(
    const ngx_sandbox_field_t *fields, const ngx_str_t *name);

/*
 * Notes in mask (one of given's) that a field is there.  NGX_DECLINED: it is
 * there already, under this name or another one; the mistake is told.
 */
ngx_int_t ngx_sandbox_field_mark(ngx_sandbox_report_t *report,
    const ngx_sandbox_field_t *fields, const ngx_sandbox_field_t *field,
    const ngx_str_t *prefix, ngx_sandbox_fields_t *given, uint64_t *mask);

/*
 * Calls the row's check and tells a mistake; rc is what the reader of the type
 * returned.  NGX_OK, though there may be a mistake, or NGX_ERROR.
 */
ngx_int_t ngx_sandbox_field_judge(ngx_pool_t *pool,
    ngx_sandbox_report_t *report, const ngx_sandbox_field_t *field,
    const ngx_str_t *prefix, ngx_int_t rc, void *value);

/* Tells a name that no row has, with the nearest one that a row has. */
void ngx_sandbox_field_unknown(ngx_sandbox_report_t *report,
    const ngx_sandbox_field_t *fields, const ngx_str_t *prefix,
    const ngx_str_t *name, char *what);

/* Tells each required field that is not there. */
void ngx_sandbox_field_missing(ngx_sandbox_report_t *report,
    const ngx_sandbox_field_t *fields, const ngx_str_t *prefix,
    const ngx_sandbox_fields_t *given);

/* STRING, TEXT, ID and ENUM from text that is valid UTF-8 and holds no NUL. */
ngx_int_t ngx_sandbox_field_string(const ngx_sandbox_field_t *field,
    const ngx_str_t *text, void *value);

ngx_int_t ngx_sandbox_field_int(const ngx_sandbox_field_t *field,
    int64_t number, void *value);
ngx_int_t ngx_sandbox_field_number(const ngx_sandbox_field_t *field,
    double number, void *value);

/* 1: no control character. */
ngx_uint_t ngx_sandbox_field_line(const ngx_str_t *text);

/* Any other type from the JSON value of a body. */
ngx_int_t ngx_sandbox_field_json(ngx_pool_t *pool,
    const ngx_sandbox_field_t *field, struct json_t *json, void *value);


#endif /* _NGX_SANDBOX_FIELD_H_INCLUDED_ */
