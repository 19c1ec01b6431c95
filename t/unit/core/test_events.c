
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Would catch: a stored output that is cut at other places than the streamed
 * one was, and a shape from a sandbox that leads out of the output, overflows,
 * or never ends.
 */


#include "ngx_sandbox_unit.h"
#include "ngx_sandbox.h"
#include "ngx_sandbox_events.h"


static ngx_int_t
collect(const char *text, uint64_t after, char *got)
{
    ngx_int_t              rc;
    ngx_str_t             *s;
    ngx_sandbox_event_t    e;
    ngx_sandbox_events_t   events;

    s = unit_bytes((u_char *) text, strlen(text));
    *got = '\0';

    ngx_sandbox_events_init(&events, s, after);

    while ((rc = ngx_sandbox_events_next(&events, &e)) == NGX_OK) {
        got += sprintf(got, "%lu%c%lu", (unsigned long) e.number,
                       e.gap ? "OE-"[e.stream] : "oe"[e.stream],
                       (unsigned long) e.len);

        if (!e.gap) {
            got += sprintf(got, "@%lu", (unsigned long) e.offset);
        }

        got += sprintf(got, " ");
    }

    return rc;
}


static void
test_read(void **state)
{
    char    got[1024];
    size_t  i;

    static const struct {
        char      *text;
        uint64_t   after;
        char      *want;
    } t[] = {
        { "", 0, "" },
        { "", 7, "" },
        { "o5", 0, "1o5@0 " },
        { "o5", 1, "" },
        { "o5 e3 o2", 0, "1o5@0 2e3@0 3o2@5 " },
        { "o5 e3 o2", 1, "2e3@0 3o2@5 " },
        { "o5 e3 o2", 2, "3o2@5 " },
        { "o5 e3 o2", 3, "" },
        { "o5 e3 o2", UINT64_MAX, "" },
        { "o5*3 e1", 0, "1o5@0 2o5@5 3o5@10 4e1@0 " },
        { "o5*3 e1", 2, "3o5@10 4e1@0 " },
        { "o5*3 e1*2 o1", 4, "5e1@1 6o1@15 " },
        { "o5*1", 0, "1o5@0 " },
        { "o5 O9x4 e2 E7x1", 0, "1o5@0 5O9 6e2@0 7E7 " },
        { "o5 O9x4 e2 E7x1", 3, "5O9 6e2@0 7E7 " },
        { "o5 O9x4 e2 E7x1", 5, "6e2@0 7E7 " },
        { "o5 O9x4 e2 E7x1", 6, "7E7 " },
        { "O9x4 o2", 0, "4O9 5o2@0 " },
        { "-x7", 0, "7-0 " },
        { "o1 -x7", 0, "1o1@0 8-0 " },
        { "o1 -x7", 7, "8-0 " },
        { "o1 -x7", 8, "" },
        { "O1000000000000000x1", 0, "1O1000000000000000 " },
        { "o1048576 e1*1048576", 1048576, "1048577e1@1048575 " }
    };

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        assert_int_equal(collect(t[i].text, t[i].after, got), NGX_DONE);
        assert_string_equal(got, t[i].want);
    }
}


static void
test_bad(void **state)
{
    char    got[4096];
    size_t  i;

    static const char  *t[] = {
        " ", "o", "5", "x", "o0", "o05", "o-1", "o+1", "o 5", "O5", "O5x",
        "O5x0", "O5*2", "o5x2", "o5*", "o5*0", "o5*01", "o5*2*2", "o5 ",
        " o5", "o5  e1", "o5,e1", "o5e1", "o5 e1 ", "p5", "-", "-5", "-x",
        "-x0", "-x1 o1", "-x1 ", "-x1x", "-5x1", "o5 -x1 -x1", "O5x2x2",
        "o1048577", "o1*1048577", "o2*524289", "o1048576 o1",
        "o1 o1048576", "o99999999999999999999", "o18446744073709551617",
        "o1*18446744073709551617", "O1000000000000001x1",
        "O1x1000000000000001", "O1x1000000000000000 o1",
        "-x99999999999999999999999", "o5\n", "o5\xff", "\xff"
    };

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        if (collect(t[i], 0, got) != NGX_ERROR) {
            fail_msg("\"%s\" is read", t[i]);
        }

        /* what nobody asks for is looked at all the same */

        if (collect(t[i], UINT64_MAX, got) != NGX_ERROR) {
            fail_msg("\"%s\" is skipped", t[i]);
        }
    }

    /* a NUL is no end */

    assert_int_equal(ngx_sandbox_events_check(unit_text("o1\0"),
                                              unit_text("a"), unit_text("")),
                     NGX_DECLINED);
}


