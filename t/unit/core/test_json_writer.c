
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Would catch: a missing or doubled comma, a character that is not escaped,
 * bytes that are no UTF-8 in an answer, a document that goes on after a
 * failure, a limit that does not hold, a buffer that is overrun while it grows.
 */


#include "ngx_sandbox_unit.h"
#include "ngx_sandbox.h"
#include "ngx_sandbox_json_writer.h"


static ngx_sandbox_json_t  json;


static void
expect(const char *want, size_t len)
{
    ngx_str_t  text;

    assert_int_equal(ngx_sandbox_json_finish(&json, &text), NGX_OK);

    if (text.len != len || memcmp(text.data, want, len) != 0) {
        fail_msg("%.*s instead of %s", (int) text.len, text.data, want);
    }

    assert_true(ngx_sandbox_json_valid(&text, 64));
}


#define assert_json(literal)  expect(literal, sizeof(literal) - 1)


static void
test_document(void **state)
{
    ngx_str_t  key = ngx_string("n\"1");
    ngx_str_t  raw = ngx_string("{\"x\":[1]}");
    ngx_str_t  none = ngx_null_string;

    ngx_sandbox_json_init(&json, unit_pool, 0);

    ngx_sandbox_json_object_start(&json);
    ngx_sandbox_json_literal_key(&json, "a");
    ngx_sandbox_json_int(&json, 1);
    ngx_sandbox_json_literal_key(&json, "list");
    ngx_sandbox_json_array_start(&json);
    ngx_sandbox_json_array_end(&json);
    ngx_sandbox_json_key(&json, &key);
    ngx_sandbox_json_array_start(&json);
    ngx_sandbox_json_bool(&json, 1);
    ngx_sandbox_json_bool(&json, 0);
    ngx_sandbox_json_null(&json);
    ngx_sandbox_json_object_start(&json);
    ngx_sandbox_json_object_end(&json);
    ngx_sandbox_json_literal(&json, "s");
    ngx_sandbox_json_string(&json, &none);
    ngx_sandbox_json_array_end(&json);
    ngx_sandbox_json_literal_key(&json, "raw");
    ngx_sandbox_json_raw(&json, &raw);
    ngx_sandbox_json_literal_key(&json, "none");
    ngx_sandbox_json_raw(&json, &none);
    ngx_sandbox_json_object_end(&json);

    assert_json("{\"a\":1,\"list\":[],\"n\\\"1\":[true,false,null,{},\"s\","
                "\"\"],\"raw\":{\"x\":[1]},\"none\":null}");
}


