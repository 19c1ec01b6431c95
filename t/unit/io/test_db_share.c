
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Reads that share a statement.  Would catch: one that is joined although it
 * was sent before, or is about another row; a follower that is never ended, or
 * ended twice; one that is forgotten when the first one's request goes away; a
 * result in memory that somebody else frees.
 */


#include "ngx_sandbox_db_play.h"


/* those that want the same as one that waits share its result */

static void
wants(ngx_uint_t i, ngx_sandbox_db_param_t *param, char *value)
{
    static ngx_sandbox_db_stmt_t  shared = { "shared", ngx_string("SELECT ?"),
                                             1, 2, 1, 0, 0, 1 };

    param->type = NGX_SANDBOX_DB_STRING;
    param->string = *unit_bytes(value, ngx_strlen(value));

    ops[i].stmt = &shared;
    ops[i].params = param;
    ops[i].pool = unit_pool;
    ops[i].log = &unit_log;
    ops[i].handler = handler;

    assert_int_equal(ngx_sandbox_db_start(pool, &ops[i]), NGX_AGAIN);
}


static void
test_share(void **state)
{
    ngx_uint_t              i;
    ngx_str_t               values[2];
    ngx_sandbox_db_param_t  a[50], b;

    opening = AT_ONCE;

    for (i = 0; i < 50; i++) {
        wants(i, &a[i], "a");
    }

    /* the first ones run: what they see may be older than the third's wish */

    assert_int_equal(executed, SIZE);
    assert_int_equal(pool->nwaiting, 1);

    wants(50, &b, "b");
    assert_int_equal(pool->nwaiting, 2);

    /* one that follows goes away, one that waits, one that runs */

    ngx_sandbox_db_cancel(pool, &ops[49]);
    ngx_sandbox_db_cancel(pool, &ops[2]);
    assert_int_equal(pool->nwaiting, 2);

    play_done(&ops[0]);
    ngx_sandbox_db_pool_dispatch(pool);
    assert_int_equal(executed, SIZE + 1);
    assert_non_null(ops[3].connection);

    ngx_sandbox_db_cancel(pool, &ops[3]);
    assert_non_null(ops[4].connection);
    posted();
    assert_int_equal(ncalled, 1);

    /* each gets a copy */

    values[0] = *unit_text("running");
    ngx_str_null(&values[1]);
    ops[4].rows = 1;
    ops[4].affected = 1;
    ops[4].values = values;

    play_done(&ops[4]);
    posted();
    assert_int_equal(ncalled, 1 + 45);

    for (i = 5; i < 49; i++) {
        assert_int_equal(ops[i].status, NGX_SANDBOX_DB_OK);
        assert_int_equal(ops[i].rows, 1);
        assert_text(&ops[i].values[0], "running");
        assert_ptr_not_equal(ops[i].values[0].data, values[0].data);
        assert_null(ops[i].values[1].data);
    }

    play_done(&ops[1]);
    ngx_sandbox_db_pool_dispatch(pool);
    play_done(&ops[50]);
    posted();
    assert_int_equal(ncalled, 1 + 45 + 2);
}


/* and its end, whatever that is */

static void
test_share_ends(void **state)
{
    ngx_uint_t              i;
    ngx_sandbox_db_param_t  a[10];

    opening = AT_ONCE;

    for (i = 0; i < 10; i++) {
        wants(i, &a[i], "a");
    }

    pass(1000);
    assert_int_equal(ncalled, 8);

    for (i = 2; i < 10; i++) {
        assert_int_equal(ops[i].status, NGX_SANDBOX_DB_UNAVAILABLE);
        assert_text(&ops[i].message, "no connection was free");
    }

    for (i = 2; i < 10; i++) {
        wants(i, &a[i], "a");
    }

    ngx_sandbox_db_pool_destroy(pool);
    pool = NULL;
    assert_int_equal(ncalled, 18);
}


static const struct CMUnitTest  tests[] = {
    pool_test(test_share),
    pool_test(test_share_ends),
};

ngx_sandbox_unit_main(tests)
