
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The texts of the Docker Engine.  Would catch: text that is not fit to be
 * shown or not bounded, a stream of logs of which frames are lost, mixed up or
 * believed where their sizes lie, reading behind what came, and wrong times.
 */


#include "ngx_sandbox_unit.h"
#include "ngx_sandbox_docker_json.h"
#include "ngx_sandbox_utf8.h"


static void
test_message(void **state)
{
    size_t      n;
    u_char     *p;
    ngx_str_t   said, body;

    assert_int_equal(ngx_sandbox_docker_decode_message(unit_pool,
        unit_text("{\"message\":\"No such\\n\\u001b[1m\\u0000\\u007f\\u009b "
                  "\xe2\x82\xac\"}"), &said), NGX_OK);
    assert_text(&said, "No such  [1m    \xe2\x82\xac");

    assert_int_equal(ngx_sandbox_docker_decode_message(unit_pool,
                         unit_text("{\"message\":\"\"}"), &said),
                     NGX_DECLINED);
    assert_int_equal(ngx_sandbox_docker_decode_message(unit_pool,
                         unit_text("{\"message\":[]}"), &said), NGX_DECLINED);
    assert_int_equal(ngx_sandbox_docker_decode_message(unit_pool,
                         unit_text("<html>"), &said), NGX_DECLINED);

    /* bounded, and not cut within a character, wherever that falls */

    for (n = 0; n < 3; n++) {
        body.data = ngx_palloc(unit_pool, 4096);
        p = ngx_cpymem(body.data, "{\"message\":\"", 12);
        ngx_memset(p, 'x', n);
        p += n;

        while (p < body.data + 3000) {
            p = ngx_cpymem(p, "\xe2\x82\xac", 3);
        }

        p = ngx_cpymem(p, "\"}", 2);
        body.len = p - body.data;

        assert_int_equal(ngx_sandbox_docker_decode_message(unit_pool, &body,
                                                           &said),
                         NGX_OK);
        assert_in_range(said.len, NGX_SANDBOX_DOCKER_MESSAGE_MAX - 2,
                        NGX_SANDBOX_DOCKER_MESSAGE_MAX);
        assert_true(ngx_sandbox_utf8_valid(&said));
    }
}


#define FRAMES  "\1\0\0\0\0\0\0\4one\n" "\2\0\0\0\0\0\0\4two\n"               \
                "\1\0\0\0\0\0\0\0" "\1\0\0\0\0\0\0\6three\n"


static void
test_logs(void **state)
{
    ngx_str_t  text;

    assert_int_equal(ngx_sandbox_docker_decode_logs(unit_pool,
                                            unit_text(FRAMES), 100, &text),
                     NGX_OK);
    assert_text(&text, "one\ntwo\nthree\n");

    assert_int_equal(ngx_sandbox_docker_decode_logs(unit_pool, unit_text(""),
                                                    100, &text),
                     NGX_OK);
    assert_int_equal(text.len, 0);
}


/* a stream that ends anywhere gives what came, and reads nothing behind it */

static void
test_logs_cut(void **state)
{
    size_t     n, expected;
    ngx_str_t  text;

    for (n = 0; n < sizeof(FRAMES) - 1; n++) {
        assert_int_equal(ngx_sandbox_docker_decode_logs(unit_pool,
                                           unit_bytes(FRAMES, n), 100, &text),
                         NGX_OK);

        expected = (n <= 8) ? 0 : (n <= 12) ? n - 8 : (n <= 20) ? 4
                 : (n <= 24) ? n - 16 : (n <= 40) ? 8 : n - 32;

        assert_int_equal(text.len, expected);
        assert_memory_equal(text.data, "one\ntwo\nthree\n", expected);
    }
}


static void
test_logs_sizes_lie(void **state)
{
    ngx_str_t  text;

    assert_int_equal(ngx_sandbox_docker_decode_logs(unit_pool,
                unit_text("\1\0\0\0\377\377\377\377abc"), 100, &text), NGX_OK);
    assert_text(&text, "abc");
}


