
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Reads JSON with jansson.  jansson sees a text only after the checker of
 * ngx_sandbox_json_valid.c has accepted it, so it never recurses deeply and
 * never fails on syntax: what is left to it are duplicate keys and numbers that
 * do not fit.  Documents belong to the caller's pool.  Reasons are our own
 * words, since jansson's quote the client's bytes.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <jansson.h>
#include "ngx_sandbox.h"
#include "ngx_sandbox_json_valid.h"
#include "ngx_sandbox_json_reader.h"


#define NGX_SANDBOX_JSON_DUMP_SIZE  256


static ngx_int_t ngx_sandbox_json_refuse(ngx_pool_t *pool, ngx_uint_t line,
    ngx_uint_t column, char *reason, ngx_str_t *ret_reason);
static ngx_int_t ngx_sandbox_json_load(ngx_pool_t *pool, const ngx_str_t *text,
    json_t **ret, ngx_str_t *ret_reason);
static void ngx_sandbox_json_cleanup(void *data);
static void ngx_sandbox_json_value_object(ngx_sandbox_json_t *json,
    json_t *object);
static void ngx_sandbox_json_value_array(ngx_sandbox_json_t *json,
    json_t *array);


ngx_int_t
ngx_sandbox_json_parse(ngx_pool_t *pool, const ngx_str_t *text,
    struct json_t **ret, ngx_str_t *ret_reason)
{
    size_t                     i;
    ngx_sandbox_json_fault_t   fault;

    if (ngx_sandbox_json_check(text, NGX_SANDBOX_JSON_MAX_DEPTH, &fault)
        != NGX_OK)
    {
        return ngx_sandbox_json_refuse(pool, fault.line, fault.column,
                                       fault.reason, ret_reason);
    }

    /* a valid text has something behind its white space */

    for (i = 0; text->data[i] <= ' '; i++) { /* void */ }

    if (text->data[i] != '{') {
        return ngx_sandbox_json_refuse(pool, 1, 1,
                                       "the document must be an object",
                                       ret_reason);
    }

    return ngx_sandbox_json_load(pool, text, ret, ret_reason);
}


ngx_int_t
ngx_sandbox_json_dump(ngx_pool_t *pool, struct json_t *value,
    ngx_str_t *ret_text)
{
    ngx_sandbox_json_t  json;

    ngx_sandbox_json_init(&json, pool, NGX_SANDBOX_JSON_DUMP_SIZE);
    ngx_sandbox_json_value(&json, value);

    return ngx_sandbox_json_finish(&json, ret_text);
}


/* the writer stops at NGX_SANDBOX_JSON_MAX_DEPTH, and so does this recursion */

void
ngx_sandbox_json_value(ngx_sandbox_json_t *json, struct json_t *value)
{
    switch (json_typeof(value)) {

    case JSON_OBJECT:
        ngx_sandbox_json_value_object(json, value);
        break;

    case JSON_ARRAY:
        ngx_sandbox_json_value_array(json, value);
        break;

    case JSON_STRING:
        ngx_sandbox_json_string_bytes(json,
                                      (u_char *) json_string_value(value),
                                      json_string_length(value));
        break;

    case JSON_INTEGER:
        ngx_sandbox_json_int(json, json_integer_value(value));
        break;

    case JSON_REAL:
        ngx_sandbox_json_real(json, json_real_value(value));
        break;

    case JSON_TRUE:
        ngx_sandbox_json_bool(json, 1);
        break;

    case JSON_FALSE:
        ngx_sandbox_json_bool(json, 0);
        break;

    default: /* JSON_NULL */
        ngx_sandbox_json_null(json);
    }
}


static ngx_int_t
ngx_sandbox_json_refuse(ngx_pool_t *pool, ngx_uint_t line, ngx_uint_t column,
    char *reason, ngx_str_t *ret_reason)
{
    u_char  *data, *p;
    size_t   len;

    len = sizeof("line  column : ") - 1 + 2 * NGX_INT_T_LEN
          + ngx_strlen(reason);

    data = ngx_pnalloc(pool, len);
    if (data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(data, "line %ui column %ui: %s", line, column, reason);

    ret_reason->len = p - data;
    ret_reason->data = data;

    return NGX_DECLINED;
}


static ngx_int_t
ngx_sandbox_json_load(ngx_pool_t *pool, const ngx_str_t *text, json_t **ret,
    ngx_str_t *ret_reason)
{
    char                *reason;
    json_t              *object;
    json_error_t         error;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    object = json_loadb((char *) text->data, text->len,
                        JSON_REJECT_DUPLICATES, &error);

    if (object) {
        cln->handler = ngx_sandbox_json_cleanup;
        cln->data = object;

        *ret = object;

        return NGX_OK;
    }

    switch (json_error_code(&error)) {

    case json_error_out_of_memory:
        return NGX_ERROR;

    case json_error_duplicate_key:
        reason = "a key is given twice";
        break;

    case json_error_numeric_overflow:
        reason = "a number is too large";
        break;

    default:
        reason = "the document cannot be read";
    }

    return ngx_sandbox_json_refuse(pool, ngx_max(error.line, 1),
                                   ngx_max(error.column, 1), reason,
                                   ret_reason);
}


static void
ngx_sandbox_json_cleanup(void *data)
{
    json_t  *object = data;

    json_decref(object);
}


static void
ngx_sandbox_json_value_object(ngx_sandbox_json_t *json, json_t *object)
{
    void  *iter;

    ngx_sandbox_json_object_start(json);

    for (iter = json_object_iter(object);
         iter && !json->failed;
         iter = json_object_iter_next(object, iter))
    {
        ngx_sandbox_json_key_bytes(json,
                                   (u_char *) json_object_iter_key(iter),
                                   json_object_iter_key_len(iter));
        ngx_sandbox_json_value(json, json_object_iter_value(iter));
    }

    ngx_sandbox_json_object_end(json);
}


static void
ngx_sandbox_json_value_array(ngx_sandbox_json_t *json, json_t *array)
{
    size_t  i;

    ngx_sandbox_json_array_start(json);

    for (i = 0; i < json_array_size(array) && !json->failed; i++) {
        ngx_sandbox_json_value(json, json_array_get(array, i));
    }

    ngx_sandbox_json_array_end(json);
}
