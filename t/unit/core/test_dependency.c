
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Would catch: a package that is asked for twice under two spellings, one that
 * is lost because another has a name like it, a version that is a range, a
 * container that gets another version than the one before it.
 */


#include "ngx_sandbox_unit.h"
#include "ngx_sandbox_dependency.h"


static ngx_str_t
text(const char *s)
{
    ngx_str_t  value;

    value.data = (u_char *) s;
    value.len = strlen(s);

    return value;
}


static void
is(const ngx_str_t *json, const char *expected)
{
    assert_int_equal(json->len, strlen(expected));
    assert_memory_equal(json->data, expected, json->len);
}


static ngx_sandbox_items_t
items(char *json)
{
    ngx_str_t            list;
    ngx_sandbox_items_t  read;

    list = text(json);

    assert_int_equal(ngx_sandbox_dependencies_read(unit_cycle.pool, &list,
                                                   &read),
                     NGX_OK);

    return read;
}


static void
test_read(void **state)
{
    ngx_str_t            list, written;
    ngx_uint_t           i;
    ngx_sandbox_items_t  read;

    static char  expected[] =
        "[{\"name\":\"@a/b\",\"version\":null},"
        "{\"name\":\"c\",\"version\":\"2.0\"}]";

    static char  *bad[] = {
        "[{\"name\":\"a/../b\"}]", "[}", "{}", "[{\"name\":\"a\",\"b\":1}]"
    };

    (void) state;

    read = items("[{\"name\":\"@a/b\"},"
                 "{\"name\":\"c\",\"version\":\"==2.0\"}]");
    assert_int_equal(ngx_sandbox_dependencies_write(unit_cycle.pool, &read,
                                                    &written),
                     NGX_OK);
    is(&written, expected);

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        list = text(bad[i]);
        assert_int_equal(ngx_sandbox_dependencies_read(unit_cycle.pool, &list,
                                                       &read),
                         NGX_DECLINED);
    }
}


static void
test_misfit(void **state)
{
    char                 json[128];
    ngx_uint_t           i;
    ngx_sandbox_items_t  read;

    static const struct {
        char        *name;
        char        *version;
        ngx_uint_t   pypi;
        ngx_uint_t   npm;
    } cases[] = {
        { "a", "", 1, 1 },
        { "@a/b", "", 0, 1 },
        { "@a/b", "1.2.3", 0, 1 },
        { "a", "1.2.3", 1, 1 },
        { "a", "10.20.30-beta.1+build.5", 1, 1 },
        { "a", "1.2.3+build", 1, 1 },
        { "a", "2", 1, 0 },
        { "a", "1.2", 1, 0 },
        { "a", "1..3", 1, 0 },
        { "a", "1.2.3.4", 1, 0 },
        { "a", "1.2.x", 1, 0 },
        { "a", "1.x.3", 1, 0 },
        { "a", "1.2.3rc1", 1, 0 },
        { "a", "1!2.0.post1", 1, 0 },
        { "a", "latest", 0, 0 },
        { "a", "v1.2.3", 1, 1 },
        { "a", "V1", 1, 0 },
        { "a", "vv1.2.3", 0, 0 },
        { "a", "v", 0, 0 },
        { "a", "1.2.3-a-b.0", 1, 1 },
        { "a", "1.2.3--a", 1, 1 },
        { "a", "1.2.3+a+b", 1, 0 },
        { "a", "1.2.3-a..b", 1, 0 },
        { "a", "1.2.3-a_b", 1, 0 },
        { "a", "1.2.3-a!b", 1, 0 },
        { "a", "1.2.3+.a", 1, 0 },
        { "a", "x", 0, 0 },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(json, sizeof(json), "[{\"name\":\"ok\"},{\"name\":\"%s\","
                 "\"version\":\"%s\"}]", cases[i].name, cases[i].version);
        read = items(json);

        if ((ngx_sandbox_dependencies_misfit(NGX_SANDBOX_PACKAGE_PYPI, &read)
             == NULL)
            != cases[i].pypi
            || (ngx_sandbox_dependencies_misfit(NGX_SANDBOX_PACKAGE_NPM, &read)
                == NULL)
               != cases[i].npm)
        {
            fail_msg("%s %s", cases[i].name, cases[i].version);
        }
    }

    read = items("[{\"name\":\"a\"},{\"name\":\"b\",\"version\":\"x\"},"
                 "{\"name\":\"c\",\"version\":\"y\"}]");
    assert_ptr_equal(ngx_sandbox_dependencies_misfit(NGX_SANDBOX_PACKAGE_NPM,
                                                     &read),
                     (ngx_sandbox_dependency_t *) read.elts + 1);
}


