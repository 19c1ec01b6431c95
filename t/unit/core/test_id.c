
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Would catch: an id of another form than the contract's, one that repeats or
 * favours characters, an id from a client that could leave its path.
 */


#include "ngx_sandbox_unit.h"
#include <ctype.h>
#include "ngx_sandbox_id.h"


static ngx_uint_t
alnum(const u_char *p, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if (!((p[i] >= 'a' && p[i] <= 'z') || (p[i] >= '0' && p[i] <= '9'))) {
            return 0;
        }
    }

    return 1;
}


static void
test_forms(void **state)
{
    char       date[sizeof("exec_YYYYMMDD_")];
    size_t     i;
    time_t     now;
    ngx_str_t  id;
    struct tm  tm;

    ngx_time_update();
    now = ngx_time();
    gmtime_r(&now, &tm);
    (void) strftime(date, sizeof(date), "exec_%Y%m%d_", &tm);

    for (i = 0; i < 200; i++) {
        assert_int_equal(ngx_sandbox_id_session(unit_pool, &id), NGX_OK);
        assert_int_equal(id.len, 21);
        assert_memory_equal(id.data, "sess_", 5);
        assert_true(alnum(id.data + 5, 16));
        assert_int_equal(id.data[id.len], '\0');
        assert_true(ngx_sandbox_id_valid(&id));

        assert_int_equal(ngx_sandbox_id_template(unit_pool, &id), NGX_OK);
        assert_int_equal(id.len, 21);
        assert_memory_equal(id.data, "tmpl_", 5);
        assert_true(alnum(id.data + 5, 16));

        assert_int_equal(ngx_sandbox_id_execution(unit_pool, &id), NGX_OK);
        assert_int_equal(id.len, 22);
        assert_memory_equal(id.data, date, 14);
        assert_true(alnum(id.data + 14, 8));
        assert_int_equal(id.data[id.len], '\0');
        assert_true(ngx_sandbox_id_valid(&id));
    }
}


/*
 * 160000 characters: each of the 36 comes 4444 times, with a deviation of 66.
 * Without the dropping of bytes the first four would come an eighth more often
 * than the others, that is 8 deviations.
 */

static void
test_unbiased(void **state)
{
    size_t       i, j;
    ngx_str_t    id;
    ngx_uint_t   counts[256];

    ngx_memzero(counts, sizeof(counts));

    for (i = 0; i < 10000; i++) {
        assert_int_equal(ngx_sandbox_id_session(unit_pool, &id), NGX_OK);

        for (j = 5; j < id.len; j++) {
            counts[id.data[j]]++;
        }
    }

    for (i = 0; i < 256; i++) {
        if (counts[i] && (counts[i] < 4040 || counts[i] > 4850)) {
            fail_msg("\"%c\" comes %u times", (int) i, (unsigned) counts[i]);
        }
    }
}


static int
compare(const void *a, const void *b)
{
    return memcmp(((const ngx_str_t *) a)->data, ((const ngx_str_t *) b)->data,
                  21);
}


static void
test_unique(void **state)
{
    size_t      i, n;
    ngx_str_t  *ids;

    n = 20000;

    ids = ngx_palloc(unit_pool, n * sizeof(ngx_str_t));
    assert_non_null(ids);

    for (i = 0; i < n; i++) {
        assert_int_equal(ngx_sandbox_id_session(unit_pool, &ids[i]), NGX_OK);
    }

    qsort(ids, n, sizeof(ngx_str_t), compare);

    for (i = 1; i < n; i++) {
        assert_memory_not_equal(ids[i].data, ids[i - 1].data, 21);
    }
}


static void
test_valid(void **state)
{
    size_t      i;
    u_char      long_id[129];
    ngx_str_t  *text;
    ngx_uint_t  ch, want;

    static const char  *bad[] = {
        "", "../x", "..", ".", "a/b", "a.b", "a b", "a%2f", "a\\b", "a\n",
        "gr\xc3\xbc\xc3\x9f", "a;b", "a'b", "a\"b", "*", "a:b", "~", "\xff"
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (ngx_sandbox_id_valid(unit_bytes(bad[i], strlen(bad[i])))) {
            fail_msg("accepted: %s", bad[i]);
        }
    }

    for (ch = 0; ch < 256; ch++) {
        long_id[0] = 'a';
        long_id[1] = (u_char) ch;
        text = unit_bytes(long_id, 2);

        want = ch && (isalnum(ch) || ch == '_' || ch == '-') && ch < 0x80;

        assert_int_equal(ngx_sandbox_id_valid(text), want);
        assert_int_equal(ngx_sandbox_request_id_valid(text),
                         want || ch == '.');
    }

    memset(long_id, 'x', sizeof(long_id));

    assert_true(ngx_sandbox_id_valid(unit_bytes(long_id, 1)));
    assert_true(ngx_sandbox_id_valid(unit_bytes(long_id, 64)));
    assert_false(ngx_sandbox_id_valid(unit_bytes(long_id, 65)));

    assert_false(ngx_sandbox_request_id_valid(unit_bytes(long_id, 0)));
    assert_true(ngx_sandbox_request_id_valid(unit_bytes(long_id, 128)));
    assert_false(ngx_sandbox_request_id_valid(unit_bytes(long_id, 129)));
}


static const struct CMUnitTest  tests[] = {
    ngx_sandbox_unit_test(test_forms),
    ngx_sandbox_unit_test(test_unbiased),
    ngx_sandbox_unit_test(test_unique),
    ngx_sandbox_unit_test(test_valid),
};

ngx_sandbox_unit_main(tests)
