
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Plays the input as calls of the JSON writer.  Whatever the calls are, what
 * finish() returns is JSON, for our own checker and for jansson.
 */


#include "ngx_sandbox_fuzz.h"
#include <jansson.h>
#include "ngx_sandbox.h"
#include "ngx_sandbox_json_writer.h"


static void
fuzz_call(ngx_sandbox_json_t *json, u_char call, const ngx_str_t *value)
{
    double     real;
    int64_t    number;
    ngx_str_t  raw = ngx_string("{\"raw\":[0]}");
    ngx_str_t  flat = ngx_string("\"raw\"");

    number = 0;
    ngx_memcpy(&number, value->data, ngx_min(value->len, sizeof(number)));
    ngx_memcpy(&real, &number, sizeof(real));

    switch (call % 13) {

    case 0:
        ngx_sandbox_json_object_start(json);
        break;

    case 1:
        ngx_sandbox_json_object_end(json);
        break;

    case 2:
        ngx_sandbox_json_array_start(json);
        break;

    case 3:
        ngx_sandbox_json_array_end(json);
        break;

    case 4:
    case 5:
        ngx_sandbox_json_key(json, value);
        break;

    case 6:
        ngx_sandbox_json_number(json, value);
        break;

    case 7:
        ngx_sandbox_json_int(json, number);
        break;

    case 8:
        ngx_sandbox_json_real(json, real);
        break;

    case 9:
        ngx_sandbox_json_bool(json, value->len & 1);
        break;

    case 10:
        ngx_sandbox_json_time(json, value);
        break;

    case 11:

        /* the writer bounds its own levels, not those of a raw text */

        if (json->depth > NGX_SANDBOX_JSON_MAX_DEPTH - 2) {
            raw = flat;
        }

        ngx_sandbox_json_raw(json, value->len ? &raw : value);
        break;

    default:
        ngx_sandbox_json_string(json, value);
    }
}


/* a byte for the call, one for the length of its value, and the value */

static void
fuzz_one(ngx_pool_t *pool, const ngx_str_t *text)
{
    json_t              *doc;
    u_char              *p, *last, call;
    ngx_str_t            value, ret;
    json_error_t         error;
    ngx_sandbox_json_t   json;

    p = text->data;
    last = p + text->len;

    if (text->len == 0) {
        return;
    }

    /* with small limits too, and then one that does not matter */

    ngx_sandbox_json_init(&json, pool, *p);
    json.max = (*p & 1) ? (size_t) *p * 4 : NGX_SANDBOX_JSON_TEXT_MAX;
    p++;

    while (last - p >= 2) {
        call = *p++;
        value.len = *p++ & 0x3f;
        value.len = ngx_min(value.len, (size_t) (last - p));
        value.data = p;
        p += value.len;

        fuzz_call(&json, call, &value);

        fuzz_bug((size_t) (json.pos - json.start) > json.max);
    }

    while (json.depth && !json.failed) {
        if ((json.objects >> (json.depth - 1)) & 1) {
            ngx_sandbox_json_object_end(&json);

        } else {
            ngx_sandbox_json_array_end(&json);
        }
    }

    if (ngx_sandbox_json_finish(&json, &ret) != NGX_OK) {
        return;
    }

    fuzz_bug(ret.len > json.max);
    fuzz_bug(!ngx_sandbox_json_valid(&ret, NGX_SANDBOX_JSON_MAX_DEPTH));

    doc = json_loadb((char *) ret.data, ret.len,
                     JSON_DECODE_ANY|JSON_ALLOW_NUL, &error);

    fuzz_bug(doc == NULL
             && json_error_code(&error) != json_error_numeric_overflow
             && json_error_code(&error) != json_error_null_byte_in_key);

    json_decref(doc);
}
