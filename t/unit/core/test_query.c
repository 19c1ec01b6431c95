
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Would catch: an escape that is decoded wrongly or twice, a parameter that is
 * ignored, a NUL that cuts a value, a copy that is written behind its end.
 */


#include "ngx_sandbox_unit.h"
#include "ngx_sandbox_query.h"


typedef struct {
    ngx_sandbox_fields_t   fields;
    ngx_str_t              cursor;
    ngx_str_t              template_id;
    ngx_uint_t             status;
    ngx_int_t              limit;
    ngx_int_t              offset;
    double                 interval;
    ngx_uint_t             redirect;
    ngx_sandbox_items_t    metadata;
} query_t;


static const ngx_str_t  statuses[] = {
    ngx_string("running"),
    ngx_string("failed"),
    ngx_null_string
};


#define row(name, type, flags, min, max, data)                                \
    { ngx_string(#name), NGX_SANDBOX_FIELD_##type, flags, min, max,           \
      offsetof(query_t, name), data, NULL, NULL }


static const ngx_sandbox_field_t  fields[] = {
    row(cursor, STRING, NGX_SANDBOX_FIELD_LINE, 0, 20, NULL),
    row(template_id, ID, 0, 0, 0, NULL),
    row(status, ENUM, 0, 0, 0, statuses),
    row(limit, INT, NGX_SANDBOX_FIELD_CLAMP, 1, 200, NULL),
    row(offset, INT, 0, 0, 1000000, NULL),
    row(interval, NUMBER, 0, 100, 10000, NULL),
    row(redirect, BOOL, 0, 0, 0, NULL),

    { ngx_string("metadata."), NGX_SANDBOX_FIELD_PREFIX, 0, 256, 4,
      offsetof(query_t, metadata), NULL, NULL, NULL },

      ngx_sandbox_null_field
};


static query_t               query;
static ngx_sandbox_report_t  report;


static ngx_int_t
parse(const char *args)
{
    ngx_memzero(&query, sizeof(query));
    query.limit = 50;

    ngx_sandbox_report_init(&report, unit_pool);

    return ngx_sandbox_query_parse(unit_pool, unit_bytes(args, strlen(args)),
                                   fields, &query, &report);
}


static void
test_everything(void **state)
{
    ngx_keyval_t  *kv;

    assert_int_equal(parse("cursor=a%2Bb%20c+d&template_id=python-basic"
                           "&status=failed&limit=201&offset=0&interval=0.1"
                           "&redirect=1&metadata.a=b&metadata.%63%2e=%c3%bc"),
                     NGX_OK);

    assert_text(&query.cursor, "a+b c d");
    assert_text(&query.template_id, "python-basic");
    assert_int_equal(query.status, 1);
    assert_int_equal(query.limit, 200);
    assert_int_equal(query.offset, 0);
    assert_true(query.interval == 0.1);
    assert_int_equal(query.redirect, 1);

    assert_int_equal(query.metadata.nelts, 2);
    kv = query.metadata.elts;
    assert_text(&kv[0].key, "a");
    assert_text(&kv[0].value, "b");
    assert_text(&kv[1].key, "c.");
    assert_text(&kv[1].value, "\xc3\xbc");

    assert_true(ngx_sandbox_is_set(fields, &query, offset));
    assert_true(ngx_sandbox_is_set(fields, &query, metadata));
}


static void
test_nothing(void **state)
{
    assert_int_equal(parse(""), NGX_OK);
    assert_int_equal(query.limit, 50);
    assert_int_equal(query.fields.set, 0);

    assert_int_equal(parse("&&&"), NGX_OK);
    assert_int_equal(query.fields.set, 0);

    assert_int_equal(parse("&limit=3&"), NGX_OK);
    assert_int_equal(query.limit, 3);
}


static void
test_good(void **state)
{
    size_t  i;

    static const struct {
        char        *args;
        ngx_int_t    limit;
        ngx_uint_t   redirect;
    } cases[] = {
        { "limit=1", 1, 0 }, { "limit=200", 200, 0 }, { "limit=007", 7, 0 },
        { "limit=99999999999999999999999", 200, 0 },
        { "l%69mit=%31", 1, 0 },
        { "redirect", 50, 1 }, { "redirect=", 50, 1 },
        { "redirect=true", 50, 1 }, { "redirect=false", 50, 0 },
        { "redirect=0", 50, 0 }, { "cursor=a=b", 50, 0 },
        { "cursor=12345678901234567890", 50, 0 }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (parse(cases[i].args) != NGX_OK
            || query.limit != cases[i].limit
            || query.redirect != cases[i].redirect)
        {
            fail_msg("%s: %.*s", cases[i].args, (int) report.detail.len,
                     report.detail.data);
        }
    }

    /* an escaped separator separates nothing, and nothing is decoded twice */

    assert_int_equal(parse("cursor=a%26limit%3d1%2541"), NGX_OK);
    assert_text(&query.cursor, "a&limit=1%41");
}


static void
test_one_mistake(void **state)
{
    size_t  i;

    static const struct {
        char        *args;
        ngx_uint_t   status;
        char        *detail;
    } cases[] = {
        { "foo=1", 400, "foo: unknown parameter" },
        { "limt=1", 400, "limt: unknown parameter, did you mean \"limit\"?" },
        { "Limit=1", 400, NULL },
        { "=1", 400, ": unknown parameter" },
        { "limit=1&limit=1", 400, "limit: is given twice" },
        { "limit=1&l%69mit=2", 400, "limit: is given twice" },
        { "limit=0", 422, "limit: must be an integer from 1 to 200" },
        { "limit=-1", 422, NULL },
        { "limit=-99999999999999999999", 422, NULL },
        { "limit=", 400, "limit: must be an integer from 1 to 200" },
        { "limit", 400, NULL },
        { "limit=-", 400, NULL },
        { "limit=1.0", 400, NULL },
        { "limit=1e2", 400, NULL },
        { "limit=+1", 400, NULL },
        { "limit=%201", 400, NULL },
        { "offset=1000001", 422, NULL },
        { "offset=9223372036854775808", 422, NULL },
        { "interval=0.0999", 422, "interval: must be a number from 0.1 to "
                                  "10" },
        { "interval=1e999", 422, NULL },
        { "interval=nan", 400, NULL },
        { "interval=0x1", 400, NULL },
        { "interval=", 400, NULL },
        { "redirect=yes", 400, "redirect: must be true or false" },
        { "redirect=2", 400, NULL },
        { "status=Running", 422, "status: must be one of running, failed" },
        { "status=", 422, NULL },
        { "template_id=../x", 422, NULL },
        { "template_id=..%2fx", 422, NULL },
        { "template_id=", 422, NULL },
        { "cursor=123456789012345678901", 422, NULL },
        { "cursor=a%0ab", 422, NULL },
        { "cursor=%", 400, "cursor: must be valid UTF-8 with correct %XX "
                           "escapes and without NUL" },
        { "cursor=%4", 400, NULL },
        { "cursor=%zz", 400, NULL },
        { "cursor=%-1", 400, NULL },
        { "cursor=a%00b", 400, NULL },
        { "cursor=%ff", 400, NULL },
        { "cursor=%ed%a0%80", 400, NULL },
        { "cursor=\xc3", 400, NULL },
        { "%00=1", 400, "%00: must be valid UTF-8 with correct %XX escapes "
                        "and without NUL" },
        { "metadata.=x", 422, "metadata.: at most 4 of them, with names of 1 "
                              "to 64 and values of 0 to 256 bytes" },
        { "metadata.a=1&metadata.a=2", 400, "metadata.a: is given twice" },
        { "metadata.a=1&metadata.b=1&metadata.c=1&metadata.d=1&metadata.e=1",
          422, NULL },
        { "metadata=1", 400, NULL }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        if (parse(cases[i].args) != NGX_DECLINED) {
            fail_msg("accepted: %s", cases[i].args);
        }

        if (report.mistakes != 1
            || ngx_sandbox_report_status(&report) != cases[i].status
            || (cases[i].detail
                && (report.detail.len != strlen(cases[i].detail)
                    || memcmp(report.detail.data, cases[i].detail,
                              report.detail.len))))
        {
            fail_msg("%s: %d, %.*s", cases[i].args,
                     (int) ngx_sandbox_report_status(&report),
                     (int) report.detail.len, report.detail.data);
        }
    }
}


static void
test_nul_byte(void **state)
{
    ngx_memzero(&query, sizeof(query));
    ngx_sandbox_report_init(&report, unit_pool);

    assert_int_equal(ngx_sandbox_query_parse(unit_pool,
                                             unit_text("cursor=a\0b"), fields,
                                             &query, &report),
                     NGX_DECLINED);
    assert_int_equal(report.structural, 1);
}


/* an escape that its text cuts off, though the memory behind would end it */

static void
test_cut_escape(void **state)
{
    ngx_str_t  *args;

    args = unit_text("cursor=%41");
    args->len--;

    ngx_memzero(&query, sizeof(query));
    ngx_sandbox_report_init(&report, unit_pool);

    assert_int_equal(ngx_sandbox_query_parse(unit_pool, args, fields, &query,
                                             &report),
                     NGX_DECLINED);
    assert_int_equal(report.structural, 1);
}


/* long enough that the copy is memory which the sanitizer watches */

static void
test_long(void **state)
{
    u_char       args[20001];
    size_t       i;
    ngx_pool_t  *pool;

    for (i = 0; i < sizeof(args); i++) {
        args[i] = (i & 1) ? '&' : 'a';
    }

    pool = ngx_create_pool(512, &unit_log);
    assert_non_null(pool);

    ngx_memzero(&query, sizeof(query));
    ngx_sandbox_report_init(&report, pool);

    assert_int_equal(ngx_sandbox_query_parse(pool,
                                             unit_bytes(args, sizeof(args)),
                                             fields, &query, &report),
                     NGX_DECLINED);
    assert_int_equal(report.mistakes, 17);

    memset(args, 'b', sizeof(args));
    ngx_memcpy(args, "cursor=", 7);

    ngx_memzero(&query, sizeof(query));
    ngx_sandbox_report_init(&report, pool);

    assert_int_equal(ngx_sandbox_query_parse(pool,
                                             unit_bytes(args, sizeof(args)),
                                             fields, &query, &report),
                     NGX_DECLINED);
    assert_int_equal(report.mistakes, 1);

    ngx_destroy_pool(pool);
}


static const struct CMUnitTest  tests[] = {
    ngx_sandbox_unit_test(test_everything),
    ngx_sandbox_unit_test(test_nothing),
    ngx_sandbox_unit_test(test_good),
    ngx_sandbox_unit_test(test_one_mistake),
    ngx_sandbox_unit_test(test_nul_byte),
    ngx_sandbox_unit_test(test_cut_escape),
    ngx_sandbox_unit_test(test_long),
};

ngx_sandbox_unit_main(tests)
