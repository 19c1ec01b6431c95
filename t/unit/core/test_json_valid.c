
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Would catch: text that is accepted and no JSON (it would break an answer that
 * carries it), JSON that is refused, a byte read behind the text, recursion or
 * quadratic time on deep nesting, a wrong position.
 */


#include "ngx_sandbox_unit.h"
#include "ngx_sandbox.h"
#include "ngx_sandbox_json_valid.h"


static void
test_good(void **state)
{
    size_t  i;

    static const char  *cases[] = {
        "0", "-0", "1", "-12", "0.5", "1e5", "1E+5", "1.25e-300", "1e999",
        "123456789012345678901234567890", "true", "false", "null", "\"\"",
        "\"a\"", "[]", "{}", " [ ] ", "\t\r\n {\n}\n", "[1,2,3]", "[[],{}]",
        "{\"\":0}", "{\"a\":{\"b\":[1,{\"c\":null}]},\"d\":\"e\"}",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\u00e9\\uABCD\"", "\"\\u0000\"",
        "\"\\ud83d\\ude00\"", "\"\\uD83D\\uDE00\"", "\"\\udbff\\udfff\"",
        "\"\xe2\x80\xa8\xe2\x80\xa9\"", "\"\x7f\"", "\"\xf4\x8f\xbf\xbf\"",
        "{\"a\":1,\"a\":2}", "[true,false,null]", "\"0123456\\\"89\"",
        "\"01234567\\n9012345678\""
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (!ngx_sandbox_json_valid(unit_bytes(cases[i], strlen(cases[i])),
                                    64))
        {
            fail_msg("refused: %s", cases[i]);
        }
    }
}


static const struct {
    char    *text;
    size_t   offset;
    char    *reason;
}  bad_texts[] = {
    { "", 0, "ends too early" },
    { " \n", 2, "ends too early" },
    { "NaN", 0, "a value is expected" },
    { "Infinity", 0, "a value is expected" },
    { "-Infinity", 1, "a digit is expected" },
    { "[nan]", 1, "a value is expected" },
    { "nul", 0, "a value is expected" },
    { "nulL", 0, "a value is expected" },
    { "True", 0, "a value is expected" },
    { "truefalse", 4, "text follows" },
    { "1 2", 2, "text follows" },
    { "{}{}", 2, "text follows" },
    { "[]]", 2, "text follows" },
    { "-", 1, "a digit is expected" },
    { "+1", 0, "a value is expected" },
    { ".5", 0, "a value is expected" },
    { "1.", 2, "a digit is expected" },
    { "1.e5", 2, "a digit is expected" },
    { "1e", 2, "a digit is expected" },
    { "1e+", 3, "a digit is expected" },
    { "01", 1, "begins with 0" },
    { "-01", 2, "begins with 0" },
    { "0x10", 1, "text follows" },
    { "1_000", 1, "text follows" },
    { "[", 1, "ends too early" },
    { "[1", 2, "ends too early" },
    { "[1,", 3, "ends too early" },
    { "[1,]", 3, "a value is expected" },
    { "[,1]", 1, "a value is expected" },
    { "[1 2]", 3, "comma or a closing bracket" },
    { "[1}", 2, "comma or a closing bracket" },
    { "{\"a\":1]", 6, "comma or a closing brace" },
    { "{", 1, "ends too early" },
    { "{\"a\"", 4, "ends too early" },
    { "{\"a\":", 5, "ends too early" },
    { "{\"a\":1", 6, "ends too early" },
    { "{\"a\":1,}", 7, "key in double quotes" },
    { "{,}", 1, "key in double quotes" },
    { "{a:1}", 1, "key in double quotes" },
    { "{'a':1}", 1, "key in double quotes" },
    { "{1:1}", 1, "key in double quotes" },
    { "{\"a\" 1}", 5, "a colon is expected" },
    { "{\"a\"}", 4, "a colon is expected" },
    { "{\"a\"::1}", 5, "a value is expected" },
    { "]", 0, "a value is expected" },
    { "}", 0, "a value is expected" },
    { "\"", 1, "does not end" },
    { "\"abc", 4, "does not end" },
    { "\"a\\", 2, "does not end" },
    { "\"a\\\"", 4, "does not end" },
    { "\"\\x41\"", 1, "unknown escape" },
    { "\"\\'\"", 1, "unknown escape" },
    { "\"\\u12\"", 1, "does not end" },
    { "\"\\u12g4\"", 1, "unknown escape" },
    { "\"\\u-123\"", 1, "unknown escape" },
    { "\"a\nb\"", 2, "control character" },
    { "\"a\tb\"", 2, "control character" },
    { "\"01234567\x1f\"", 9, "control character" },
    { "\"\x01\"", 1, "control character" },
    { "\"\xff\"", 1, "not valid UTF-8" },
    { "\"\xc3\"", 1, "not valid UTF-8" },
    { "\"\xed\xa0\x80\"", 1, "not valid UTF-8" },
    { "\"\\ud800\"", 1, "surrogate" },
    { "\"\\udc00\"", 1, "surrogate" },
    { "\"\\ud83dx\"", 1, "surrogate" },
    { "\"\\ud83d\\n\"", 1, "surrogate" },
    { "\"\\ud83d\\ud83d\"", 1, "surrogate" },
    { "\"\\ud83d\\u0041\"", 1, "surrogate" },
    { "\"\\ude00\\ud83d\"", 1, "surrogate" },
    { "\"\\ude00\\ude00\"", 1, "surrogate" },
    { "\"\\ud83d\\ue000\"", 1, "surrogate" },
    { "\xef\xbb\xbf{}", 0, "a value is expected" },
    { "/* */ 1", 0, "a value is expected" },
    { "[1]//", 3, "text follows" },
    { "\x0b" "1", 0, "a value is expected" }
};