static ngx_int_t
checked(const char *text, const char *out, const char *err)
{
    return ngx_sandbox_events_check(unit_bytes((u_char *) text, strlen(text)),
                                    unit_bytes((u_char *) out, strlen(out)),
                                    unit_bytes((u_char *) err, strlen(err)));
}


static void
test_check(void **state)
{
    assert_int_equal(checked("", "", ""), NGX_OK);
    assert_int_equal(checked("", "abc", "d"), NGX_OK);
    assert_int_equal(checked("o3", "abc", "d"), NGX_OK);
    assert_int_equal(checked("o2 e1 o1", "abc", "d"), NGX_OK);
    assert_int_equal(checked("o2 O9x9 e1 E1x1 -x5", "abc", "d"), NGX_OK);

    assert_int_equal(checked("o4", "abc", "d"), NGX_DECLINED);
    assert_int_equal(checked("o2*2", "abc", "d"), NGX_DECLINED);
    assert_int_equal(checked("e2", "abc", "d"), NGX_DECLINED);
    assert_int_equal(checked("o", "abc", "d"), NGX_DECLINED);

    /* between characters only */

    assert_int_equal(checked("o1 o3 o1", "a\xe2\x82\xac" "b", ""), NGX_OK);
    assert_int_equal(checked("o4", "a\xe2\x82\xac" "b", ""), NGX_OK);
    assert_int_equal(checked("o2", "a\xe2\x82\xac" "b", ""), NGX_DECLINED);
    assert_int_equal(checked("o2 o2", "a\xe2\x82\xac" "b", ""), NGX_DECLINED);
    assert_int_equal(checked("o1*2", "a\xe2\x82\xac" "b", ""), NGX_DECLINED);
    assert_int_equal(checked("e3", "abc", "\xf0\x9f\x98\x80"), NGX_DECLINED);
}


static void
test_bound(void **state)
{
    size_t      len;
    u_char     *p;
    ngx_str_t   text, out;

    p = ngx_palloc(unit_pool, NGX_SANDBOX_EVENTS_MAX + 1);
    assert_non_null(p);

    /* "o1 o1 ... o1", and blanks until it is as long */

    for (len = 0; len < NGX_SANDBOX_EVENTS_MAX; len += 3) {
        ngx_memcpy(p + len, "o1 ", ngx_min(3, NGX_SANDBOX_EVENTS_MAX + 1
                                              - len));
    }

    out.len = NGX_SANDBOX_OUTPUT_MAX;
    out.data = ngx_palloc(unit_pool, out.len);
    assert_non_null(out.data);
    memset(out.data, 'x', out.len);

    /* 262144 is 3 n + 1: the last token is cut to "o", so one number more */

    text.data = p;
    text.len = NGX_SANDBOX_EVENTS_MAX;
    ngx_memcpy(p + text.len - 2, "11", 2);
    assert_int_equal(ngx_sandbox_events_check(&text, &out, unit_text("")),
                     NGX_OK);

    p[text.len++] = '1';
    assert_int_equal(ngx_sandbox_events_check(&text, &out, unit_text("")),
                     NGX_DECLINED);
}


static const struct CMUnitTest  tests[] = {
    ngx_sandbox_unit_test(test_read),
    ngx_sandbox_unit_test(test_bad),
    ngx_sandbox_unit_test(test_check),
    ngx_sandbox_unit_test(test_bound),
};

ngx_sandbox_unit_main(tests)
