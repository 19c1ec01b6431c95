
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Would catch: a quantity that is read as another one, a rounding down that
 * gives less than was asked for, a sign, an exponent or an overflow that gets
 * through.
 */


#include "ngx_sandbox_unit.h"
#include "ngx_sandbox_quantity.h"


typedef ngx_int_t (*quantity_pt)(const ngx_str_t *text, ngx_uint_t *ret);


typedef struct {
    char        *text;
    ngx_uint_t   value;
} quantity_t;


static void
accepted(quantity_pt read, const quantity_t *q)
{
    ngx_uint_t  value;

    for ( /* void */ ; q->text; q++) {
        value = 4711;

        if (read(unit_bytes(q->text, strlen(q->text)), &value) != NGX_OK
            || value != q->value)
        {
            fail_msg("%s: %llu", q->text, (unsigned long long) value);
        }
    }
}


static void
refused(quantity_pt read, const char **text)
{
    ngx_uint_t  value;

    for ( /* void */ ; *text; text++) {
        value = 4711;

        if (read(unit_bytes(*text, strlen(*text)), &value) != NGX_DECLINED
            || value != 4711)
        {
            fail_msg("%s: %llu", *text, (unsigned long long) value);
        }
    }
}


static void
test_cpu(void **state)
{
    static const quantity_t  good[] = {
        { "0.1", 100 }, { "4", 4000 }, { "1.5", 1500 }, { "0.125", 125 },
        { "500m", 500 }, { "0", 0 }, { "1.000", 1000 }, { "01", 1000 },
        { "0.07", 70 }, { "999999999999999", 999999999999999000 },
        { NULL, 0 }
    };

    static const char  *bad[] = {
        "", "m", ".5", "1.", "1.0001", "-1", "+1", "1e3", "0x1", " 1", "1 ",
        "1,5", "0.5m", "500M", "500mm", "500Mi", "nan", "inf", "1/2",
        "1000000000000000", "99999999999999999999", "1.2.3", NULL
    };

    accepted(ngx_sandbox_quantity_cpu, good);
    refused(ngx_sandbox_quantity_cpu, bad);
}


static void
test_size(void **state)
{
    static const quantity_t  good[] = {
        { "128Mi", 128 }, { "8Gi", 8192 }, { "1.5Gi", 1536 },
        { "1Ti", 1048576 },
        { "1024Ki", 1 }, { "1025Ki", 2 }, { "1Ki", 1 },
        { "512M", 489 }, { "1G", 954 }, { "1k", 1 }, { "1T", 953675 },
        { "1048576", 1 }, { "1048577", 2 }, { "134217728", 128 }, { "0", 0 },
        { "0Mi", 0 }, { "0.001Gi", 2 }, { NULL, 0 }
    };

    static const char  *bad[] = {
        "", "Mi", ".5Gi", "1.Gi", "-1Gi", "+1Gi", "1 Gi", "1gi", "1GB", "1GiB",
        "1K", "1m", "1MI", "1Mi ", " 1Mi", "1e9", "1.0001Gi", "1Pi",
        "999999999999999Ti", "999999999999999Gi", "1Mi\n", NULL
    };

    accepted(ngx_sandbox_quantity_mb, good);
    refused(ngx_sandbox_quantity_mb, bad);

    /* a NUL and what follows it are part of the text */

    refused(ngx_sandbox_quantity_mb, (const char *[]) { "1Mi\x01", NULL });
    assert_int_equal(ngx_sandbox_quantity_mb(unit_text("1Mi\0"),
                                             &(ngx_uint_t) { 0 }),
                     NGX_DECLINED);
}


static void
test_text(void **state)
{
    size_t      i;
    ngx_str_t   text;
    ngx_uint_t  back;

    static const struct {
        ngx_uint_t   milli;
        char        *text;
    } cpu[] = {
        { 100, "0.1" }, { 500, "0.5" }, { 1000, "1" }, { 1250, "1.25" },
        { 4000, "4" }, { 125, "0.125" }, { 10, "0.01" }, { 0, "0" },
        { 10000, "10" }
    };

    static const struct {
        ngx_uint_t   mb;
        char        *text;
    } size[] = {
        { 128, "128Mi" }, { 1024, "1Gi" }, { 1536, "1536Mi" }, { 8192, "8Gi" },
        { 0, "0Mi" }, { 1, "1Mi" }
    };

    for (i = 0; i < sizeof(cpu) / sizeof(cpu[0]); i++) {
        assert_int_equal(ngx_sandbox_quantity_cpu_text(unit_pool, cpu[i].milli,
                                                       &text),
                         NGX_OK);
        assert_int_equal(text.len, strlen(cpu[i].text));
        assert_memory_equal(text.data, cpu[i].text, text.len);

        assert_int_equal(ngx_sandbox_quantity_cpu(&text, &back), NGX_OK);
        assert_int_equal(back, cpu[i].milli);
    }

    for (i = 0; i < sizeof(size) / sizeof(size[0]); i++) {
        assert_int_equal(ngx_sandbox_quantity_mb_text(unit_pool, size[i].mb,
                                                      &text),
                         NGX_OK);
        assert_int_equal(text.len, strlen(size[i].text));
        assert_memory_equal(text.data, size[i].text, text.len);

        assert_int_equal(ngx_sandbox_quantity_mb(&text, &back), NGX_OK);
        assert_int_equal(back, size[i].mb);
    }
}


static const struct CMUnitTest  tests[] = {
    ngx_sandbox_unit_test(test_cpu),
    ngx_sandbox_unit_test(test_size),
    ngx_sandbox_unit_test(test_text),
};

ngx_sandbox_unit_main(tests)