static void
test_bad(void **state)
{
    size_t                     i;
    ngx_str_t                 *text;
    ngx_sandbox_json_fault_t   fault;

    for (i = 0; i < sizeof(bad_texts) / sizeof(bad_texts[0]); i++) {
        text = unit_bytes(bad_texts[i].text, strlen(bad_texts[i].text));

        if (ngx_sandbox_json_valid(text, 64)) {
            fail_msg("accepted: %s", bad_texts[i].text);
        }

        assert_int_equal(ngx_sandbox_json_check(text, 64, &fault),
                         NGX_DECLINED);

        if (fault.offset != bad_texts[i].offset
            || strstr(fault.reason, bad_texts[i].reason) == NULL)
        {
            fail_msg("%s: %zu, %s", bad_texts[i].text, fault.offset,
                     fault.reason);
        }
    }
}


static void
test_nul(void **state)
{
    ngx_sandbox_json_fault_t  fault;

    /* as a byte never, as an escape for json_valid() only */

    assert_false(ngx_sandbox_json_valid(unit_text("\"a\0b\""), 64));
    assert_false(ngx_sandbox_json_valid(unit_text("1\0"), 64));
    assert_false(ngx_sandbox_json_valid(unit_text("\0"), 64));

    assert_true(ngx_sandbox_json_valid(unit_text("\"\\u0000\""), 64));

    assert_int_equal(ngx_sandbox_json_check(unit_text("{\"a\":\"\\u0000\"}"),
                                            64, &fault),
                     NGX_DECLINED);
    assert_non_null(strstr(fault.reason, "NUL"));
    assert_int_equal(fault.offset, 6);
}


static void
test_position(void **state)
{
    ngx_sandbox_json_fault_t  fault;

    assert_int_equal(ngx_sandbox_json_check(unit_text("{\n  \"a\": 1,\n  b\n}"),
                                            64, &fault),
                     NGX_DECLINED);
    assert_int_equal(fault.line, 3);
    assert_int_equal(fault.column, 3);

    assert_int_equal(ngx_sandbox_json_check(unit_text(""), 64, &fault),
                     NGX_DECLINED);
    assert_int_equal(fault.line, 1);
    assert_int_equal(fault.column, 1);
}


static ngx_str_t *
nested(size_t depth, ngx_uint_t objects)
{
    size_t      i;
    u_char     *p;
    ngx_str_t  *text;

    static u_char  buf[8 * 1024];

    p = buf;

    for (i = 0; i < depth; i++) {
        p = objects ? ngx_cpymem(p, "{\"a\":", 5) : ngx_cpymem(p, "[", 1);
    }

    *p++ = '1';

    for (i = 0; i < depth; i++) {
        *p++ = objects ? '}' : ']';
    }

    text = unit_bytes(buf, p - buf);

    return text;
}


