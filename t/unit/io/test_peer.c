
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Would catch: code in a sandbox that is taken for its executor, and an
 * executor, or the instance itself, that is sent away.
 */


#include "ngx_sandbox_unit.h"
#include "ngx_sandbox_peer.h"


static void
test_read(void **state)
{
    ngx_str_t   status;
    ngx_uint_t  i;

    static const struct {
        char       *text;
        ngx_int_t   rc;
    } t[] = {
        /* ours: one number */
        { "Name:\tnginx\nNSpid:\t4711\nNSpgid:\t1\n", NGX_OK },
        { "Name:\tinit\nNSpid:\t1\n", NGX_OK },

        /* process 1 of a container, and of one in a container */
        { "Name:\texecutor\nNSpid:\t4711\t1\nNSpgid:\t4711\t1\n", NGX_OK },
        { "Name:\texecutor\nNSpid:\t4711\t12\t1\n", NGX_OK },
        { "Name:\texecutor\nNSpid:\t4711\t1", NGX_OK },

        /* what runs in one */
        { "Name:\tpython3\nNSpid:\t4711\t7\nNSpgid:\t1\t1\n", NGX_DECLINED },
        { "Name:\tpython3\nNSpid:\t4711\t11\n", NGX_DECLINED },
        { "Name:\tpython3\nNSpid:\t1\t10\n", NGX_DECLINED },
        { "Name:\tpython3\nNSpid:\t4711\t1\t2\n", NGX_DECLINED },

        /* a name cannot hold a line break: the kernel escapes it */
        { "Name:\tx\\nNSpid: 1\nNSpid:\t4711\t7\n", NGX_DECLINED },

        /* nothing to go by */
        { "Name:\tnginx\n", NGX_OK },
        { "", NGX_OK }
    };

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        status = *unit_bytes((u_char *) t[i].text, ngx_strlen(t[i].text));
        assert_int_equal(ngx_sandbox_peer_read(&status), t[i].rc);
    }
}


static void
test_check(void **state)
{
    int  fds[2];

    assert_int_equal(ngx_sandbox_peer_init(), NGX_OK);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(ngx_sandbox_peer_check(fds[0]), NGX_OK);

    (void) close(fds[0]);
    (void) close(fds[1]);
}


static const struct CMUnitTest  tests[] = {
    ngx_sandbox_unit_test(test_read),
    ngx_sandbox_unit_test(test_check),
};

ngx_sandbox_unit_main(tests)
