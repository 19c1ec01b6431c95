
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Would catch: an accepted surrogate or overlong form, a refused character, a
 * sequence that is read behind the end of its text.
 */


#include "ngx_sandbox_unit.h"
#include "ngx_sandbox_utf8.h"


/* any number below 2^21 in the form that its size calls for */

static size_t
encode(u_char *p, uint32_t code)
{
    if (code < 0x80) {
        p[0] = (u_char) code;
        return 1;
    }

    if (code < 0x800) {
        p[0] = (u_char) (0xc0 | code >> 6);
        p[1] = (u_char) (0x80 | (code & 0x3f));
        return 2;
    }

    if (code < 0x10000) {
        p[0] = (u_char) (0xe0 | code >> 12);
        p[1] = (u_char) (0x80 | (code >> 6 & 0x3f));
        p[2] = (u_char) (0x80 | (code & 0x3f));
        return 3;
    }

    p[0] = (u_char) (0xf0 | code >> 18);
    p[1] = (u_char) (0x80 | (code >> 12 & 0x3f));
    p[2] = (u_char) (0x80 | (code >> 6 & 0x3f));
    p[3] = (u_char) (0x80 | (code & 0x3f));

    return 4;
}


static void
test_every_code_point(void **state)
{
    u_char    buf[4];
    size_t    n, i, want;
    uint32_t  code;

    for (code = 0; code < 0x200000; code++) {
        n = encode(buf, code);

        want = (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) ? 0 : n;

        if (ngx_sandbox_utf8_length(buf, buf + n) != want) {
            fail_msg("U+%X", code);
        }

        for (i = 1; i < n; i++) {
            if (ngx_sandbox_utf8_length(buf, buf + i) != 0) {
                fail_msg("U+%X cut to %zu", code, i);
            }
        }
    }
}


static void
test_bad(void **state)
{
    size_t  i;

    static const struct {
        char    *text;
        size_t   len;
    } cases[] = {
        { "\x80", 1 },
        { "\xbf", 1 },
        { "\xc0\x80", 2 },              /* NUL in two bytes */
        { "\xc1\xbf", 2 },
        { "\xe0\x80\x80", 3 },
        { "\xe0\x9f\xbf", 3 },
        { "\xed\xa0\x80", 3 },          /* surrogates */
        { "\xed\xbf\xbf", 3 },
        { "\xf0\x80\x80\x80", 4 },
        { "\xf0\x8f\xbf\xbf", 4 },
        { "\xf4\x90\x80\x80", 4 },      /* above U+10FFFF */
        { "\xf5\x80\x80\x80", 4 },
        { "\xff", 1 },
        { "\xfe", 1 },
        { "\xc3\x28", 2 },
        { "\xe2\x82", 2 },
        { "\xe2\x28\xa1", 3 },
        { "\xf0\x9f\x98", 3 },
        { "\xf0\x9f\x98\x28", 4 },
        { "abcdefgh\xe9", 9 },          /* behind the eight at once */
        { "abcdefg\xe9", 8 },
        { "abcdefghijklmnop\xc3", 17 }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (ngx_sandbox_utf8_valid(unit_bytes(cases[i].text, cases[i].len))) {
            fail_msg("case %zu is accepted", i);
        }
    }
}


static void
test_good(void **state)
{
    assert_true(ngx_sandbox_utf8_valid(unit_text("")));
    assert_true(ngx_sandbox_utf8_valid(unit_text("a\0b")));
    assert_true(ngx_sandbox_utf8_valid(unit_text("plain text, plain text")));
    assert_true(ngx_sandbox_utf8_valid(unit_text("gr\xc3\xbc\xc3\x9f dich")));
    assert_true(ngx_sandbox_utf8_valid(unit_text("\xe6\xb2\x99\xe7\x9b\x92"
                                                 "\xf0\x9f\x98\x80")));
    assert_true(ngx_sandbox_utf8_valid(unit_text("\xed\x9f\xbf\xee\x80\x80"
                                                 "\xf4\x8f\xbf\xbf")));
}


static const struct CMUnitTest  tests[] = {
    ngx_sandbox_unit_test(test_every_code_point),
    ngx_sandbox_unit_test(test_bad),
    ngx_sandbox_unit_test(test_good),
};

ngx_sandbox_unit_main(tests)
