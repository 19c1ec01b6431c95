
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Would catch: a session's folder that stays for what is in it, the executor's
 * spool for one, and anything outside of it that is removed instead.
 */


#include "ngx_sandbox_unit.h"
#include "ngx_sandbox_session_dir.h"


static char       base[] = "/tmp/session-dir-XXXXXX";
static ngx_str_t  path;


static void
make(const char *name, mode_t mode)
{
    int   fd;
    char  full[256];

    (void) snprintf(full, sizeof(full), "%s/%s", base, name);

    if (S_ISDIR(mode)) {
        assert_int_equal(mkdir(full, 0700), 0);
        return;
    }

    fd = open(full, O_WRONLY|O_CREAT|O_EXCL, 0600);
    assert_true(fd != -1);
    (void) close(fd);
}


static int
exists(const char *name)
{
    char         full[256];
    struct stat  st;

    (void) snprintf(full, sizeof(full), "%s/%s", base, name);

    return lstat(full, &st) == 0;
}


static int
setup(void **state)
{
    static char  name[64];

    if (ngx_sandbox_unit_setup(state) != 0) {
        return -1;
    }

    memcpy(base + sizeof(base) - 7, "XXXXXX", 6);

    if (mkdtemp(base) == NULL) {
        return -1;
    }

    (void) snprintf(name, sizeof(name), "%s/s", base);

    path.data = (u_char *) name;
    path.len = strlen(name);

    make("kept", S_IFDIR);
    make("kept/file", 0);

    return 0;
}


static int
teardown(void **state)
{
    char  command[64];

    (void) snprintf(command, sizeof(command), "rm -rf %s", base);

    return system(command) == 0 ? ngx_sandbox_unit_teardown(state) : -1;
}


static void
test_spool(void **state)
{
    ngx_str_t  bootstrap = ngx_string("{}");

    assert_int_equal(ngx_sandbox_session_dir_create(&path, &bootstrap,
                                                    &unit_log), NGX_OK);
    assert_int_equal(exists("s/bootstrap.json"), 1);

    make("s/spool", S_IFDIR);
    make("s/spool/exec_1.1", 0);
    make("s/spool/.new", 0);

    /* made anew: nothing of the old one is there */

    assert_int_equal(ngx_sandbox_session_dir_create(&path, &bootstrap,
                                                    &unit_log), NGX_OK);
    assert_int_equal(exists("s/bootstrap.json"), 1);
    assert_int_equal(exists("s/spool"), 0);

    make("s/spool", S_IFDIR);
    make("s/spool/exec_1.1", 0);

    assert_int_equal(ngx_sandbox_session_dir_remove(&path, &unit_log),
                     NGX_OK);
    assert_int_equal(exists("s"), 0);

    assert_int_equal(ngx_sandbox_session_dir_remove(&path, &unit_log),
                     NGX_OK);
}


/* links at every level; none is followed */

static void
test_links(void **state)
{
    char  target[64], link[80];

    (void) snprintf(target, sizeof(target), "%s/kept", base);

    make("s", S_IFDIR);
    make("s/folder", S_IFDIR);
    (void) snprintf(link, sizeof(link), "%s/s/spool", base);
    assert_int_equal(symlink(target, link), 0);
    (void) snprintf(link, sizeof(link), "%s/s/folder/link", base);
    assert_int_equal(symlink(target, link), 0);

    assert_int_equal(ngx_sandbox_session_dir_remove(&path, &unit_log),
                     NGX_OK);
    assert_int_equal(exists("s"), 0);
    assert_int_equal(exists("kept/file"), 1);

    /* nor is the folder itself */

    assert_int_equal(symlink(target, (char *) path.data), 0);
    assert_int_equal(ngx_sandbox_session_dir_remove(&path, &unit_log),
                     NGX_ERROR);
    assert_int_equal(exists("kept/file"), 1);
}


/* what lies deeper was not made by an executor: it stays, with a line */

static void
test_depth(void **state)
{
    ngx_uint_t  level;

    make("s", S_IFDIR);
    make("s/spool", S_IFDIR);
    make("s/spool/deep", S_IFDIR);
    make("s/spool/empty", S_IFDIR);
    make("s/spool/deep/file", 0);
    make("s/spool/other", 0);

    level = unit_log.log_level;
    unit_log.log_level = NGX_LOG_STDERR;

    assert_int_equal(ngx_sandbox_session_dir_remove(&path, &unit_log),
                     NGX_ERROR);

    unit_log.log_level = level;

    assert_int_equal(exists("s/spool/deep/file"), 1);
    assert_int_equal(exists("s/spool/other"), 0);
    assert_int_equal(exists("s/spool/empty"), 0);
}


static const struct CMUnitTest  tests[] = {
    cmocka_unit_test_setup_teardown(test_spool, setup, teardown),
    cmocka_unit_test_setup_teardown(test_links, setup, teardown),
    cmocka_unit_test_setup_teardown(test_depth, setup, teardown),
};

ngx_sandbox_unit_main(tests)
