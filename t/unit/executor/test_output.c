
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Would catch: a character that two reads have cut and that is lost, a byte
 * that is neither kept nor counted, an output beyond its limit.
 */


#include <unistd.h>
#include "unit.h"
#include "output.h"


static void
check(const char *in, size_t len, const char *expected)
{
    size_t            step, i, n;
    sandbox_output_t  o;

    /* cut at every distance */

    for (step = 1; step <= len; step++) {
        sandbox_output_init(&o, 1000, 1);

        for (i = 0; i < len; i += n) {
            n = len - i < step ? len - i : step;
            sandbox_output_feed(&o, (const u_char *) in + i, n);
        }

        sandbox_output_flush(&o);

        assert_int_equal(o.len, strlen(expected));
        assert_memory_equal(o.data, expected, o.len);
        assert_int_equal(o.dropped, 0);

        sandbox_output_free(&o);
    }
}


#define R  "\xef\xbf\xbd"


static void
test_text(void **state)
{
    check("a", 1, "a");
    check("\xe2\x82\xac", 3, "\xe2\x82\xac");
    check("\xf0\x9f\x98\x80", 4, "\xf0\x9f\x98\x80");
    check("\xed\x9f\xbf\xee\x80\x80", 6, "\xed\x9f\xbf\xee\x80\x80");
    check("\xf4\x8f\xbf\xbf", 4, "\xf4\x8f\xbf\xbf");

    check("\xff", 1, R);
    check("\x80\x80", 2, R R);
    check("\xc0\x80", 2, R R);
    check("\xc1\xbf", 2, R R);
    check("\xe2\x82", 2, R);
    check("\xe2\x82x", 3, R "x");
    check("\xe2\x82\xe2\x82\xac", 5, R "\xe2\x82\xac");
    check("\xe0\x80\x80", 3, R R R);
    check("\xed\xa0\x80", 3, R R R);
    check("\xf0\x80\x80\x80", 4, R R R R);
    check("\xf0\x9f\x98", 3, R);
    check("\xf0\x9f\x98x", 4, R "x");
    check("\xf4\x90\x80\x80", 4, R R R R);
    check("\xf5\x80", 2, R R);
    check("a\xc3", 2, "a" R);
}


static void
feed(sandbox_output_t *o, const char *text)
{
    sandbox_output_feed(o, (const u_char *) text, strlen(text));
}


static void
test_limit(void **state)
{
    sandbox_output_t  o;

    sandbox_output_init(&o, 4, 1);
    feed(&o, "abcd");
    assert_int_equal(o.dropped, 0);
    feed(&o, "efg");
    assert_int_equal(o.len, 4);
    assert_int_equal(o.dropped, 3);
    sandbox_output_free(&o);

    /* a character that does not fit is dropped whole, and all behind it */

    sandbox_output_init(&o, 4, 1);
    feed(&o, "ab\xe2\x82\xac" "c\xe2\x82");
    sandbox_output_flush(&o);
    assert_int_equal(o.len, 2);
    assert_int_equal(o.dropped, 6);
    sandbox_output_free(&o);

    /* so is a replacement, counted as what was written */

    sandbox_output_init(&o, 4, 1);
    feed(&o, "ab\xff" "c");
    assert_int_equal(o.len, 2);
    assert_int_equal(o.dropped, 2);
    sandbox_output_free(&o);

    sandbox_output_init(&o, 4, 1);
    feed(&o, "ab\xe2\x82");
    sandbox_output_flush(&o);
    assert_int_equal(o.len, 2);
    assert_int_equal(o.dropped, 2);
    sandbox_output_free(&o);

    /* raw bytes fill it to the last one */

    sandbox_output_init(&o, 4, 0);
    feed(&o, "abc\xff" "d");
    assert_int_equal(o.len, 4);
    assert_int_equal(o.dropped, 1);
    assert_memory_equal(o.data, "abc\xff", 4);
    sandbox_output_free(&o);
}


/* each byte is either in the output or counted, whatever it is */

static void
test_accounting(void **state)
{
    u_char            in[256];
    size_t            i, k, n, fed;
    sandbox_output_t  whole, cut;

    srand(11);

    for (i = 0; i < 20000; i++) {
        n = 1 + rand() % sizeof(in);

        for (k = 0; k < n; k++) {
            in[k] = rand() % 3 ? 0x80 + rand() % 0x80 : rand() % 0x80;
        }

        sandbox_output_init(&whole, 100000, 1);
        sandbox_output_feed(&whole, in, n);
        sandbox_output_flush(&whole);
        assert_int_equal(whole.dropped, 0);

        sandbox_output_init(&cut, 1 + rand() % 300, 1);

        for (fed = 0; fed < n; fed += k) {
            k = 1 + rand() % (n - fed);
            sandbox_output_feed(&cut, in + fed, k);
        }

        sandbox_output_flush(&cut);

        assert_true(cut.len <= cut.limit && cut.len <= whole.len);
        assert_true(cut.dropped <= n);
        assert_true((cut.len == whole.len) == (cut.dropped == 0));

        if (cut.len) {
            assert_memory_equal(cut.data, whole.data, cut.len);
        }

        sandbox_output_free(&whole);
        sandbox_output_free(&cut);
    }
}


static void
test_pipe(void **state)
{
    int                 fds[2];
    struct event_base  *base;
    sandbox_output_t    o;

    base = event_base_new();
    assert_non_null(base);

    /* the other end stays open: finish does not wait for its end */

    assert_int_equal(pipe(fds), 0);

    sandbox_output_init(&o, 100, 1);
    assert_int_equal(sandbox_output_open(&o, base, fds[0]), SANDBOX_OK);
    assert_int_equal(write(fds[1], "hello\xe2", 6), 6);

    sandbox_output_finish(&o);

    assert_int_equal(o.len, 8);
    assert_memory_equal(o.data, "hello" R, 8);
    assert_int_equal(o.fd, -1);

    sandbox_output_free(&o);
    close(fds[1]);

    sandbox_output_init(&o, 100, 1);
    assert_int_equal(sandbox_output_open(&o, base, -1), SANDBOX_ERROR);
    sandbox_output_finish(&o);
    assert_int_equal(o.len, 0);
    sandbox_output_free(&o);

    event_base_free(base);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_accounting),
        cmocka_unit_test(test_pipe)
    };

    return cmocka_run_group_tests_name("output", tests, NULL, NULL);
}
