
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Would catch: a client's bytes that reach an answer or a log unescaped, a
 * report that outgrows its buffer, a status that follows the wrong mistake.
 */


#include "ngx_sandbox_unit.h"
#include "ngx_sandbox_report.h"


static ngx_str_t             none = ngx_null_string;
static ngx_sandbox_report_t  report;


static void
mistake(ngx_sandbox_mistake_e kind, const ngx_str_t *name)
{
    ngx_sandbox_report_mistake(&report, kind, &none, name, "must be %d", 1);
}


static void
test_detail(void **state)
{
    ngx_str_t            prefix = ngx_string("warm_pool.");
    ngx_sandbox_error_t  error;

    ngx_sandbox_report_init(&report, unit_pool);
    assert_int_equal(ngx_sandbox_report_status(&report), 0);
    assert_int_equal(report.detail.len, 0);

    mistake(NGX_SANDBOX_MISTAKE_VALUE, unit_text("timeout"));
    assert_text(&report.detail, "timeout: must be 1");
    assert_int_equal(ngx_sandbox_report_status(&report), 422);

    ngx_sandbox_report_mistake(&report, NGX_SANDBOX_MISTAKE_STRUCTURE, &prefix,
                               unit_text("foo"), "unknown %s", "field");
    assert_text(&report.detail, "timeout: must be 1; warm_pool.foo: unknown "
                "field");
    assert_int_equal(ngx_sandbox_report_status(&report), 400);

    mistake(NGX_SANDBOX_MISTAKE_VALUE, unit_text("x"));
    assert_int_equal(ngx_sandbox_report_status(&report), 400);

    memset(&error, 0xa5, sizeof(error));
    ngx_sandbox_report_error(&report, &error);

    assert_int_equal(error.id, NGX_SANDBOX_INVALID_PARAMETER);
    assert_int_equal(error.status, 400);
    assert_ptr_equal(error.detail.data, report.detail.data);
    assert_int_equal(error.solution.len, 0);
}


static void
test_names(void **state)
{
    size_t     i;
    u_char     name[100];

    ngx_sandbox_report_init(&report, unit_pool);
    mistake(NGX_SANDBOX_MISTAKE_VALUE, unit_text("a\n\x1b[2J\0\xff%s%n"));
    assert_text(&report.detail, "a\\x0a\\x1b[2J\\x00\\xff%s%n: must be 1");

    memset(name, 'x', sizeof(name));

    ngx_sandbox_report_init(&report, unit_pool);
    mistake(NGX_SANDBOX_MISTAKE_VALUE, unit_bytes(name, 64));
    assert_int_equal(report.detail.len, 64 + sizeof(": must be 1") - 1);

    ngx_sandbox_report_init(&report, unit_pool);
    mistake(NGX_SANDBOX_MISTAKE_VALUE, unit_bytes(name, 65));
    assert_int_equal(report.detail.len, 64 + sizeof("...: must be 1") - 1);
    assert_memory_equal(report.detail.data + 64, "...", 3);

    memset(name, 0xff, sizeof(name));

    ngx_sandbox_report_init(&report, unit_pool);
    mistake(NGX_SANDBOX_MISTAKE_VALUE, unit_bytes(name, 100));
    assert_int_equal(report.detail.len, 4 * 64 + sizeof("...: must be 1") - 1);

    for (i = 0; i < report.detail.len; i++) {
        assert_in_range(report.detail.data[i], 0x20, 0x7e);
    }
}


static void
test_many(void **state)
{
    size_t      i, n;
    u_char     *p;
    ngx_str_t  *name;

    ngx_sandbox_report_init(&report, unit_pool);
    name = unit_text("f");

    for (i = 0; i < 16; i++) {
        mistake(NGX_SANDBOX_MISTAKE_VALUE, name);
    }

    assert_int_equal(report.detail.len, 16 * strlen("f: must be 1")
                                        + 15 * strlen("; "));

    mistake(NGX_SANDBOX_MISTAKE_VALUE, name);
    n = report.detail.len;

    assert_memory_equal(report.detail.data + n - 10, "; and more", 10);

    mistake(NGX_SANDBOX_MISTAKE_STRUCTURE, name);

    assert_int_equal(report.detail.len, n);
    assert_int_equal(report.mistakes, 18);
    assert_int_equal(ngx_sandbox_report_status(&report), 400);

    /* sixteen of the longest kind do not fit, and say so at the end */

    ngx_sandbox_report_init(&report, unit_pool);

    p = ngx_palloc(unit_pool, 64);
    assert_non_null(p);
    memset(p, 0xff, 64);
    name = unit_bytes(p, 64);

    for (i = 0; i < 20; i++) {
        ngx_sandbox_report_mistake(&report, NGX_SANDBOX_MISTAKE_VALUE, name,
                                   name, "is wrong");
    }

    assert_int_equal(report.detail.len, NGX_SANDBOX_REPORT_TEXT_MAX);
    assert_memory_equal(report.detail.data + report.detail.len - 10,
                        "; and more", 10);
}


static void
test_escape(void **state)
{
    u_char  buf[64], *p;

    p = ngx_sandbox_report_escape(buf, unit_text("ab\x7f"), 3);
    assert_int_equal(p - buf, 6);
    assert_memory_equal(buf, "ab\\x7f", 6);

    p = ngx_sandbox_report_escape(buf, unit_text("ab\x7f"), 2);
    assert_int_equal(p - buf, 5);
    assert_memory_equal(buf, "ab...", 5);

    p = ngx_sandbox_report_escape(buf, unit_text(""), 2);
    assert_int_equal(p - buf, 0);
}


static const struct CMUnitTest  tests[] = {
    ngx_sandbox_unit_test(test_detail),
    ngx_sandbox_unit_test(test_names),
    ngx_sandbox_unit_test(test_many),
    ngx_sandbox_unit_test(test_escape),
};

ngx_sandbox_unit_main(tests)