static void
test_logs_garbage(void **state)
{
    ngx_str_t   text;
    ngx_uint_t  i;

    static ngx_str_t  bad[] = {
        ngx_string("\3\0\0\0\0\0\0\1x"), ngx_string("\1\1\0\0\0\0\0\1x"),
        ngx_string("\1\0\1\0\0\0\0\1x"), ngx_string("\1\0\0\1\0\0\0\1x"),
        ngx_string("plain text of a terminal"),
        ngx_string("\1\0\0\0\0\0\0\1x\377\0\0\0\0\0\0\1x")
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(ngx_sandbox_docker_decode_logs(unit_pool,
                                  unit_bytes(bad[i].data, bad[i].len), 100,
                                  &text),
                         NGX_DECLINED);
    }
}


static void
test_logs_text(void **state)
{
    ngx_str_t  text;

    /* the euro sign is spread over two frames; then what is none */

    assert_int_equal(ngx_sandbox_docker_decode_logs(unit_pool,
        unit_text("\1\0\0\0\0\0\0\2\xe2\x82" "\1\0\0\0\0\0\0\4\xac\t\n\xff"
                  "\1\0\0\0\0\0\0\3\x1b\r\0"), 100, &text), NGX_OK);
    assert_text(&text, "\xe2\x82\xac\t\n" "\xef\xbf\xbd"
                       "\xef\xbf\xbd" "\xef\xbf\xbd" "\xef\xbf\xbd");
}


/* the newest is kept, in whole characters */

static void
test_logs_bounded(void **state)
{
    size_t      max;
    ngx_str_t   text;

    for (max = 0; max < 12; max++) {
        assert_int_equal(ngx_sandbox_docker_decode_logs(unit_pool,
                unit_text("\1\0\0\0\0\0\0\11\xe2\x82\xac" "\xff" "abc\n\xff"),
                max, &text), NGX_OK);

        assert_true(text.len <= max);
        assert_true(text.len + 2 >= max);
        assert_true(ngx_sandbox_utf8_valid(&text));
        assert_memory_equal(text.data,
                            "\xe2\x82\xac" "\xef\xbf\xbd" "abc\n"
                            "\xef\xbf\xbd" + 13 - text.len, text.len);
    }
}


static void
test_time(void **state)
{
    ngx_uint_t  i;

    static struct {
        char    *text;
        time_t   expected;
    }  cases[] = {
        { "1970-01-01T00:00:00Z", 0 },
        { "1970-01-01T00:00:01Z", 1 },
        { "2000-02-29T12:34:56Z", 951827696 },
        { "2026-11-24T00:29:46.123456789Z", 1795480186 },
        { "2026-11-24T00:29:46.1Z", 1795480186 },
        { "2026-11-24T02:29:46+02:00", 1795480186 },
        { "2026-11-23T18:59:46.5-05:30", 1795480186 },
        { "2100-03-01T00:00:00Z", 4107542400 },
        { "0001-01-01T00:00:00Z", 0 },
        { "2026-13-24T00:29:46Z", 0 },
        { "2026-11-24 00:29:46Z", 0 },
        { "2026-11-24T00:29:46", 0 },
        { "2026-11-24T00:29:46X", 0 },
        { "2026-11-24T00:29:46+0200", 0 },
        { "2026-11-24T00:29:46.Zx", 0 },
        { "2026-1a-24T00:29:46Z", 0 },
        { "2026-11-24T24:29:46Z", 0 },
        { "", 0 }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(ngx_sandbox_docker_time(unit_bytes(cases[i].text,
                                                     strlen(cases[i].text))),
                         cases[i].expected);
    }
}


static const struct CMUnitTest  tests[] = {
    ngx_sandbox_unit_test(test_message),
    ngx_sandbox_unit_test(test_logs),
    ngx_sandbox_unit_test(test_logs_cut),
    ngx_sandbox_unit_test(test_logs_sizes_lie),
    ngx_sandbox_unit_test(test_logs_garbage),
    ngx_sandbox_unit_test(test_logs_text),
    ngx_sandbox_unit_test(test_logs_bounded),
    ngx_sandbox_unit_test(test_time),
};


ngx_sandbox_unit_main(tests)
