
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Would catch: a field that is taken without its rule, an event that is not
 * passed on as it was written, a path that leaves the workspace.
 */


#include "unit.h"
#include "request.h"


#define HEAD  "{\"execution_id\":\"e1\",\"language\":\"python\"," \
              "\"code\":\"x\",\"timeout\":1.5,\"mode\":\"sync\""


static void
refused(const char *body, const char *expected)
{
    char               error[512];
    sandbox_request_t  r;

    assert_int_equal(sandbox_request_parse(&r, body, strlen(body), error,
                                           sizeof(error)),
                     SANDBOX_ERROR);

    if (strncmp(error, expected, strlen(expected)) != 0) {
        fail_msg("%s: %s, not %s", body, error, expected);
    }

    sandbox_request_free(&r);
}


static void
accepted(sandbox_request_t *r, const char *body)
{
    char  error[512];

    if (sandbox_request_parse(r, body, strlen(body), error, sizeof(error))
        != SANDBOX_OK)
    {
        fail_msg("%s: %s", body, error);
    }
}


static void
test_fields(void **state)
{
    const char         *body;
    sandbox_request_t   r;

    body = HEAD ",\"event\": {\"n\": 1.10, \"big\":123456789012345678901},"
           "\"env_vars\":{\"A\":\"\\u20ac\"},\"stdin\":\"a\\u0000b\","
           "\"working_directory\":\"a/b\",\"later\":[1],\"attempt\":3}";

    accepted(&r, body);
    assert_int_equal(r.attempt, 3);

    assert_string_equal(r.id, "e1");
    assert_string_equal(r.language, "python");
    assert_string_equal(r.code, "x");
    assert_int_equal(r.code_len, 1);
    assert_true(r.timeout == 1.5);
    assert_true(r.sync);
    assert_int_equal(r.stdin_len, 3);
    assert_memory_equal(r.stdin_data, "a\0b", 3);
    assert_string_equal(r.working_directory, "a/b");
    assert_string_equal(json_string_value(json_object_get(r.env_vars, "A")),
                        "\xe2\x82\xac");

    /* to the digit and the blank */

    assert_ptr_equal(r.event, strstr(body, "{\"n\""));
    assert_int_equal(r.event_len, strlen("{\"n\": 1.10, "
                                         "\"big\":123456789012345678901}"));
    sandbox_request_free(&r);

    accepted(&r, HEAD ",\"event\":null,\"env_vars\":null,\"stdin\":null,"
             "\"working_directory\":null}");

    assert_null(r.event);
    assert_int_equal(r.event_len, 0);
    assert_null(r.env_vars);
    assert_null(r.stdin_data);
    assert_null(r.working_directory);
    sandbox_request_free(&r);

    accepted(&r, HEAD ",\"stdin\":\"\",\"event\":0}");
    assert_non_null(r.stdin_data);
    assert_int_equal(r.event_len, 1);
    sandbox_request_free(&r);
}


static void
test_refused(void **state)
{
    refused("", "body is not JSON");
    refused("[]", "body is not a JSON object");
    refused("{}", "execution_id is missing");
    refused(HEAD, "body is not JSON");
    refused(HEAD ",\"code\":\"y\"}", "code is given twice");
    refused("{\"execution_id\":\"e\",\"language\":\"a\",\"code\":\"b\","
            "\"timeout\":1}", "mode is missing");

    refused("{\"execution_id\":null", "body is not JSON");
    refused("{\"execution_id\":null}", "execution_id must be");
    refused("{\"execution_id\":\"\"}", "execution_id must be");
    refused("{\"execution_id\":\"a/b\"}", "execution_id must be");
    refused("{\"execution_id\":\"a\\u0000\"}", "execution_id must be");
    refused("{\"timeout\":0}", "timeout must be");
    refused("{\"timeout\":-1}", "timeout must be");
    refused("{\"timeout\":3600.1}", "timeout must be");
    refused("{\"timeout\":1e999}", "timeout must be");
    refused("{\"timeout\":true}", "timeout must be");
    refused("{\"timeout\":99999999999999999999}", "timeout must be");
    refused("{\"code\":\"\"}", "code must be");
    refused("{\"code\":\"a\\u0000b\"}", "code must be");
    refused("{\"mode\":\"SYNC\"}", "mode must be");
    refused("{\"stdin\":1}", "stdin must be");
    refused("{\"env_vars\":[]}", "env_vars must be");
    refused("{\"env_vars\":{\"A=\":\"\"}}", "env_vars must be");
    refused("{\"env_vars\":{\"A\":null}}", "env_vars must be");
    refused("{\"env_vars\":{\"A\":\"\\u0000\"}}", "env_vars must be");
    refused("{\"working_directory\":\"..\"}", "working_directory must be");
}


static void
test_path(void **state)
{
    size_t       i;
    char         text[1100];
    const char  *good[] = { "a", "a/b", "a//b", "./a", "a/", "...", "..a",
                            "a..", ".", "a/..b/c" };
    const char  *bad[] = { "", "/", "/a", "..", "../a", "a/..", "a/../b",
                           "a//..", "./.." };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (!sandbox_request_path_is_valid(good[i])) {
            fail_msg("%s", good[i]);
        }
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (sandbox_request_path_is_valid(bad[i])) {
            fail_msg("%s", bad[i]);
        }
    }

    memset(text, 'a', sizeof(text));
    text[255] = '\0';
    assert_true(sandbox_request_path_is_valid(text));
    text[255] = 'a';
    text[256] = '\0';
    assert_false(sandbox_request_path_is_valid(text));

    for (i = 0; i < sizeof(text) - 1; i++) {
        text[i] = i % 2 ? '/' : 'a';
    }

    text[1024] = '\0';
    assert_true(sandbox_request_path_is_valid(text));
    text[1024] = 'a';
    text[1025] = '\0';
    assert_false(sandbox_request_path_is_valid(text));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_path)
    };

    return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
