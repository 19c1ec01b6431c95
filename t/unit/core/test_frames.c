
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Would catch: a frame that is cut where its bytes happened to be cut on their
 * way, and a sandbox whose frames lie: numbers that go back, lengths without a
 * bound, text that is no UTF-8, bytes behind the end.
 */


#include "ngx_sandbox_unit.h"
#include "ngx_sandbox_frames.h"


/* all frames of a text, read as if it came in pieces of "step" bytes */

static ngx_int_t
collect(const char *text, size_t len, size_t step, char *got)
{
    u_char                *p, *end, *last;
    ngx_int_t              rc;
    ngx_str_t             *s;
    ngx_sandbox_frame_t    f;
    ngx_sandbox_frames_t   frames;

    s = unit_bytes((u_char *) text, len);
    *got = '\0';

    ngx_memzero(&frames, sizeof(ngx_sandbox_frames_t));

    p = s->data;
    end = p + len;
    last = p;

    for ( ;; ) {
        rc = ngx_sandbox_frames_next(&frames, &p, last, &f);

        if (rc == NGX_OK) {
            got += sprintf(got, "%c%lu:%.*s:%lu ", f.type,
                           (unsigned long) f.number, (int) f.text.len,
                           f.text.data, (unsigned long) f.missed);
            continue;
        }

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (last == end) {
            return frames.ended ? NGX_DONE : NGX_AGAIN;
        }

        /* what it says it needs is more than there is, and bounded */
        assert_true(frames.need > (size_t) (last - p));
        assert_true(frames.need <= NGX_SANDBOX_FRAME_MAX);

        last += ngx_min(step, (size_t) (end - last));
    }
}


static void
test_frames(void **state)
{
    char    got[1024];
    size_t  i, step;

    static const struct {
        char       *text;
        ngx_int_t   rc;
        char       *want;
    } t[] = {
        { "", NGX_AGAIN, "" },
        { "z 0 0\n\n", NGX_DONE, "z0::0 " },
        { "o 1 6\nhello\n\ne 2 4\noops\nz 2 0\n\n", NGX_DONE,
          "o1:hello\n:0 e2:oops:0 z2::0 " },
        { "O 7 3\n123\nE 9 1\n0\no 10 1\nx\n", NGX_AGAIN,
          "O7:123:123 E9:0:0 o10:x:0 " },
        { "h 0 0\n\nh 0 0\n\n", NGX_AGAIN, "h0::0 h0::0 " },
        { "o 5 1\nx\nh 3 0\n\nz 1 0\n\n", NGX_DONE,
          "o5:x:0 h3::0 z1::0 " },
        { "o 1 2\n\xc3\xa9\n", NGX_AGAIN, "o1:\xc3\xa9:0 " },
        { "o 999999999999 1\nx\n", NGX_AGAIN, "o999999999999:x:0 " },
        { "O 1 15\n999999999999000\n", NGX_AGAIN,
          "O1:999999999999000:999999999999000 " },
        { "o 1 5\nhel", NGX_AGAIN, "" },
        { "o 1", NGX_AGAIN, "" },

        { "x 1 1\nx\n", NGX_ERROR, "" },
        { "\n", NGX_ERROR, "" },
        { "o1 1\nx\n", NGX_ERROR, "" },
        { "o 1  1\nx\n", NGX_ERROR, "" },
        { "o  1 1\nx\n", NGX_ERROR, "" },
        { "o 1 1 \nx\n", NGX_ERROR, "" },
        { "o 1\nx\n", NGX_ERROR, "" },
        { "o 1 \nx\n", NGX_ERROR, "" },
        { "o -1 1\nx\n", NGX_ERROR, "" },
        { "o +1 1\nx\n", NGX_ERROR, "" },
        { "o 1 -1\nx\n", NGX_ERROR, "" },
        { "o 0 1\nx\n", NGX_ERROR, "" },
        { "o 1 0\n\n", NGX_ERROR, "" },
        { "o 1 1\nxx\n", NGX_ERROR, "" },
        { "o 1 2\nx\n\no", NGX_AGAIN, "o1:x\n:0 " },
        { "o 1 65537\n", NGX_ERROR, "" },
        { "o 1 18446744073709551617\n", NGX_ERROR, "" },
        { "o 1000000000000 1\nx\n", NGX_ERROR, "" },
        { "o 18446744073709551617 1\nx\n", NGX_ERROR, "" },
        { "o 1 1\nx\no 1 1\nx\n", NGX_ERROR, "o1:x:0 " },
        { "o 2 1\nx\ne 1 1\nx\n", NGX_ERROR, "o2:x:0 " },
        { "o 2 1\nx\nE 2 1\n1\n", NGX_ERROR, "o2:x:0 " },
        { "h 0 1\nx\n", NGX_ERROR, "" },
        { "z 0 1\nx\n", NGX_ERROR, "" },
        { "z 0 0\n\nh 0 0\n\n", NGX_ERROR, "z0::0 " },
        { "O 1 1\nx\n", NGX_ERROR, "" },
        { "O 1 2\n1x\n", NGX_ERROR, "" },
        { "O 1 0\n\n", NGX_ERROR, "" },
        { "O 1 16\n9999999999999999\n", NGX_ERROR, "" },
        { "o 1 1\n\xff\n", NGX_ERROR, "" },
        { "o 1 1\n\xc3\n\xa9", NGX_ERROR, "" },
        { "o 1 3\n\xed\xa0\x80\n", NGX_ERROR, "" },
        { "o 00000000000000000000000000000000000000000000000000000000000001 1"
          "\nx\n", NGX_ERROR, "" },
        { "HTTP/1.0 200 OK\r\n\r\n", NGX_ERROR, "" }
    };

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        for (step = 1; step < 12; step++) {
            assert_int_equal(collect(t[i].text, strlen(t[i].text), step, got),
                             t[i].rc);
            assert_string_equal(got, t[i].want);
        }
    }
}