static void
merges(ngx_uint_t kind, char *kept, char *asked, char *expected)
{
    ngx_str_t            merged;
    ngx_sandbox_items_t  old, new;

    old = items(kept);
    new = items(asked);

    assert_int_equal(ngx_sandbox_dependencies_merge(unit_cycle.pool, kind, &old,
                                                    &new, &merged),
                     NGX_OK);
    is(&merged, expected);
}


static void
test_merge(void **state)
{
    static char  kept[] = "[{\"name\":\"Zope._interface\",\"version\":\"1.0\"},"
                          "{\"name\":\"six\",\"version\":null}]";
    static char  asked[] = "[{\"name\":\"zope-interface\","
                           "\"version\":\"2.0\"}]";

    (void) state;

    merges(NGX_SANDBOX_PACKAGE_PYPI, kept, asked,
           "[{\"name\":\"six\",\"version\":null},"
           "{\"name\":\"zope-interface\",\"version\":\"2.0\"}]");

    /* npm has three such packages, and a fourth in capitals */

    merges(NGX_SANDBOX_PACKAGE_NPM, kept, asked,
           "[{\"name\":\"Zope._interface\",\"version\":\"1.0\"},"
           "{\"name\":\"six\",\"version\":null},"
           "{\"name\":\"zope-interface\",\"version\":\"2.0\"}]");

    merges(NGX_SANDBOX_PACKAGE_NPM, kept, "[{\"name\":\"six\"}]",
           "[{\"name\":\"Zope._interface\",\"version\":\"1.0\"},"
           "{\"name\":\"six\",\"version\":null}]");

    merges(NGX_SANDBOX_PACKAGE_PYPI, "[]", "[]", "[]");
}


static void
pins(ngx_uint_t kind, char *asked, char *installed, char *expected)
{
    ngx_str_t            pinned;
    ngx_sandbox_items_t  wanted, there;

    wanted = items(asked);
    there = items(installed);

    assert_int_equal(ngx_sandbox_dependencies_pin(unit_cycle.pool, kind,
                                                  &wanted, &there, &pinned),
                     NGX_OK);
    is(&pinned, expected);
}


static void
test_pin(void **state)
{
    static char  asked[] = "[{\"name\":\"a.b\",\"version\":null},"
                           "{\"name\":\"one\",\"version\":\"1.1\"},"
                           "{\"name\":\"gone\",\"version\":null}]";
    static char  there[] = "[{\"name\":\"needed\",\"version\":\"3.0\"},"
                           "{\"name\":\"one\",\"version\":\"1.1\"},"
                           "{\"name\":\"A-b\",\"version\":\"2.0\"},"
                           "{\"name\":\"a.b\",\"version\":\"2.1\"},"
                           "{\"name\":\"a.b\",\"version\":\"2.2\"}]";

    (void) state;

    pins(NGX_SANDBOX_PACKAGE_PYPI, asked, there,
         "[{\"name\":\"a.b\",\"version\":\"2.0\"},"
         "{\"name\":\"one\",\"version\":\"1.1\"},"
         "{\"name\":\"gone\",\"version\":null}]");

    /* the one that code finds stands before those that packages have */

    pins(NGX_SANDBOX_PACKAGE_NPM, asked, there,
         "[{\"name\":\"a.b\",\"version\":\"2.1\"},"
         "{\"name\":\"one\",\"version\":\"1.1\"},"
         "{\"name\":\"gone\",\"version\":null}]");
}


static const struct CMUnitTest  tests[] = {
    ngx_sandbox_unit_test(test_read),
    ngx_sandbox_unit_test(test_misfit),
    ngx_sandbox_unit_test(test_merge),
    ngx_sandbox_unit_test(test_pin),
};

ngx_sandbox_unit_main(tests)
