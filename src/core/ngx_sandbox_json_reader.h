
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Reads the JSON of a client's body.  The document belongs to the pool it was
 * read for, and so do the strings that ngx_sandbox_validate() takes from it.
 */


#ifndef _NGX_SANDBOX_JSON_READER_H_INCLUDED_
#define _NGX_SANDBOX_JSON_READER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_json_writer.h"


struct json_t;


/*
 * NGX_OK:        *ret is an object; it is freed with the pool, not before
 * NGX_DECLINED:  refused, ret_reason is for the client ("line 1 column 5: ...")
 * NGX_ERROR:     no memory
 *
 * Refused are: anything but an object, duplicate keys, more than
 * NGX_SANDBOX_JSON_MAX_DEPTH levels, NUL, lone surrogates, invalid UTF-8, and
 * numbers that fit neither 64 bits nor a double.
 */
ngx_int_t ngx_sandbox_json_parse(ngx_pool_t *pool, const ngx_str_t *text,
    struct json_t **ret, ngx_str_t *ret_reason);

/*
 * A value as compact JSON text in the pool.  Numbers read back as the same
 * number.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_sandbox_json_dump(ngx_pool_t *pool, struct json_t *value,
    ngx_str_t *ret_text);

/* The same, as the next value of a document that is being written. */
void ngx_sandbox_json_value(ngx_sandbox_json_t *json, struct json_t *value);


#endif /* _NGX_SANDBOX_JSON_READER_H_INCLUDED_ */
