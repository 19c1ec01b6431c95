
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Takes the input as JSON.  Our checker and jansson must be of one mind about
 * it, apart from what either of them bounds; a document that was parsed and
 * dumped must stay what it is when that is done again.
 */


#include "ngx_sandbox_fuzz.h"
#include <jansson.h>
#include "ngx_sandbox.h"
#include "ngx_sandbox_utf8.h"
#include "ngx_sandbox_json_reader.h"


static void
fuzz_compare(const ngx_str_t *text)
{
    json_t                    *doc;
    ngx_uint_t                 valid;
    json_error_t               error;
    ngx_sandbox_json_fault_t   fault;

    valid = ngx_sandbox_json_valid(text, NGX_SANDBOX_JSON_MAX_DEPTH);

    doc = json_loadb((char *) text->data, text->len,
                     JSON_DECODE_ANY|JSON_ALLOW_NUL, &error);

    if (valid) {
        fuzz_bug(doc == NULL
                 && json_error_code(&error) != json_error_numeric_overflow
                 && json_error_code(&error) != json_error_null_byte_in_key);
        fuzz_bug(!ngx_sandbox_utf8_valid(text));

    } else if (doc && memchr(text->data, '\0', text->len) == NULL) {

        /* jansson skips bytes that are NUL, and allows more levels */

        fuzz_bug(ngx_sandbox_json_check(text, NGX_SANDBOX_JSON_MAX_DEPTH,
                                        &fault)
                 != NGX_DECLINED);
        fuzz_bug(ngx_strstr(fault.reason, "nested") == NULL);
    }

    json_decref(doc);
}


static void
fuzz_one(ngx_pool_t *pool, const ngx_str_t *text)
{
    ngx_int_t       rc;
    ngx_str_t       reason, first, second;
    struct json_t  *object;

    fuzz_compare(text);

    rc = ngx_sandbox_json_parse(pool, text, &object, &reason);

    fuzz_bug(rc == NGX_ERROR);

    if (rc == NGX_DECLINED) {
        fuzz_bug(reason.len == 0 || !ngx_sandbox_utf8_valid(&reason));
        return;
    }

    fuzz_bug(ngx_sandbox_json_dump(pool, object, &first) != NGX_OK);
    fuzz_bug(!ngx_sandbox_json_valid(&first, NGX_SANDBOX_JSON_MAX_DEPTH));

    fuzz_bug(ngx_sandbox_json_parse(pool, &first, &object, &reason) != NGX_OK);
    fuzz_bug(ngx_sandbox_json_dump(pool, object, &second) != NGX_OK);

    fuzz_bug(first.len != second.len
             || ngx_memcmp(first.data, second.data, first.len) != 0);
}
