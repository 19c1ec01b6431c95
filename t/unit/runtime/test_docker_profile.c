
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Would catch: a file that is no profile, or one that allows what it does not
 * name, and is passed on to the engine; a profile that is not passed on whole.
 */


#include "ngx_sandbox_unit.h"
#include "ngx_sandbox_docker_json.h"


static void
test_good(void **state)
{
    ngx_str_t  profile, reason;
    ngx_str_t  text = ngx_string("{ \"defaultAction\": \"SCMP_ACT_ERRNO\",\n"
                                 "  \"syscalls\": [ { \"names\": [ \"a\" ],"
                                 " \"value\": 2080505856 } ] }\n");

    assert_int_equal(ngx_sandbox_docker_read_profile(unit_pool, &text,
                                                     &profile, &reason),
                     NGX_OK);
    assert_text(&profile, "{\"defaultAction\":\"SCMP_ACT_ERRNO\","
                          "\"syscalls\":[{\"names\":[\"a\"],"
                          "\"value\":2080505856}]}");
}


static void
test_bad(void **state)
{
    ngx_uint_t  i;
    ngx_str_t   profile, reason;

    static ngx_str_t  bad[] = {
        ngx_string(""), ngx_string("unconfined"), ngx_string("[]"),
        ngx_string("{}"), ngx_string("{\"defaultAction\": 1}"),
        ngx_string("{\"defaultAction\": \"SCMP_ACT_ALLOW\"}"),
        ngx_string("{\"defaultAction\": \"SCMP_ACT_LOG\"}"),
        ngx_string("{\"defaultAction\": \"\"}"),
        ngx_string("{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"a\": "),
        ngx_string("{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"a\": \"\xff\"}")
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ngx_str_null(&reason);

        assert_int_equal(ngx_sandbox_docker_read_profile(unit_pool, &bad[i],
                                                         &profile, &reason),
                         NGX_DECLINED);
        assert_int_not_equal(reason.len, 0);
    }
}


static const struct CMUnitTest  tests[] = {
    ngx_sandbox_unit_test(test_good),
    ngx_sandbox_unit_test(test_bad),
};


ngx_sandbox_unit_main(tests)
