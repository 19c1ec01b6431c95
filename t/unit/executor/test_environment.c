
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Would catch: a variable of the session that beats the execution's, one that
 * is lost on its way to an interpreter that runs already, and one that such an
 * interpreter would not see.
 */


#include "unit.h"
#include "environment.h"


static sandbox_executor_t  executor;
static sandbox_request_t   request;


static int
setup(void **state)
{
    executor.path = "/bin";
    executor.workspace = "/w";
    executor.bootstrap.env_vars = json_pack("{s:s, s:s}", "A", "session",
                                            "B", "session");
    sandbox_languages_init(&executor.languages, "/nowhere", "/nowhere");

    return executor.bootstrap.env_vars == NULL;
}


static int
teardown(void **state)
{
    json_decref(executor.bootstrap.env_vars);
    free(executor.languages.items[2].interpreter);

    return 0;
}


static const char *
find(char **envp, const char *name)
{
    size_t  len;

    len = strlen(name);

    for ( /* void */ ; *envp; envp++) {
        if (strncmp(*envp, name, len) == 0 && (*envp)[len] == '=') {
            return *envp + len + 1;
        }
    }

    return NULL;
}


static void
test_order(void **state)
{
    char                **envp;
    sandbox_language_t   *python, *shell;

    python = sandbox_languages_find(&executor.languages, "python");
    shell = sandbox_languages_find(&executor.languages, "shell");

    request.env_vars = json_pack("{s:s, s:s}", "B", "request", "HOME", "/h");
    request.event = "{\"n\":1}";
    request.event_len = strlen(request.event);

    envp = sandbox_environment_create(&executor, python, &request);

    assert_string_equal(find(envp, "A"), "session");
    assert_string_equal(find(envp, "B"), "request");
    assert_string_equal(find(envp, "HOME"), "/h");
    assert_string_equal(find(envp, "PATH"), "/bin");
    assert_null(find(envp, "SANDBOX_EVENT"));

    sandbox_environment_free(envp);

    envp = sandbox_environment_create(&executor, shell, &request);
    assert_string_equal(find(envp, "SANDBOX_EVENT"), "{\"n\":1}");
    sandbox_environment_free(envp);

    /* before there is a request */

    envp = sandbox_environment_create(&executor, python, NULL);
    assert_string_equal(find(envp, "B"), "session");
    assert_string_equal(find(envp, "HOME"), "/w");
    sandbox_environment_free(envp);

    json_decref(request.env_vars);
}


static void
test_block(void **state)
{
    char    *block;
    size_t   len;

    request.env_vars = json_pack("{s:s, s:s}", "A", "1\n=2", "EMPTY", "");

    block = sandbox_environment_block(&request, &len);

    assert_int_equal(len, sizeof("A=1\n=2\0EMPTY="));
    assert_memory_equal(block, "A=1\n=2\0EMPTY=", len);

    free(block);
    json_decref(request.env_vars);

    request.env_vars = NULL;

    block = sandbox_environment_block(&request, &len);
    assert_int_equal(len, 0);
    free(block);
}


static void
test_early(void **state)
{
    size_t               i;
    sandbox_language_t  *python, *javascript;

    static const struct {
        const char  *name;
        int          python;
        int          javascript;
    } t[] = {
        { "A", 0, 0 }, { "TZ", 0, 0 }, { "XLD_PRELOAD", 0, 0 },
        { "LD_PRELOAD", 1, 1 }, { "LC_ALL", 1, 1 }, { "LANG", 1, 1 },
        { "NODE_OPTIONS", 0, 1 }, { "PYTHONPATH", 1, 0 },
        { "MALLOC_ARENA_MAX", 1, 1 }
    };

    python = sandbox_languages_find(&executor.languages, "python");
    javascript = sandbox_languages_find(&executor.languages, "javascript");

    request.env_vars = NULL;
    assert_false(sandbox_environment_is_early(python, &request));

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        request.env_vars = json_pack("{s:s, s:s}", "Z", "", t[i].name, "");

        assert_int_equal(sandbox_environment_is_early(python, &request),
                         t[i].python);
        assert_int_equal(sandbox_environment_is_early(javascript, &request),
                         t[i].javascript);

        json_decref(request.env_vars);
    }
}


static const struct CMUnitTest  tests[] = {
    cmocka_unit_test(test_order),
    cmocka_unit_test(test_block),
    cmocka_unit_test(test_early),
};


int
main(void)
{
    return cmocka_run_group_tests_name("environment", tests, setup, teardown);
}
