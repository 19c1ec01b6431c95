
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Would catch: a file that somebody has put into the spool and that is told as
 * the result of another execution, or of another attempt.
 */


#include "unit.h"
#include "spool.h"


static void
test_names(void **state)
{
    size_t      i, len;
    char        name[200];
    unsigned    attempt;
    const char *bad[] = {
        "", ".", "..", ".new", "exec_1", "exec_1.", "exec_1.0", "exec_1.01",
        "exec_1.1001", "exec_1.99999999999999999999", "exec_1.-1",
        "exec_1.+1", "exec_1. 1", "exec_1.1 ", "exec_1.1.1", "exec_1.1x",
        ".1", "exec 1.1", "exec/1.1", "exec\n1.1", "\xc3\xa9.1"
    };

    assert_true(sandbox_spool_parse_name("exec_1.1", &len, &attempt));
    assert_int_equal(len, 6);
    assert_int_equal(attempt, 1);

    assert_true(sandbox_spool_parse_name("a.1000", &len, &attempt));
    assert_int_equal(len, 1);
    assert_int_equal(attempt, 1000);

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (sandbox_spool_parse_name(bad[i], &len, &attempt)) {
            fail_msg("\"%s\" is taken", bad[i]);
        }
    }

    memset(name, 'x', sizeof(name));
    strcpy(name + SANDBOX_ID_MAX, ".1000");
    assert_true(sandbox_spool_parse_name(name, &len, &attempt));
    assert_true(strlen(name) <= SANDBOX_SPOOL_NAME_MAX);

    memset(name, 'x', sizeof(name));
    strcpy(name + SANDBOX_ID_MAX + 1, ".1");
    assert_false(sandbox_spool_parse_name(name, &len, &attempt));
}


static int
is_result(const char *text, const char *id, unsigned attempt)
{
    return sandbox_spool_is_result(text, strlen(text), id, strlen(id),
                                   attempt);
}


static void
test_heads(void **state)
{
    char         *text;
    size_t        i;
    const char   *good = "{\"execution_id\":\"e\",\"attempt\":2}\nout";
    const char   *bad[] = {
        "", "\n", "x\n", "{}\n", "[]\n", "null\n", "7\n",
        "{\"execution_id\":\"e\",\"attempt\":2}",
        "{\"execution_id\":\"e\"}\n",
        "{\"attempt\":2}\n",
        "{\"execution_id\":\"e\",\"attempt\":1}\n",
        "{\"execution_id\":\"e\",\"attempt\":\"2\"}\n",
        "{\"execution_id\":\"e\",\"attempt\":2.0}\n",
        "{\"execution_id\":\"e2\",\"attempt\":2}\n",
        "{\"execution_id\":\"e\\u0000\",\"attempt\":2}\n",
        "{\"execution_id\":[\"e\"],\"attempt\":2}\n",
        "{\"execution_id\":\"e\",\"attempt\":2}}\n",
        "{\"execution_id\":\"e\",\"attempt\":2,\"x\":\"\xff\"}\n"
    };

    assert_true(is_result(good, "e", 2));
    assert_false(is_result(good, "e", 3));
    assert_false(is_result(good, "f", 2));
    assert_false(is_result(good, "ee", 2));

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (is_result(bad[i], "e", 2)) {
            fail_msg("%s is taken", bad[i]);
        }
    }

    /* a head of 16 KiB, and of one byte more */

    for (i = SANDBOX_HEAD_MAX; i <= SANDBOX_HEAD_MAX + 1; i++) {
        text = malloc(i + 1);
        assert_non_null(text);

        memset(text, ' ', i);
        memcpy(text, good, strlen(good) - 4);
        text[i] = '\n';

        assert_int_equal(sandbox_spool_is_result(text, i + 1, "e", 1, 2),
                         i == SANDBOX_HEAD_MAX);
        free(text);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_heads)
    };

    return cmocka_run_group_tests_name("spool", tests, NULL, NULL);
}