/* the largest, and a head that never ends */

static void
test_bounds(void **state)
{
    char  *text, *got;

    text = malloc(NGX_SANDBOX_FRAME_MAX);
    got = malloc(2 * NGX_SANDBOX_FRAME_MAX);

    memset(text, 'x', NGX_SANDBOX_FRAME_MAX);
    memcpy(text, "o 1 65536\n", 10);
    text[10 + 65536] = '\n';

    assert_int_equal(collect(text, 65536 + 11, 4096, got), NGX_AGAIN);
    assert_int_equal(strlen(got), sizeof("o1:") - 1 + 65536 + 3);

    memset(text, '0', NGX_SANDBOX_FRAME_MAX);
    memcpy(text, "o ", 2);

    assert_int_equal(collect(text, 63, 1, got), NGX_AGAIN);
    assert_int_equal(collect(text, 64, 1, got), NGX_ERROR);

    free(text);
    free(got);
}


static void
test_answer(void **state)
{
    size_t       i;
    char        *text;
    u_char      *p;
    ngx_str_t   *s;
    ngx_int_t    rc;
    ngx_uint_t   status;

    static const struct {
        char       *text;
        ngx_int_t   rc;
        ngx_uint_t  status;
        char       *rest;
    } t[] = {
        { "HTTP/1.0 200 OK\r\n\r\no 1", NGX_OK, 200, "o 1" },
        { "HTTP/1.1 404 Not Found\r\nA: b\r\nC:\r\n\r\n", NGX_OK, 404, "" },
        { "HTTP/1.1 200\r\n\r\n", NGX_OK, 200, "" },
        { "HTTP/1.1 200 OK\nA: b\n\nx", NGX_OK, 200, "x" },
        { "", NGX_AGAIN, 0, "" },
        { "HTTP/1.1 200 OK\r\n", NGX_AGAIN, 0, "" },
        { "HTTP/1.1 200 OK\r\n\r", NGX_AGAIN, 0, "" },
        { "HTTP/2.0 200 OK\r\n\r\n", NGX_ERROR, 0, "" },
        { "HTTP/1.x 200 OK\r\n\r\n", NGX_ERROR, 0, "" },
        { "HTTP/1.1 2000 OK\r\n\r\n", NGX_ERROR, 0, "" },
        { "HTTP/1.1 20 OK\r\n\r\n", NGX_ERROR, 0, "" },
        { "HTTP/1.1 099 OK\r\n\r\n", NGX_ERROR, 0, "" },
        { "HTTP/1.1  200\r\n\r\n", NGX_ERROR, 0, "" },
        { "garbage that ends\r\n\r\n", NGX_ERROR, 0, "" },
        { "\r\n\r\n", NGX_ERROR, 0, "" },
        { "x\n\n", NGX_AGAIN, 0, "" },
        { "xx\n\n", NGX_ERROR, 0, "" }
    };

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        s = unit_bytes((u_char *) t[i].text, strlen(t[i].text));
        p = s->data;
        status = 0;

        rc = ngx_sandbox_frames_answer(&p, s->data + s->len, &status);

        assert_int_equal(rc, t[i].rc);
        assert_int_equal(status, t[i].status);

        if (rc == NGX_OK) {
            assert_int_equal(s->data + s->len - p, strlen(t[i].rest));
        }
    }

    text = malloc(NGX_SANDBOX_FRAMES_ANSWER_MAX + 1);
    memset(text, 'x', NGX_SANDBOX_FRAMES_ANSWER_MAX + 1);
    p = (u_char *) text;

    assert_int_equal(ngx_sandbox_frames_answer(&p, p
                                               + NGX_SANDBOX_FRAMES_ANSWER_MAX,
                                               &status), NGX_AGAIN);
    assert_int_equal(ngx_sandbox_frames_answer(&p, p + 1
                                               + NGX_SANDBOX_FRAMES_ANSWER_MAX,
                                               &status), NGX_ERROR);
    free(text);
}


static const struct CMUnitTest  tests[] = {
    ngx_sandbox_unit_test(test_frames),
    ngx_sandbox_unit_test(test_bounds),
    ngx_sandbox_unit_test(test_answer),
};

ngx_sandbox_unit_main(tests)
