
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Would catch: a start that is another one inside of bubblewrap than outside,
 * and a plan that was cut short, or counts what it has not, that is read beyond
 * its end.
 */


#include <unistd.h>
#include <sys/stat.h>
#include "unit.h"
#include "plan.h"


static char  *argv[] = { "/bin/sh", "-c", "echo \xc3\xa9\n", "", NULL };
static char  *envp[] = { "A=1", "EMPTY=", "B=x y", NULL };


static void
unit_spawn(sandbox_spawn_t *s, sandbox_confine_t *c)
{
    int  i;

    memset(c, 0, sizeof(sandbox_confine_t));
    memset(s, 0, sizeof(sandbox_spawn_t));

    c->ruleset_fd = 40;
    c->seccomp = 1;
    c->file_max = 123456789012;

    s->confine = c;
    s->interpreter = argv[0];
    s->argv = argv;
    s->envp = envp;
    s->workspace = "/workspace";
    s->directory = "below/it";

    for (i = 0; i < SANDBOX_SPAWN_FDS; i++) {
        s->fds[i] = i & 1 ? 50 + i : -1;
    }
}


static void
assert_strings(char *const *got, char *const *expected)
{
    for ( /* void */ ; *expected; got++, expected++) {
        assert_non_null(*got);
        assert_string_equal(*got, *expected);
    }

    assert_null(*got);
}


static void
test_whole(void **state)
{
    int                i, fd;
    sandbox_plan_t     got;
    sandbox_spawn_t    s;
    sandbox_confine_t  c;

    unit_spawn(&s, &c);

    fd = sandbox_plan_create(&s);
    assert_int_not_equal(fd, -1);
    assert_int_equal(sandbox_plan_read(&got, fd), SANDBOX_OK);

    assert_ptr_equal(got.spawn.confine, &got.confine);
    assert_string_equal(got.spawn.workspace, "/workspace");
    assert_string_equal(got.spawn.directory, "below/it");
    assert_string_equal(got.spawn.interpreter, "/bin/sh");
    assert_strings(got.spawn.argv, argv);
    assert_strings(got.spawn.envp, envp);

    for (i = 0; i < SANDBOX_SPAWN_FDS; i++) {
        assert_int_equal(got.spawn.fds[i], i & 1 ? 0 : -1);
    }

    assert_int_equal(got.confine.ruleset_fd, 0);
    assert_int_equal(got.confine.seccomp, 1);
    assert_true(got.confine.file_max == c.file_max);
    assert_null(got.confine.bubblewrap);

    sandbox_plan_free(&got);
    close(fd);

    /* what need not be there */

    c.ruleset_fd = -1;
    c.seccomp = 0;
    s.directory = NULL;
    s.envp = &envp[3];

    fd = sandbox_plan_create(&s);
    assert_int_equal(sandbox_plan_read(&got, fd), SANDBOX_OK);
    assert_null(got.spawn.directory);
    assert_null(got.spawn.envp[0]);
    assert_int_equal(got.confine.ruleset_fd, -1);
    assert_int_equal(got.confine.seccomp, 0);

    sandbox_plan_free(&got);
    close(fd);
}


static void
test_broken(void **state)
{
    int                fd;
    off_t              len;
    uint64_t           count;
    struct stat        st;
    sandbox_plan_t     got;
    sandbox_spawn_t    s;
    sandbox_confine_t  c;

    unit_spawn(&s, &c);

    fd = sandbox_plan_create(&s);
    assert_int_equal(fstat(fd, &st), 0);

    /* longer */

    assert_int_equal(pwrite(fd, "x", 1, st.st_size), 1);
    assert_int_equal(sandbox_plan_read(&got, fd), SANDBOX_ERROR);

    sandbox_plan_free(&got);

    /* shorter, by whatever */

    for (len = st.st_size - 1; len >= 0; len--) {
        assert_int_equal(ftruncate(fd, len), 0);
        assert_int_equal(sandbox_plan_read(&got, fd), SANDBOX_ERROR);
        sandbox_plan_free(&got);
    }

    close(fd);

    /* a number of arguments, the first field, that is not so */

    for (count = 0; count < 12; count++) {
        fd = sandbox_plan_create(&s);
        assert_int_equal(pwrite(fd, &count, sizeof(count), 0), sizeof(count));
        assert_int_equal(sandbox_plan_read(&got, fd),
                         count == 4 ? SANDBOX_OK : SANDBOX_ERROR);
        sandbox_plan_free(&got);
        close(fd);
    }

    count = ~0ull;
    fd = sandbox_plan_create(&s);
    assert_int_equal(pwrite(fd, &count, sizeof(count), 0), sizeof(count));
    assert_int_equal(sandbox_plan_read(&got, fd), SANDBOX_ERROR);
    sandbox_plan_free(&got);
    close(fd);

    assert_int_equal(sandbox_plan_read(&got, -1), SANDBOX_ERROR);
    sandbox_plan_free(&got);
}


static const struct CMUnitTest  tests[] = {
    cmocka_unit_test(test_whole),
    cmocka_unit_test(test_broken),
};


int
main(void)
{
    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
