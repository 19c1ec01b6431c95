
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Would catch: something that a sandbox has put into its spool and that is
 * followed, waited for, or taken for a result; a result that is not found.
 */


#include "ngx_sandbox_unit.h"
#include "ngx_sandbox_session_spool.h"


static char       base[64];
static ngx_str_t  folder;


static char *
full(const char *name)
{
    static char  path[256];

    (void) snprintf(path, sizeof(path), "%s/%s", base, name);

    return path;
}


static void
make(const char *name, const char *text)
{
    int  fd;

    fd = open(full(name), O_WRONLY|O_CREAT|O_EXCL, 0600);
    assert_true(fd != -1);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t) strlen(text));
    (void) close(fd);
}


static ngx_int_t
take(char *name, size_t max, ngx_str_t *text)
{
    ngx_str_t  *copy;

    /* as in a list: NUL follows */

    copy = unit_bytes(name, strlen(name) + 1);
    copy->len--;

    return ngx_sandbox_session_spool_read(unit_pool, &folder, copy, max, text);
}


static int
setup(void **state)
{
    strcpy(base, "/tmp/session-spool-XXXXXX");

    if (ngx_sandbox_unit_setup(state) != 0 || mkdtemp(base) == NULL) {
        return -1;
    }

    folder.data = (u_char *) base;
    folder.len = strlen(base);

    return 0;
}


static int
teardown(void **state)
{
    char  command[80];

    (void) snprintf(command, sizeof(command), "rm -rf %s", base);

    if (system(command) != 0) {
        return -1;
    }

    return ngx_sandbox_unit_teardown(state);
}


static void
test_none(void **state)
{
    ngx_str_t     text;
    ngx_array_t  *names;

    assert_int_equal(ngx_sandbox_session_spool_list(unit_pool, &folder,
                                                    &names), NGX_OK);
    assert_int_equal(names->nelts, 0);
    assert_int_equal(take("a.1", 100, &text), NGX_DECLINED);

    /* another place in its stead */

    make("elsewhere", "x");
    assert_int_equal(symlink("/etc", full("spool")), 0);
    assert_int_equal(ngx_sandbox_session_spool_list(unit_pool, &folder,
                                                    &names), NGX_OK);
    assert_int_equal(names->nelts, 0);
    assert_int_equal(take("passwd", 100000, &text), NGX_DECLINED);
    assert_int_equal(unlink(full("spool")), 0);
}


static void
test_files(void **state)
{
    ngx_str_t    *name, text;
    ngx_array_t  *names;

    assert_int_equal(mkdir(full("spool"), 0700), 0);

    make("spool/exec_1.12", "result");
    make("spool/.new", "half");
    make("spool/exec_2", "x");
    make("spool/exec_2.0", "x");
    make("spool/exec_2.x", "x");
    make("spool/exec 2.1", "x");

    assert_int_equal(ngx_sandbox_session_spool_list(unit_pool, &folder,
                                                    &names), NGX_OK);
    assert_int_equal(names->nelts, 1);

    name = names->elts;
    assert_int_equal(name->len, sizeof("exec_1.12") - 1);
    assert_string_equal((char *) name->data, "exec_1.12");

    assert_int_equal(take("exec_1.12", 6, &text), NGX_OK);
    assert_int_equal(text.len, 6);
    assert_memory_equal(text.data, "result", 6);
    assert_int_equal(take("exec_1.12", 5, &text), NGX_DECLINED);
}


static void
test_others(void **state)
{
    ngx_str_t  text;

    assert_int_equal(mkdir(full("spool"), 0700), 0);
    make("spool/exec_1.12", "result");

    assert_int_equal(symlink("exec_1.12", full("spool/link.1")), 0);
    assert_int_equal(mkfifo(full("spool/pipe.1"), 0600), 0);
    assert_int_equal(mkdir(full("spool/folder.1"), 0700), 0);
    make("spool/empty.1", "");

    assert_int_equal(take("link.1", 100, &text), NGX_DECLINED);
    assert_int_equal(take("pipe.1", 100, &text), NGX_DECLINED);
    assert_int_equal(take("folder.1", 100, &text), NGX_DECLINED);
    assert_int_equal(take("empty.1", 100, &text), NGX_DECLINED);
}


static void
test_many(void **state)
{
    int           i;
    char          name[32];
    ngx_array_t  *names;

    assert_int_equal(mkdir(full("spool"), 0700), 0);

    for (i = 0; i < 2 * NGX_SANDBOX_SPOOL_MAX; i++) {
        (void) snprintf(name, sizeof(name), "spool/many.%d", i + 1);
        make(name, "x");
    }

    assert_int_equal(ngx_sandbox_session_spool_list(unit_pool, &folder,
                                                    &names), NGX_OK);
    assert_int_equal(names->nelts, NGX_SANDBOX_SPOOL_MAX);
}


static void
test_names(void **state)
{
    ngx_int_t  attempt;
    ngx_str_t  id;

    assert_int_equal(ngx_sandbox_session_spool_parse(unit_text("a_b-C.7"), &id,
                                                     &attempt), NGX_OK);
    assert_int_equal(id.len, 5);
    assert_int_equal(attempt, 7);

    assert_int_equal(ngx_sandbox_session_spool_parse(unit_text(".1"), &id,
                                                     &attempt), NGX_DECLINED);
    assert_int_equal(ngx_sandbox_session_spool_parse(unit_text("a."), &id,
                                                     &attempt), NGX_DECLINED);
    assert_int_equal(ngx_sandbox_session_spool_parse(unit_text("a.-1"), &id,
                                                     &attempt), NGX_DECLINED);
    assert_int_equal(ngx_sandbox_session_spool_parse(unit_text("../a.1"), &id,
                                                     &attempt), NGX_DECLINED);
}


static const struct CMUnitTest  tests[] = {
    cmocka_unit_test_setup_teardown(test_none, setup, teardown),
    cmocka_unit_test_setup_teardown(test_files, setup, teardown),
    cmocka_unit_test_setup_teardown(test_others, setup, teardown),
    cmocka_unit_test_setup_teardown(test_many, setup, teardown),
    cmocka_unit_test_setup_teardown(test_names, setup, teardown),
};

ngx_sandbox_unit_main(tests)
