
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The small parts: who may speak, what is found on a PATH, what an answer's
 * first line says, what a folder's name can do.
 */


#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "unit.h"
#include "report.h"
#include "interpreter.h"
#include "spawn.h"


static char  folder[] = "/tmp/test_parts.XXXXXX";


/* its content is its name, up to a dot */

static void
make(const char *name, mode_t mode)
{
    int   fd;
    char  path[256];

    snprintf(path, sizeof(path), "%s/%s", folder, name);

    fd = open(path, O_WRONLY|O_CREAT, 0600);
    assert_int_not_equal(fd, -1);
    assert_int_equal(write(fd, name, strcspn(name, ".")),
                     strcspn(name, "."));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}


static int
group_setup(void **state)
{
    return mkdtemp(folder) == NULL;
}


static int
group_teardown(void **state)
{
    char  command[64];

    snprintf(command, sizeof(command), "rm -r %s", folder);

    return system(command);
}


static void
test_authorized(void **state)
{
    size_t                i;
    sandbox_bootstrap_t   b;
    const char           *wrong[] = {
        NULL, "", "Bearer", "Bearer ", "Bearer secre", "Bearer secret1",
        "Bearer Secret", "Bearer secreT", "secret", "Basic secret",
        "Bearer  secret", "Bearer secret "
    };

    memset(&b, 0, sizeof(b));
    strcpy(b.token, "secret");
    b.token_len = 6;

    assert_true(sandbox_bootstrap_is_authorized(&b, "Bearer secret"));
    assert_true(sandbox_bootstrap_is_authorized(&b, "bearer secret"));

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(sandbox_bootstrap_is_authorized(&b, wrong[i]));
    }
}


static void
test_env(void **state)
{
    int      i;
    char     name[16], *large;
    json_t  *env;

    env = json_object();
    assert_true(sandbox_bootstrap_env_is_valid(env));

    for (i = 0; i < 256; i++) {
        snprintf(name, sizeof(name), "N%d", i);
        json_object_set_new(env, name, json_string("v"));
    }

    assert_true(sandbox_bootstrap_env_is_valid(env));
    json_object_set_new(env, "N256", json_string("v"));
    assert_false(sandbox_bootstrap_env_is_valid(env));
    json_decref(env);

    /* the kernel counts the name, the "=" and the NUL as well */

    large = malloc(128 * 1024);
    assert_non_null(large);
    memset(large, 'x', 128 * 1024);

    env = json_object();
    json_object_set_new(env, "N", json_stringn(large, 128 * 1024 - 3));
    assert_true(sandbox_bootstrap_env_is_valid(env));
    json_object_set_new(env, "N", json_stringn(large, 128 * 1024 - 2));
    assert_false(sandbox_bootstrap_env_is_valid(env));
    json_object_set_new(env, "N", json_integer(1));
    assert_false(sandbox_bootstrap_env_is_valid(env));
    json_decref(env);
    free(large);

    env = json_array();
    assert_false(sandbox_bootstrap_env_is_valid(env));
    json_decref(env);
}


static void
test_id(void **state)
{
    char  text[65];

    memset(text, 'a', sizeof(text));

    assert_true(sandbox_id_is_valid(text, 64));
    assert_false(sandbox_id_is_valid(text, 65));
    assert_false(sandbox_id_is_valid(text, 0));
    assert_true(sandbox_id_is_valid("aZ09_-", 6));
    assert_false(sandbox_id_is_valid("a b", 3));
    assert_false(sandbox_id_is_valid("a/b", 3));
    assert_false(sandbox_id_is_valid("a.b", 3));
    assert_false(sandbox_id_is_valid("a\r\n", 3));
    assert_false(sandbox_id_is_valid("\xe4", 1));
}


/* would catch: an attempt that is taken twice, a newer one that is not taken */

static void
test_past(void **state)
{
    char                   id[16];
    unsigned               i;
    static sandbox_past_t  past;

    assert_int_equal(sandbox_past_attempt(&past, "a", strlen("a")), 0);
    assert_int_equal(sandbox_past_attempt(&past, "", strlen("")), 0);

    sandbox_past_add(&past, "ax", 1, 2);
    sandbox_past_add(&past, "ax", 1, 1);
    sandbox_past_add(&past, "bx", 1, 3);

    assert_int_equal(sandbox_past_attempt(&past, "a", strlen("a")), 2);
    assert_int_equal(sandbox_past_attempt(&past, "b", strlen("b")), 3);
    assert_int_equal(sandbox_past_attempt(&past, "ab", strlen("ab")), 0);

    for (i = 0; i < SANDBOX_PAST_MAX - 1; i++) {
        snprintf(id, sizeof(id), "n%u", i);
        sandbox_past_add(&past, id, strlen(id), 1);
    }

    assert_int_equal(sandbox_past_attempt(&past, "a", strlen("a")), 0);
    assert_int_equal(sandbox_past_attempt(&past, "b", strlen("b")), 3);
    assert_int_equal(sandbox_past_attempt(&past, "n0", strlen("n0")), 1);
}


