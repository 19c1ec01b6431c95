
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Would catch: local time in place of UTC, missing padding, a format that
 * MariaDB or the JSON writer does not take back.
 */


#include "ngx_sandbox_unit.h"
#include "ngx_sandbox_json_writer.h"
#include "ngx_sandbox_time.h"


static void
test_format(void **state)
{
    size_t       i;
    u_char       buf[NGX_SANDBOX_TIME_LEN], *end;

    static const struct {
        time_t       sec;
        ngx_uint_t   msec;
        char        *text;
    } cases[] = {
        { 0, 0, "1970-01-01 00:00:00.000" },
        { 951782400, 7, "2000-02-29 00:00:00.007" },
        { 1700000000, 999, "2023-11-14 22:13:20.999" },
        { 4102444799, 50, "2099-12-31 23:59:59.050" }
    };

    (void) setenv("TZ", "Asia/Tokyo", 1);
    tzset();

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        end = ngx_sandbox_time_format(buf, cases[i].sec, cases[i].msec);

        assert_int_equal(end - buf, NGX_SANDBOX_TIME_LEN);
        assert_memory_equal(buf, cases[i].text, NGX_SANDBOX_TIME_LEN);
    }
}


static void
test_after(void **state)
{
    size_t     i;
    u_char     buf[NGX_SANDBOX_TIME_LEN];
    ngx_str_t  from;

    static const struct {
        char        *from;
        ngx_msec_t   msec;
        char        *text;          /* NULL: refused */
    } cases[] = {
        { "2023-11-14 22:13:20.007", 0, "2023-11-14 22:13:20.007" },
        { "2024-02-28 23:59:59.990", 15, "2024-02-29 00:00:00.005" },
        { "2026-12-31 23:00:00.000", 3600000, "2027-01-01 00:00:00.000" },
        { "2023-11-14 22:13:20", 0, NULL },
        { "2023-11-14T22:13:20.007", 0, NULL },
        { "2023-11-14 22:13:20.0x7", 0, NULL },
        { "2023-13-14 22:13:20.007", 0, NULL },
        { "2023-11-14 22:13:20.0071", 0, NULL },
        { "", 0, NULL }
    };

    (void) setenv("TZ", "Asia/Tokyo", 1);
    tzset();

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        from.data = (u_char *) cases[i].from;
        from.len = ngx_strlen(cases[i].from);

        if (cases[i].text == NULL) {
            assert_int_equal(ngx_sandbox_time_after(buf, &from,
                                                    cases[i].msec),
                             NGX_DECLINED);
            continue;
        }

        assert_int_equal(ngx_sandbox_time_after(buf, &from, cases[i].msec),
                         NGX_OK);
        assert_memory_equal(buf, cases[i].text, NGX_SANDBOX_TIME_LEN);
    }
}


static void
test_now(void **state)
{
    u_char              buf[NGX_SANDBOX_TIME_LEN], now[NGX_SANDBOX_TIME_LEN];
    ngx_str_t           text, ret;
    ngx_time_t         *tp;
    ngx_sandbox_json_t  json;

    ngx_time_update();
    tp = ngx_timeofday();

    (void) ngx_sandbox_time_now(buf, 3600);
    (void) ngx_sandbox_time_format(now, tp->sec + 3600, tp->msec);

    assert_memory_equal(buf, now, NGX_SANDBOX_TIME_LEN);

    text.data = buf;
    text.len = NGX_SANDBOX_TIME_LEN;

    ngx_sandbox_json_init(&json, unit_pool, 0);
    ngx_sandbox_json_time(&json, &text);

    assert_int_equal(ngx_sandbox_json_finish(&json, &ret), NGX_OK);
    assert_int_equal(ret.len, NGX_SANDBOX_TIME_LEN + 3);
}


static const struct CMUnitTest  tests[] = {
    ngx_sandbox_unit_test(test_format),
    ngx_sandbox_unit_test(test_after),
    ngx_sandbox_unit_test(test_now),
};

ngx_sandbox_unit_main(tests)