static void
test_depth(void **state)
{
    size_t  depth;

    for (depth = 0; depth <= 64; depth++) {
        assert_true(ngx_sandbox_json_valid(nested(depth, 0), depth));
        assert_true(ngx_sandbox_json_valid(nested(depth, 1), depth));
        assert_false(ngx_sandbox_json_valid(nested(depth + 1, 0), depth));
        assert_false(ngx_sandbox_json_valid(nested(depth + 1, 1), depth));
    }

    /* no caller can ask for more than there are bits */

    assert_true(ngx_sandbox_json_valid(nested(64, 0), 1000));
    assert_false(ngx_sandbox_json_valid(nested(65, 0), 1000));
    assert_false(ngx_sandbox_json_valid(nested(200, 1), (ngx_uint_t) -1));
}


static void
test_a_megabyte_of_brackets(void **state)
{
    u_char                    *data;
    uint64_t                   start;
    ngx_str_t                 *text;
    struct timespec            ts;
    ngx_sandbox_json_fault_t   fault;

    data = ngx_palloc(unit_pool, 1024 * 1024);
    assert_non_null(data);

    memset(data, '[', 1024 * 1024);
    text = unit_bytes(data, 1024 * 1024);

    clock_gettime(CLOCK_MONOTONIC, &ts);
    start = ts.tv_sec * 1000000000ULL + ts.tv_nsec;

    assert_int_equal(ngx_sandbox_json_check(text, 64, &fault), NGX_DECLINED);

    clock_gettime(CLOCK_MONOTONIC, &ts);

    /* it looks at 65 bytes: a millisecond is a thousand times too much */

    assert_true(ts.tv_sec * 1000000000ULL + ts.tv_nsec - start < 5000000);
    assert_int_equal(fault.offset, 64);
    assert_non_null(strstr(fault.reason, "too deeply"));
}


static void
test_every_prefix(void **state)
{
    size_t      i;
    ngx_str_t  *text;

    static const char  doc[] =
        "{\"a\":[1.5e3,\"\\u00e9\\ud83d\\ude00\xc3\xa9\",true,false,null,{}],"
        "\"bcdefghijkl\":{\"c\":-1}}";

    text = unit_bytes(doc, sizeof(doc) - 1);
    assert_true(ngx_sandbox_json_valid(text, 64));

    for (i = 0; i < sizeof(doc) - 1; i++) {
        if (ngx_sandbox_json_valid(unit_bytes(doc, i), 64)) {
            fail_msg("the first %zu bytes are accepted", i);
        }
    }
}


static void
test_number(void **state)
{
    size_t  i;

    static const char  *good[] = { "0", "-1", "1.5", "1e20", "-0.0E-7" };
    static const char  *bad[] = { "", "-", "1 ", " 1", "007", "1.5.2", "nan",
                                  "inf", "1,5", "0x1", "1e", "--1" };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(ngx_sandbox_json_number_valid(
                        unit_bytes(good[i], strlen(good[i]))));
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (ngx_sandbox_json_number_valid(unit_bytes(bad[i], strlen(bad[i]))))
        {
            fail_msg("accepted: %s", bad[i]);
        }
    }
}


/* every byte at every place of a run: the eight at once miss none */

static void
test_plain(void **state)
{
    u_char      buf[24];
    size_t      i;
    ngx_str_t  *text;
    ngx_uint_t  ch, plain;

    for (i = 0; i < sizeof(buf); i++) {
        for (ch = 0; ch < 256; ch++) {
            memset(buf, ' ', sizeof(buf));
            buf[i] = (u_char) ch;
            text = unit_bytes(buf, sizeof(buf));

            plain = ch >= 0x20 && ch < 0x80 && ch != '"' && ch != '\\';

            assert_int_equal(ngx_sandbox_json_plain(text->data, text->data
                                                              + text->len)
                             - text->data,
                             plain ? sizeof(buf) : i);
        }
    }
}


static const struct CMUnitTest  tests[] = {
    ngx_sandbox_unit_test(test_good),
    ngx_sandbox_unit_test(test_bad),
    ngx_sandbox_unit_test(test_nul),
    ngx_sandbox_unit_test(test_position),
    ngx_sandbox_unit_test(test_depth),
    ngx_sandbox_unit_test(test_a_megabyte_of_brackets),
    ngx_sandbox_unit_test(test_every_prefix),
    ngx_sandbox_unit_test(test_number),
    ngx_sandbox_unit_test(test_plain),
};

ngx_sandbox_unit_main(tests)
