
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Writes one JSON document into one growing buffer of a pool.
 *
 * No call needs its result checked: a failure (no memory, the limit, more than
 * NGX_SANDBOX_JSON_MAX_DEPTH levels, a value without a key, a second document)
 * sticks, later calls do nothing, and ngx_sandbox_json_finish() tells.  Commas
 * are the writer's business.  What finish() returns is always valid JSON,
 * provided that the text given to ngx_sandbox_json_raw() is.
 */


#ifndef _NGX_SANDBOX_JSON_WRITER_H_INCLUDED_
#define _NGX_SANDBOX_JSON_WRITER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_json_valid.h"


/* bytes; a document may be given another limit in its field max after init */
#define NGX_SANDBOX_JSON_TEXT_MAX  (16 * 1024 * 1024)


typedef struct {
    ngx_pool_t  *pool;
    u_char      *start;
    u_char      *pos;
    u_char      *end;
    size_t       size;         /* bytes, of the first buffer */
    size_t       max;          /* bytes, of the whole text */

    uint64_t     objects;      /* bit n: level n + 1 is an object */
    ngx_uint_t   depth;

    unsigned     comma:1;      /* something stands before in this level */
    unsigned     keyed:1;      /* a key waits for its value */
    unsigned     failed:1;
} ngx_sandbox_json_t;


/* size: the expected length of the text; the buffer is made on first use. */
void ngx_sandbox_json_init(ngx_sandbox_json_t *json, ngx_pool_t *pool,
    size_t size);

void ngx_sandbox_json_object_start(ngx_sandbox_json_t *json);
void ngx_sandbox_json_object_end(ngx_sandbox_json_t *json);
void ngx_sandbox_json_array_start(ngx_sandbox_json_t *json);
void ngx_sandbox_json_array_end(ngx_sandbox_json_t *json);

/* Any bytes: a key is escaped as a string is. */
void ngx_sandbox_json_key(ngx_sandbox_json_t *json, const ngx_str_t *name);
void ngx_sandbox_json_key_bytes(ngx_sandbox_json_t *json, const u_char *name,
    size_t len);

#define ngx_sandbox_json_literal_key(json, text)                              \
    ngx_sandbox_json_key_bytes(json, (const u_char *) text, sizeof(text) - 1)

/* Any bytes; what is not UTF-8 becomes U+FFFD.  An empty one is "". */
void ngx_sandbox_json_string(ngx_sandbox_json_t *json, const ngx_str_t *value);
void ngx_sandbox_json_string_bytes(ngx_sandbox_json_t *json,
    const u_char *value, size_t len);

#define ngx_sandbox_json_literal(json, text)                                  \
    ngx_sandbox_json_string_bytes(json, (const u_char *) text,                \
                                  sizeof(text) - 1)

/* Digits as a database sends them; null if they are no JSON number. */
void ngx_sandbox_json_number(ngx_sandbox_json_t *json, const ngx_str_t *digits);

void ngx_sandbox_json_int(ngx_sandbox_json_t *json, int64_t value);

/*
 * The shortest digits that read back as the same number, with a point or an
 * exponent; null for infinity and NaN.
 */
void ngx_sandbox_json_real(ngx_sandbox_json_t *json, double value);

void ngx_sandbox_json_bool(ngx_sandbox_json_t *json, ngx_uint_t value);
void ngx_sandbox_json_null(ngx_sandbox_json_t *json);

/*
 * MariaDB's "YYYY-MM-DD HH:MM:SS[.fraction]" in UTC as
 * "YYYY-MM-DDTHH:MM:SS.mmmZ"; null if it is not of this form.
 */
void ngx_sandbox_json_time(ngx_sandbox_json_t *json, const ngx_str_t *text);

/* Trusted JSON text of one value, for example of a JSON column; empty: null. */
void ngx_sandbox_json_raw(ngx_sandbox_json_t *json, const ngx_str_t *text);

/*
 * NGX_OK: ret_text is the document, in the pool.  NGX_ERROR: the writer failed,
 * or something is still open or absent; ret_text is untouched.
 */
ngx_int_t ngx_sandbox_json_finish(ngx_sandbox_json_t *json,
    ngx_str_t *ret_text);


#endif /* _NGX_SANDBOX_JSON_WRITER_H_INCLUDED_ */