static void
test_strings(void **state)
{
    size_t  i;

    static const struct {
        char    *in;
        size_t   len;
        char    *out;
    } cases[] = {
        { "", 0, "\"\"" },
        { "plain", 5, "\"plain\"" },
        { "\"\\/", 3, "\"\\\"\\\\/\"" },
        { "\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\"" },
        { "\0\x01\x1f\x7f", 4, "\"\\u0000\\u0001\\u001f\x7f\"" },
        { "\xe2\x80\xa8\xe2\x80\xa9", 6, "\"\xe2\x80\xa8\xe2\x80\xa9\"" },
        { "gr\xc3\xbc\xc3\x9f", 6, "\"gr\xc3\xbc\xc3\x9f\"" },
        { "\xff", 1, "\"\xef\xbf\xbd\"" },
        { "a\xc3", 2, "\"a\xef\xbf\xbd\"" },
        { "\xc3\xbc\xc3", 3, "\"\xc3\xbc\xef\xbf\xbd\"" },
        { "\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
        { "\xc0\x80z", 3, "\"\xef\xbf\xbd\xef\xbf\xbdz\"" },
        { "1234567\"9", 9, "\"1234567\\\"9\"" },
        { "12345678\n", 9, "\"12345678\\n\"" },
        { "</script>", 9, "\"</script>\"" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ngx_sandbox_json_init(&json, unit_pool, 0);
        ngx_sandbox_json_string(&json,
                                unit_bytes(cases[i].in, cases[i].len));
        expect(cases[i].out, strlen(cases[i].out));
    }
}


static void
test_numbers(void **state)
{
    size_t  i;

    static const struct {
        char  *in;
        char  *out;
    } cases[] = {
        { "0", "0" }, { "-12.5", "-12.5" }, { "1e20", "1e20" },
        { "", "null" }, { "007", "null" }, { "nan", "null" },
        { "1;DROP", "null" }, { "1,2", "null" }, { "-", "null" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ngx_sandbox_json_init(&json, unit_pool, 0);
        ngx_sandbox_json_number(&json,
                                unit_bytes(cases[i].in, strlen(cases[i].in)));
        expect(cases[i].out, strlen(cases[i].out));
    }

    ngx_sandbox_json_init(&json, unit_pool, 0);
    ngx_sandbox_json_array_start(&json);
    ngx_sandbox_json_int(&json, INT64_MIN);
    ngx_sandbox_json_int(&json, INT64_MAX);
    ngx_sandbox_json_int(&json, 0);
    ngx_sandbox_json_array_end(&json);
    assert_json("[-9223372036854775808,9223372036854775807,0]");
}


static void
test_reals(void **state)
{
    ngx_sandbox_json_init(&json, unit_pool, 0);
    ngx_sandbox_json_array_start(&json);
    ngx_sandbox_json_real(&json, 0.1);
    ngx_sandbox_json_real(&json, 12.3);
    ngx_sandbox_json_real(&json, 1);
    ngx_sandbox_json_real(&json, 1e21);
    ngx_sandbox_json_real(&json, 0.1 + 0.2);
    ngx_sandbox_json_real(&json, -1.7976931348623157e308);
    ngx_sandbox_json_real(&json, 5e-324);
    ngx_sandbox_json_real(&json, 1.0 / 0.0);
    ngx_sandbox_json_real(&json, -1.0 / 0.0);
    ngx_sandbox_json_real(&json, 0.0 / 0.0);
    ngx_sandbox_json_array_end(&json);

    assert_json("[0.1,12.3,1.0,1e+21,0.30000000000000004,"
                "-1.7976931348623157e+308,4.94065645841247e-324,"
                "null,null,null]");
}


static void
test_times(void **state)
{
    size_t  i;

    static const struct {
        char  *in;
        char  *out;
    } cases[] = {
        { "2026-11-24 00:01:02.345", "\"2026-11-24T00:01:02.345Z\"" },
        { "2026-11-24 00:01:02", "\"2026-11-24T00:01:02.000Z\"" },
        { "2026-11-24 00:01:02.5", "\"2026-11-24T00:01:02.500Z\"" },
        { "2026-11-24 00:01:02.345678", "\"2026-11-24T00:01:02.345Z\"" },
        { "2026-11-24 00:01:02.3456789", "null" },
        { "2026-11-24T00:01:02.345", "null" },
        { "2026-11-24", "null" },
        { "2026-11-24 00:01:0\"", "null" },
        { "2026-11-24 00-01-02", "null" },
        { "", "null" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ngx_sandbox_json_init(&json, unit_pool, 0);
        ngx_sandbox_json_time(&json,
                              unit_bytes(cases[i].in, strlen(cases[i].in)));
        expect(cases[i].out, strlen(cases[i].out));
    }
}


/*
 * Each letter is a call: { } [ ] as they are, k a key, v a value, j a value
 * that is raw text.
 */

static void
play(const char *calls)
{
    ngx_str_t  raw = ngx_string("[0]");

    for ( /* void */ ; *calls; calls++) {
        switch (*calls) {
        case '{': ngx_sandbox_json_object_start(&json); break;
        case '}': ngx_sandbox_json_object_end(&json); break;
        case '[': ngx_sandbox_json_array_start(&json); break;
        case ']': ngx_sandbox_json_array_end(&json); break;
        case 'k': ngx_sandbox_json_literal_key(&json, "k"); break;
        case 'v': ngx_sandbox_json_int(&json, 1); break;
        case 'j': ngx_sandbox_json_raw(&json, &raw); break;
        default: fail();
        }
    }
}


static void
test_misuse(void **state)
{
    size_t     i;
    ngx_str_t  text = { 7, NULL };

    static const char  *bad[] = {
        "", "{", "[", "}", "]", "{]", "[}", "{v}", "[kv]", "{kkv}", "{k}",
        "{k", "kv", "vv", "[]v", "v[]", "{}{}", "[]]", "{kv}}", "[[]", "{k[}]",
        "v}", "v]", "k", "{kvv}", "jj"
    };

    static const char  *good[] = {
        "v", "j", "{}", "[]", "[vv]", "{kv}", "{kvkv}", "{k{}k[]}",
        "[[][]{}v]", "{k[v{k[]}]kv}"
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ngx_sandbox_json_init(&json, unit_pool, 0);
        play(bad[i]);

        if (ngx_sandbox_json_finish(&json, &text) != NGX_ERROR) {
            fail_msg("accepted: %s", bad[i]);
        }

        assert_int_equal(text.len, 7);

        /* it sticks */

        assert_int_equal(ngx_sandbox_json_finish(&json, &text), NGX_ERROR);
    }

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ngx_sandbox_json_init(&json, unit_pool, 0);
        play(good[i]);

        assert_int_equal(ngx_sandbox_json_finish(&json, &text), NGX_OK);
        assert_true(ngx_sandbox_json_valid(&text, 64));
    }
}


static void
test_depth(void **state)
{
    ngx_uint_t  i, depth;
    ngx_str_t   text;

    for (depth = 64; depth <= 65; depth++) {
        ngx_sandbox_json_init(&json, unit_pool, 0);

        for (i = 0; i < depth; i++) {
            if (i & 1) {
                ngx_sandbox_json_object_start(&json);
                ngx_sandbox_json_literal_key(&json, "k");

            } else {
                ngx_sandbox_json_array_start(&json);
            }
        }

        ngx_sandbox_json_null(&json);

        for (i = depth; i-- > 0; /* void */ ) {
            if (i & 1) {
                ngx_sandbox_json_object_end(&json);

            } else {
                ngx_sandbox_json_array_end(&json);
            }
        }

        assert_int_equal(ngx_sandbox_json_finish(&json, &text),
                         depth == 64 ? NGX_OK : NGX_ERROR);
    }
}


static void
test_limit(void **state)
{
    size_t      max;
    ngx_str_t   text;

    /* ["abcdefgh","\u0001"] is 21 bytes: one less never suffices */

    for (max = 0; max < 30; max++) {
        ngx_sandbox_json_init(&json, unit_pool, 0);
        json.max = max;

        ngx_sandbox_json_array_start(&json);
        ngx_sandbox_json_literal(&json, "abcdefgh");
        ngx_sandbox_json_literal(&json, "\x01");
        ngx_sandbox_json_array_end(&json);

        if (max < 21) {
            assert_int_equal(ngx_sandbox_json_finish(&json, &text), NGX_ERROR);

        } else {
            assert_int_equal(ngx_sandbox_json_finish(&json, &text), NGX_OK);
            assert_int_equal(text.len, 21);
        }
    }

    /* nothing that comes after a failure brings it back */

    ngx_sandbox_json_init(&json, unit_pool, 0);
    json.max = 8;
    ngx_sandbox_json_literal(&json, "much too long for it");
    ngx_sandbox_json_null(&json);
    assert_int_equal(ngx_sandbox_json_finish(&json, &text), NGX_ERROR);
}


static void
test_growth(void **state)
{
    u_char     *data;
    size_t      i, n;
    ngx_str_t   text;

    /* the worst case: each byte becomes six */

    n = 512 * 1024;

    data = ngx_palloc(unit_pool, n);
    assert_non_null(data);
    memset(data, '\x01', n);

    ngx_sandbox_json_init(&json, unit_pool, 0);
    ngx_sandbox_json_string_bytes(&json, data, n);

    assert_int_equal(ngx_sandbox_json_finish(&json, &text), NGX_OK);
    assert_int_equal(text.len, 6 * n + 2);
    assert_true(ngx_sandbox_json_valid(&text, 0));

    /* many small values: all of them are there */

    ngx_sandbox_json_init(&json, unit_pool, 0);
    ngx_sandbox_json_array_start(&json);

    for (i = 0; i < 100000; i++) {
        ngx_sandbox_json_int(&json, i % 10);
    }

    ngx_sandbox_json_array_end(&json);

    assert_int_equal(ngx_sandbox_json_finish(&json, &text), NGX_OK);
    assert_int_equal(text.len, 200001);

    for (i = 0; i < 100000; i++) {
        if (text.data[2 * i + 1] != '0' + i % 10) {
            fail_msg("value %zu", i);
        }
    }
}


static const struct CMUnitTest  tests[] = {
    ngx_sandbox_unit_test(test_document),
    ngx_sandbox_unit_test(test_strings),
    ngx_sandbox_unit_test(test_numbers),
    ngx_sandbox_unit_test(test_reals),
    ngx_sandbox_unit_test(test_times),
    ngx_sandbox_unit_test(test_misuse),
    ngx_sandbox_unit_test(test_depth),
    ngx_sandbox_unit_test(test_limit),
    ngx_sandbox_unit_test(test_growth),
};

ngx_sandbox_unit_main(tests)
