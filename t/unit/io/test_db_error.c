
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * What MariaDB's numbers mean, and what of its texts is passed on.  Would
 * catch: a write that may have happened reported as refused, a parameter's
 * value or a line break in a message, a text beyond its buffer.
 */


#include "ngx_sandbox_unit.h"
#include "ngx_sandbox_db_private.h"


static ngx_str_t *
text(ngx_uint_t error, const char *message)
{
    size_t  len;
    u_char  buf[NGX_SANDBOX_DB_TEXT_MAX];

    len = ngx_sandbox_db_error_text(buf, sizeof(buf), error, "HY000", message);
    assert_true(len <= sizeof(buf));

    return unit_bytes(buf, len);
}


static void
test_status(void **state)
{
    ngx_uint_t  i;

    static const struct {
        ngx_uint_t                error;
        ngx_sandbox_db_status_e   before;    /* it was sent */
        ngx_sandbox_db_status_e   after;
        ngx_uint_t                fatal;
    } t[] = {
        { 1062, NGX_SANDBOX_DB_DUPLICATE, NGX_SANDBOX_DB_DUPLICATE, 0 },
        { 1586, NGX_SANDBOX_DB_DUPLICATE, NGX_SANDBOX_DB_DUPLICATE, 0 },
        { 1451, NGX_SANDBOX_DB_REFERENCE, NGX_SANDBOX_DB_REFERENCE, 0 },
        { 1452, NGX_SANDBOX_DB_REFERENCE, NGX_SANDBOX_DB_REFERENCE, 0 },
        { 1213, NGX_SANDBOX_DB_RETRY, NGX_SANDBOX_DB_RETRY, 0 },
        { 1205, NGX_SANDBOX_DB_RETRY, NGX_SANDBOX_DB_RETRY, 0 },
        { 1969, NGX_SANDBOX_DB_UNAVAILABLE, NGX_SANDBOX_DB_UNAVAILABLE, 0 },
        { 1317, NGX_SANDBOX_DB_UNAVAILABLE, NGX_SANDBOX_DB_UNAVAILABLE, 0 },
        { 1040, NGX_SANDBOX_DB_UNAVAILABLE, NGX_SANDBOX_DB_UNAVAILABLE, 1 },
        { 1045, NGX_SANDBOX_DB_UNAVAILABLE, NGX_SANDBOX_DB_UNAVAILABLE, 1 },
        { 2006, NGX_SANDBOX_DB_UNAVAILABLE, NGX_SANDBOX_DB_UNAVAILABLE, 1 },
        { 2013, NGX_SANDBOX_DB_UNAVAILABLE, NGX_SANDBOX_DB_LOST, 1 },
        { 1927, NGX_SANDBOX_DB_UNAVAILABLE, NGX_SANDBOX_DB_LOST, 1 },
        { 1053, NGX_SANDBOX_DB_UNAVAILABLE, NGX_SANDBOX_DB_LOST, 1 },
        { 2027, NGX_SANDBOX_DB_UNAVAILABLE, NGX_SANDBOX_DB_LOST, 1 },
        { 1054, NGX_SANDBOX_DB_ERROR, NGX_SANDBOX_DB_ERROR, 0 },
        { 1366, NGX_SANDBOX_DB_ERROR, NGX_SANDBOX_DB_ERROR, 0 },
        { 0,    NGX_SANDBOX_DB_ERROR, NGX_SANDBOX_DB_ERROR, 0 },
        { 9999, NGX_SANDBOX_DB_ERROR, NGX_SANDBOX_DB_ERROR, 0 }
    };

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        assert_int_equal(ngx_sandbox_db_error_status(t[i].error, 0),
                         t[i].before);
        assert_int_equal(ngx_sandbox_db_error_status(t[i].error, 1),
                         t[i].after);
        assert_int_equal(ngx_sandbox_db_error_is_fatal(t[i].error),
                         t[i].fatal);
    }
}


static void
test_text_shown(void **state)
{
    assert_text(text(1054, "Unknown column 'x' in 'WHERE'"),
                "error 1054 (HY000): Unknown column 'x' in 'WHERE'");
    assert_text(text(2013, "Lost connection"),
                "error 2013 (HY000): Lost connection");
    assert_text(text(2099, "the library's own"),
                "error 2099 (HY000): the library's own");
}


static void
test_text_without_values(void **state)
{
    assert_text(text(1366, "Incorrect integer value: 'secret' for column"),
                "error 1366 (HY000)");
    assert_text(text(1292, "Truncated incorrect DOUBLE value: 'secret'"),
                "error 1292 (HY000)");
    assert_text(text(31337, "secret"), "error 31337 (HY000)");
}


/* the value is the client's: it may look like the end of the message */

static void
test_text_duplicate(void **state)
{
    assert_text(text(1062, "Duplicate entry 'secret' for key 'PRIMARY'"),
                "error 1062 (HY000): duplicate for key 'PRIMARY'");
    assert_text(text(1062, "Duplicate entry 'a' for key 'b' for key 'name'"),
                "error 1062 (HY000): duplicate for key 'name'");
    assert_text(text(1062, "something else: 'secret'"),
                "error 1062 (HY000): duplicate");
    assert_text(text(1062, ""), "error 1062 (HY000): duplicate");
}


static void
test_text_bounds(void **state)
{
    char        long_text[4096];
    u_char      buf[16];
    ngx_str_t  *s;

    ngx_memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';

    assert_int_equal(text(1054, long_text)->len, NGX_SANDBOX_DB_TEXT_MAX);

    ngx_memcpy(buf, "0123456789abcdef", 16);
    assert_int_equal(ngx_sandbox_db_error_text(buf, 8, 1054, "HY000", "x"), 8);
    assert_memory_equal(buf, "error 1089abcdef", 8);
    assert_memory_equal(buf + 8, "89abcdef", 8);

    s = text(1054, "a\nb\r\tc\x7f\x80\xff");
    assert_text(s, "error 1054 (HY000): a?b??c???");
}


static const struct CMUnitTest  tests[] = {
    ngx_sandbox_unit_test(test_status),
    ngx_sandbox_unit_test(test_text_shown),
    ngx_sandbox_unit_test(test_text_without_values),
    ngx_sandbox_unit_test(test_text_duplicate),
    ngx_sandbox_unit_test(test_text_bounds),
};

ngx_sandbox_unit_main(tests)