static void
test_languages(void **state)
{
    int                   i, fd;
    char                  text[64];
    char                 *argv[SANDBOX_LANGUAGE_ARGUMENTS];
    char                  path[512], node[128];
    json_t               *names;
    sandbox_languages_t   languages;

    static const char  source[] =
        "javascript_errors" "javascript_modules" "javascript";

    make("python.py", 0644);
    make("javascript_errors.js", 0644);
    make("javascript_modules.js", 0644);
    make("javascript.js", 0644);
    make("python3", 0644);
    make("nodejs", 0755);

    /* what is relative, empty or not executable is not taken */

    snprintf(path, sizeof(path), "relative::/nonexistent:%s:", folder);
    snprintf(node, sizeof(node), "%s/nodejs", folder);

    sandbox_languages_init(&languages, path, folder);

    assert_null(sandbox_languages_find(&languages, "python")->interpreter);
    assert_null(sandbox_languages_find(&languages, "ruby"));
    assert_null(sandbox_languages_find(&languages, ""));

    sandbox_language_argv(sandbox_languages_find(&languages, "javascript"),
                          "code", argv);
    assert_string_equal(argv[0], node);
    assert_string_equal(argv[3], SANDBOX_SPAWN_RUNNER);
    assert_null(argv[4]);

    sandbox_language_argv(sandbox_languages_find(&languages, "shell"),
                          "code", argv);
    assert_string_equal(argv[0], "/bin/sh");
    assert_string_equal(argv[1], "-c");
    assert_string_equal(argv[2], "code");
    assert_null(argv[3]);

    /* the files make one, which is read from its beginning, and stays */

    for (i = 0; i < 2; i++) {
        fd = sandbox_language_open_runner(&languages.items[1]);
        assert_int_equal(read(fd, text, sizeof(text)), sizeof(source) - 1);
        assert_memory_equal(text, source, sizeof(source) - 1);
        close(fd);
    }

    assert_int_equal(write(languages.items[1].runner_fd, "x", 1), -1);

    names = sandbox_languages_names(&languages);
    assert_int_equal(json_array_size(names), 2);
    json_decref(names);

    free(languages.items[1].interpreter);
    close(languages.items[1].runner_fd);
    free(languages.items[2].interpreter);
}


static void
test_status_line(void **state)
{
    size_t       i;
    const char  *bad[] = { "X", "HTTP/2 200", "HTTP/1.1 2x0", "HTTP/1.1  20",
                           "http/1.1 200", "HTTP/1.1 099", "\r\nHTTP/1.1 2" };
    const char   good[] = "HTTP/1.1 200";

    assert_int_equal(sandbox_report_parse_status("HTTP/1.1 200 OK\r\n", 17),
                     200);
    assert_int_equal(sandbox_report_parse_status("HTTP/1.0 503", 12), 503);

    for (i = 0; i < sizeof(good) - 1; i++) {
        assert_int_equal(sandbox_report_parse_status(good, i), 0);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(sandbox_report_parse_status(bad[i], strlen(bad[i])),
                         -1);
    }
}


static void
test_folder(void **state)
{
    int          fd, sub, before;
    char         path[256];
    struct stat  st;

    fd = open(folder, O_RDONLY|O_DIRECTORY);
    assert_int_not_equal(fd, -1);

    sub = sandbox_interpreter_folder(fd, NULL);
    assert_int_not_equal(sub, -1);
    before = sub;
    close(sub);

    sub = sandbox_interpreter_folder(fd, "new//below/./here/");
    assert_int_not_equal(sub, -1);
    close(sub);

    snprintf(path, sizeof(path), "%s/new/below/here", folder);
    assert_int_equal(stat(path, &st), 0);
    assert_true(S_ISDIR(st.st_mode));

    assert_int_equal(symlinkat("/tmp", fd, "link"), 0);
    assert_int_equal(sandbox_interpreter_folder(fd, "link"), -1);
    assert_int_equal(sandbox_interpreter_folder(fd, "link/x"), -1);
    assert_int_equal(sandbox_interpreter_folder(fd, "python.py/x"), -1);
    assert_int_equal(access("/tmp/x/never-made", F_OK), -1);

    /* and no descriptor stayed open on the way */

    sub = sandbox_interpreter_folder(fd, NULL);
    assert_int_equal(sub, before);
    close(sub);
    close(fd);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_authorized),
        cmocka_unit_test(test_env),
        cmocka_unit_test(test_id),
        cmocka_unit_test(test_past),
        cmocka_unit_test(test_languages),
        cmocka_unit_test(test_status_line),
        cmocka_unit_test(test_folder)
    };

    return cmocka_run_group_tests_name("parts", tests, group_setup,
                                       group_teardown);
}
