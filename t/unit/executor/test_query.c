
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Would catch: a number that is another one's, one that is given twice, what is
 * no number, a part of a name that is taken for it.
 */


#include "unit.h"
#include "query.h"


static int
parse(const char *query, uint64_t *ret_after, uint64_t *ret_attempt)
{
    int              rc;
    sandbox_query_t  fields[] = { { "after", 5 }, { "attempt", 6 },
                                  { NULL, 0 } };

    rc = sandbox_query_parse(query, fields);

    *ret_after = fields[0].value;
    *ret_attempt = fields[1].value;

    return rc;
}


static void
test_query(void **state)
{
    size_t    i;
    uint64_t  after, attempt;

    static const struct {
        const char  *query;
        uint64_t     after;
        uint64_t     attempt;

    } good[] = {
        { NULL, 5, 6 },
        { "", 5, 6 },
        { "after=7", 7, 6 },
        { "attempt=0", 5, 0 },
        { "attempt=2&after=1000000000000", 1000000000000, 2 },
        { "after=007", 7, 6 },
    };

    static const char  *bad[] = {
        "after", "after=", "=7", "&", "after=7&", "&after=7", "after=7&&",
        "after=-1", "after= 7", "after=7x", "after=0x7", "after=7;attempt=1",
        "after=7&after=7", "attempt=1&after=2&attempt=1", "afte=7", "afterr=7",
        "a=7", "After=7", "after=7&other=1", "after=attempt=7", "after&=7",
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(parse(good[i].query, &after, &attempt), 1);
        assert_int_equal(after, good[i].after);
        assert_int_equal(attempt, good[i].attempt);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {

        if (parse(bad[i], &after, &attempt)) {
            fail_msg("taken: %s", bad[i]);
        }
    }

    assert_int_equal(parse("after=99999999999999999999999999999999999999",
                           &after, &attempt), 1);
    assert_true(after > UINT64_MAX / 16);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_query),
    };

    return cmocka_run_group_tests_name("query", tests, NULL, NULL);
}
