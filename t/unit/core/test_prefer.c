
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Would catch: a wait that is read out of another preference's name, value or
 * quotes, a number that overflows, a second one that overrules the first, a
 * byte read behind the value.
 */


#include "ngx_sandbox_unit.h"
#include "ngx_sandbox_prefer.h"


typedef struct {
    char        *value;
    ngx_int_t    rc;
    ngx_uint_t   seconds;
} case_t;


static const case_t  cases[] = {
    { "wait=10", NGX_OK, 10 },
    { "wait=0", NGX_OK, 0 },
    { "wait=60", NGX_OK, 60 },
    { "wait=61", NGX_OK, 60 },
    { "wait=007", NGX_OK, 7 },
    { "wait=99999999999999999999999999999999999999", NGX_OK, 60 },
    { "WaIt = 5", NGX_OK, 5 },
    { "\twait\t=\t5\t", NGX_OK, 5 },
    { "respond-async, wait=10", NGX_OK, 10 },
    { "respond-async,wait=10,handling=lenient", NGX_OK, 10 },
    { "wait=10; foo=bar, x", NGX_OK, 10 },
    { "foo; bar, wait=1", NGX_OK, 1 },
    { "x=\"a, wait=5\", wait=7", NGX_OK, 7 },
    { "x=\"a\\\", wait=5\", wait=7", NGX_OK, 7 },
    { "wait=3, wait=4", NGX_OK, 3 },
    { ",, ,wait=3", NGX_OK, 3 },
    { "=, ;, \", wait=3", NGX_DECLINED, 0 },
    { "waiting=3, wait=4", NGX_OK, 4 },
    { "", NGX_DECLINED, 0 },
    { " ", NGX_DECLINED, 0 },
    { "wai", NGX_DECLINED, 0 },
    { "await=3", NGX_DECLINED, 0 },
    { "foo; wait=3", NGX_DECLINED, 0 },
    { "wait5", NGX_DECLINED, 0 },
    { "wait 5", NGX_DECLINED, 0 },
    { "wait", NGX_ABORT, 0 },
    { "wait, wait=4", NGX_ABORT, 0 },
    { "wait;", NGX_ABORT, 0 },
    { "wait=", NGX_ABORT, 0 },
    { "wait=,wait=4", NGX_ABORT, 0 },
    { "wait=abc", NGX_ABORT, 0 },
    { "wait=-1", NGX_ABORT, 0 },
    { "wait=+1", NGX_ABORT, 0 },
    { "wait=1.5", NGX_ABORT, 0 },
    { "wait=1s", NGX_ABORT, 0 },
    { "wait=1 2", NGX_ABORT, 0 },
    { "wait=\"10\"", NGX_ABORT, 0 },
    { "wait==10", NGX_ABORT, 0 },
};


static void
test_cases(void **state)
{
    size_t       i;
    ngx_int_t    rc;
    ngx_uint_t   seconds;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        seconds = 777;
        rc = ngx_sandbox_prefer_wait(unit_bytes(cases[i].value,
                                                strlen(cases[i].value)),
                                     60, &seconds);

        if (rc != cases[i].rc
            || seconds != (rc == NGX_OK ? cases[i].seconds : 777))
        {
            fail_msg("\"%s\": %ld, %lu", cases[i].value, rc, seconds);
        }
    }
}


static const struct CMUnitTest  tests[] = {
    ngx_sandbox_unit_test(test_cases),
};

ngx_sandbox_unit_main(tests)
