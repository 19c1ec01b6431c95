
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Would catch: a body that reaches jansson unbounded, a duplicate key of which
 * only one half is checked, a NUL that cuts a string, a number that silently
 * becomes another one, a document that is leaked or freed too early.
 */


#include "ngx_sandbox_unit.h"
#include <jansson.h>
#include "ngx_sandbox.h"
#include "ngx_sandbox_json_reader.h"


static void
test_refused(void **state)
{
    size_t          i;
    ngx_int_t       rc;
    ngx_str_t       reason;
    struct json_t  *object;

    static const struct {
        char  *text;
        char  *reason;
    } cases[] = {
        { "", "line 1 column 1: the text ends too early" },
        { "[]", "line 1 column 1: the document must be an object" },
        { "\n \"a\"", "line 1 column 1: the document must be an object" },
        { "12", "line 1 column 1: the document must be an object" },
        { "null", "line 1 column 1: the document must be an object" },
        { "{\"a\":1,}", "line 1 column 8: a key in double quotes is "
                        "expected" },
        { "{\n\"a\" 1}", "line 2 column 5: a colon is expected" },
        { "{} x", "line 1 column 4: text follows the document" },
        { "{\"a\":NaN}", "line 1 column 6: a value is expected" },
        { "{\"a\":1,\"a\":2}", "a key is given twice" },
        { "{\"a\":{\"b\":1,\"c\":0,\"b\":1}}", "a key is given twice" },
        { "{\"a\":1,\"\\u0061\":2}", "a key is given twice" },
        { "{\"a\":1e999}", "a number is too large" },
        { "{\"a\":-1e999}", "a number is too large" },
        { "{\"a\":18446744073709551616}", "a number is too large" },
        { "{\"a\":9223372036854775808}", "a number is too large" },
        { "{\"a\":-9223372036854775809}", "a number is too large" },
        { "{\"a\":\"\\u0000\"}", "a string holds a NUL character" },
        { "{\"\\u0000\":1}", "a string holds a NUL character" },
        { "{\"a\":\"x\\ud800\"}", "half of a surrogate pair" },
        { "{\"\\udfff\":1}", "half of a surrogate pair" },
        { "{\"a\":\"\xff\"}", "a string is not valid UTF-8" },
        { "{\"a\":\"\xed\xa0\x80\"}", "a string is not valid UTF-8" },
        { "{\"a\":\"\x01\"}", "a control character" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        object = (void *) -1;

        rc = ngx_sandbox_json_parse(unit_pool,
                                    unit_bytes(cases[i].text,
                                               strlen(cases[i].text)),
                                    &object, &reason);

        if (rc != NGX_DECLINED || object != (void *) -1) {
            fail_msg("%s: %d", cases[i].text, (int) rc);
        }

        assert_true(reason.len > sizeof("line 1 column 1: ") - 1);
        assert_memory_equal(reason.data, "line ", 5);

        if (memmem(reason.data, reason.len, cases[i].reason,
                   strlen(cases[i].reason))
            == NULL)
        {
            fail_msg("%s: %.*s", cases[i].text, (int) reason.len, reason.data);
        }
    }

    rc = ngx_sandbox_json_parse(unit_pool, unit_text("{}\0"), &object,
                                &reason);
    assert_int_equal(rc, NGX_DECLINED);
}


static void
test_a_megabyte_of_brackets(void **state)
{
    u_char          *data;
    ngx_str_t        reason;
    struct json_t   *object;

    data = ngx_palloc(unit_pool, 1024 * 1024);
    assert_non_null(data);

    memset(data, '[', 1024 * 1024);
    ngx_memcpy(data, "{\"a\":", 5);

    assert_int_equal(ngx_sandbox_json_parse(unit_pool,
                                            unit_bytes(data, 1024 * 1024),
                                            &object, &reason),
                     NGX_DECLINED);
    assert_text(&reason, "line 1 column 69: arrays and objects are nested too "
                "deeply");
}


static void
test_depth(void **state)
{
    u_char          buf[512], *p;
    size_t          depth, i;
    ngx_str_t       reason, text;
    struct json_t  *object;

    for (depth = 63; depth <= 65; depth++) {
        p = ngx_cpymem(buf, "{\"a\":", 5);

        for (i = 1; i < depth; i++) {
            *p++ = '[';
        }

        for (i = 1; i < depth; i++) {
            *p++ = ']';
        }

        *p++ = '}';

        assert_int_equal(ngx_sandbox_json_parse(unit_pool,
                                                unit_bytes(buf, p - buf),
                                                &object, &reason),
                         depth <= NGX_SANDBOX_JSON_MAX_DEPTH ? NGX_OK
                                                             : NGX_DECLINED);

        if (depth <= NGX_SANDBOX_JSON_MAX_DEPTH) {
            assert_int_equal(ngx_sandbox_json_dump(unit_pool, object, &text),
                             NGX_OK);
            assert_int_equal(text.len, p - buf);
        }
    }
}


static void
test_dump(void **state)
{
    size_t          i;
    ngx_str_t       reason, text;
    struct json_t  *object;

    static const struct {
        char  *in;
        char  *out;
    } cases[] = {
        { " { } ", "{}" },
        { "{\"b\": 1, \"a\" : [ 1.0, -0.1, 1e2, 0 ] }",
          "{\"b\":1,\"a\":[1.0,-0.1,100.0,0]}" },
        { "{\"a\":\"\\u0041\\n\\u00e9\\/\\ud83d\\ude00\"}",
          "{\"a\":\"A\\n\xc3\xa9/\xf0\x9f\x98\x80\"}" },
        { "{\"a\":9223372036854775807,\"b\":-9223372036854775808}",
          "{\"a\":9223372036854775807,\"b\":-9223372036854775808}" },
        { "{\"a\":1.7976931348623157e308,\"b\":0.30000000000000004}",
          "{\"a\":1.7976931348623157e+308,\"b\":0.30000000000000004}" },
        { "{\"\":[true,false,null,{\"x\":[[]]}]}",
          "{\"\":[true,false,null,{\"x\":[[]]}]}" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(ngx_sandbox_json_parse(unit_pool,
                                                unit_bytes(cases[i].in,
                                                         strlen(cases[i].in)),
                                                &object, &reason),
                         NGX_OK);
        assert_int_equal(ngx_sandbox_json_dump(unit_pool, object, &text),
                         NGX_OK);

        if (text.len != strlen(cases[i].out)
            || memcmp(text.data, cases[i].out, text.len) != 0)
        {
            fail_msg("%.*s instead of %s", (int) text.len, text.data,
                     cases[i].out);
        }
    }
}


static void
test_value(void **state)
{
    ngx_str_t            reason, text;
    struct json_t       *object;
    ngx_sandbox_json_t   json;

    assert_int_equal(ngx_sandbox_json_parse(unit_pool,
                                            unit_text("{\"a\":[1,\"x\"]}"),
                                            &object, &reason),
                     NGX_OK);

    ngx_sandbox_json_init(&json, unit_pool, 0);
    ngx_sandbox_json_object_start(&json);
    ngx_sandbox_json_literal_key(&json, "body");
    ngx_sandbox_json_value(&json, object);
    ngx_sandbox_json_literal_key(&json, "next");
    ngx_sandbox_json_null(&json);
    ngx_sandbox_json_object_end(&json);

    assert_int_equal(ngx_sandbox_json_finish(&json, &text), NGX_OK);
    assert_text(&text, "{\"body\":{\"a\":[1,\"x\"]},\"next\":null}");
}


static int  freed;


static void *
counting_malloc(size_t size)
{
    freed++;
    return malloc(size);
}


static void
counting_free(void *p)
{
    freed -= (p != NULL);
    free(p);
}


static void
test_freed_with_the_pool(void **state)
{
    ngx_str_t       reason;
    ngx_pool_t     *pool;
    struct json_t  *object;

    json_set_alloc_funcs(counting_malloc, counting_free);

    pool = ngx_create_pool(1024, &unit_log);
    assert_non_null(pool);

    assert_int_equal(ngx_sandbox_json_parse(pool, unit_text("{\"a\":[1,2]}"),
                                            &object, &reason),
                     NGX_OK);
    assert_true(freed > 0);

    assert_int_equal(ngx_sandbox_json_parse(pool, unit_text("{\"a\":1e999}"),
                                            &object, &reason),
                     NGX_DECLINED);

    ngx_destroy_pool(pool);

    json_set_alloc_funcs(malloc, free);

    assert_int_equal(freed, 0);
}


static const struct CMUnitTest  tests[] = {
    ngx_sandbox_unit_test(test_refused),
    ngx_sandbox_unit_test(test_a_megabyte_of_brackets),
    ngx_sandbox_unit_test(test_depth),
    ngx_sandbox_unit_test(test_dump),
    ngx_sandbox_unit_test(test_value),
    ngx_sandbox_unit_test(test_freed_with_the_pool),
};

ngx_sandbox_unit_main(tests)
