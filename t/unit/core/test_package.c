
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Would catch: a path that leads to what an operator has not allowed, a link
 * that leads nowhere, an index that is taken for another.
 */


#include "ngx_sandbox_unit.h"
#include "ngx_sandbox_package.h"


static ngx_array_t  indexes;


static ngx_str_t
text(const char *s)
{
    ngx_str_t  value;

    value.data = (u_char *) s;
    value.len = strlen(s);

    return value;
}


static ngx_sandbox_package_index_t *
add(ngx_uint_t kind, const char *name, const char *url, const char *files)
{
    ngx_str_t                     value;
    ngx_sandbox_package_index_t  *index;

    index = ngx_array_push(&indexes);
    assert_non_null(index);
    ngx_memzero(index, sizeof(ngx_sandbox_package_index_t));

    index->kind = kind;
    index->name = text(name);

    value = text(url);
    assert_int_equal(ngx_sandbox_package_allow(index, &value), NGX_OK);

    if (files) {
        value = text(files);
        assert_int_equal(ngx_sandbox_package_allow(index, &value), NGX_OK);
    }

    return index;
}


static void
configure(void)
{
    assert_int_equal(ngx_array_init(&indexes, unit_cycle.pool, 4,
                                    sizeof(ngx_sandbox_package_index_t)),
                     NGX_OK);

    add(NGX_SANDBOX_PACKAGE_PYPI, "default", "https://a.example/simple/",
        "https://files.example:8443/p/");
    add(NGX_SANDBOX_PACKAGE_PYPI, "ours", "http://b.example/r/simple/",
        "http://b.example/r/packages/");
    add(NGX_SANDBOX_PACKAGE_NPM, "default", "https://n.example/", NULL);
}


static void
test_allow(void **state)
{
    size_t                        i;
    ngx_str_t                     url;
    ngx_sandbox_package_index_t   index;

    static const char  *bad[] = {
        "", "https://a", "https:///", "ftp://a/", "https://a/b", "//a/",
        "https://u:p@a/", "https://a/?q/", "https://a/#f/", "https://[::1]/",
        "https://a/../", "https://a/./b/", "https://a/%2e/", "https://A/",
        "https://a /", "http:/a/",
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ngx_memzero(&index, sizeof(ngx_sandbox_package_index_t));
        url = text(bad[i]);

        if (ngx_sandbox_package_allow(&index, &url) != NGX_DECLINED) {
            fail_msg("\"%s\" is allowed", bad[i]);
        }
    }

    ngx_memzero(&index, sizeof(ngx_sandbox_package_index_t));

    for (i = 0; i < NGX_SANDBOX_PACKAGE_URLS; i++) {
        url = text(i % 2 ? "https://a/b/" : "https://a/c/");
        assert_int_equal(ngx_sandbox_package_allow(&index, &url), NGX_OK);
    }

    assert_int_equal(index.norigins, 1);
    assert_int_equal(ngx_sandbox_package_allow(&index, &url), NGX_DECLINED);
}


static void
test_find(void **state)
{
    size_t                              i;
    ngx_str_t                           which;
    const ngx_sandbox_package_index_t  *index;

    static const struct {
        ngx_uint_t   kind;
        const char  *which;
        const char  *url;       /* NULL: there is none */
    } cases[] = {
        { NGX_SANDBOX_PACKAGE_PYPI, "", "https://a.example/simple/" },
        { NGX_SANDBOX_PACKAGE_PYPI, "ours", "http://b.example/r/simple/" },
        { NGX_SANDBOX_PACKAGE_PYPI, "http://b.example/r/simple",
          "http://b.example/r/simple/" },
        { NGX_SANDBOX_PACKAGE_PYPI, "http://b.example/r/simple/",
          "http://b.example/r/simple/" },
        { NGX_SANDBOX_PACKAGE_PYPI, "http://b.example/r/simpl", NULL },
        { NGX_SANDBOX_PACKAGE_PYPI, "http://b.example/r/packages/", NULL },
        { NGX_SANDBOX_PACKAGE_PYPI, "https://n.example/", NULL },
        { NGX_SANDBOX_PACKAGE_NPM, "ours", NULL },
        { NGX_SANDBOX_PACKAGE_NPM, "", "https://n.example/" },
        { NGX_SANDBOX_PACKAGE_KINDS, "", NULL },
    };

    configure();

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        which = text(cases[i].which);
        index = ngx_sandbox_package_find(&indexes, cases[i].kind, &which);

        if (cases[i].url == NULL ? index != NULL
            : index == NULL
              || index->urls[0].len != strlen(cases[i].url)
              || memcmp(index->urls[0].data, cases[i].url,
                        index->urls[0].len) != 0)
        {
            fail_msg("\"%s\" is another one", cases[i].which);
        }
    }

    which = text("");
    assert_null(ngx_sandbox_package_find(NULL, 0, &which));
}


static void
test_target(void **state)
{
    size_t                         i;
    ngx_int_t                      rc;
    ngx_str_t                      path;
    ngx_sandbox_package_target_t   target;

    static const struct {
        const char  *path;
        const char  *url;       /* NULL: refused */
        unsigned     page;
    } cases[] = {
        { "/packages/pypi/default/0/simple/six/",
          "https://a.example/simple/six/", 1 },
        { "/packages/pypi/default/0/simple/six/x.html",
          "https://a.example/simple/six/x.html", 1 },
        { "/packages/pypi/default/1/p/x-1.0+c-py3.whl",
          "https://files.example:8443/p/x-1.0+c-py3.whl", 0 },
        { "/packages/pypi/ours/0/r/packages/x.whl",
          "http://b.example/r/packages/x.whl", 0 },
        { "/packages/npm/default/0/@a/b", "https://n.example/@a/b", 1 },
        { "/packages/npm/default/0/b/-/b-1.tgz",
          "https://n.example/b/-/b-1.tgz", 0 },
        { "/packages/pypi/default/0/", NULL, 0 },
        { "/packages/pypi/default/0/other/", NULL, 0 },
        { "/packages/pypi/default/0/simple", NULL, 0 },
        { "/packages/pypi/default/1/simple/six/", NULL, 0 },
        { "/packages/pypi/default/0/p/x.whl", NULL, 0 },
        { "/packages/pypi/default/2/p/x.whl", NULL, 0 },
        { "/packages/pypi/default/-1/p/x.whl", NULL, 0 },
        { "/packages/pypi/default//p/x.whl", NULL, 0 },
        { "/packages/pypi/other/0/simple/six/", NULL, 0 },
        { "/packages/pypi//0/simple/six/", NULL, 0 },
        { "/packages/apt/default/0/simple/six/", NULL, 0 },
        { "/packages/npm/ours/0/x", NULL, 0 },
        { "/package/pypi/default/0/simple/six/", NULL, 0 },
        { "packages/pypi/default/0/simple/six/", NULL, 0 },
        { "/packages/pypi/default/0/simple/../x", NULL, 0 },
        { "/packages/pypi/default/0/simple/./x", NULL, 0 },
        { "/packages/pypi/default/0/simple/..", NULL, 0 },
        { "/packages/pypi/default/0/simple/x%2e", NULL, 0 },
        { "/packages/pypi/default/0/simple/x y", NULL, 0 },
        { "/packages/pypi/default/0/simple/x\r\n", NULL, 0 },
        { "/packages/pypi/default/0/simple/x?y", NULL, 0 },
        { "/packages/pypi/default", NULL, 0 },
        { "/packages/", NULL, 0 },
        { "", NULL, 0 },
    };

    configure();

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        path = text(cases[i].path);
        rc = ngx_sandbox_package_target(unit_cycle.pool, &indexes, &path,
                                        &target);

        if (cases[i].url == NULL ? rc != NGX_DECLINED
            : rc != NGX_OK || target.page != cases[i].page
              || target.url.len != strlen(cases[i].url)
              || memcmp(target.url.data, cases[i].url, target.url.len) != 0)
        {
            fail_msg("\"%s\": %ld", cases[i].path, (long) rc);
        }
    }
}


static void
test_index_path(void **state)
{
    ngx_str_t                      path;
    ngx_sandbox_package_target_t   target;

    configure();

    assert_int_equal(ngx_sandbox_package_index_path(unit_cycle.pool,
                         (ngx_sandbox_package_index_t *) indexes.elts + 1,
                         &path),
                     NGX_OK);
    assert_int_equal(path.len, strlen("/packages/pypi/ours/0/r/simple/"));
    assert_memory_equal(path.data, "/packages/pypi/ours/0/r/simple/",
                        path.len);
    assert_int_equal(ngx_sandbox_package_target(unit_cycle.pool, &indexes,
                                                &path, &target),
                     NGX_OK);
}


static void
test_kind(void **state)
{
    ngx_str_t   runtime;
    ngx_uint_t  kind;

    runtime = text("python3.11");
    assert_int_equal(ngx_sandbox_package_kind(&runtime, &kind), NGX_OK);
    assert_int_equal(kind, NGX_SANDBOX_PACKAGE_PYPI);

    runtime = text("nodejs20");
    assert_int_equal(ngx_sandbox_package_kind(&runtime, &kind), NGX_OK);
    assert_int_equal(kind, NGX_SANDBOX_PACKAGE_NPM);

    runtime = text("java17");
    assert_int_equal(ngx_sandbox_package_kind(&runtime, &kind), NGX_DECLINED);
}


static void
test_runtimes(void **state)
{
    ngx_str_t   regex;
    ngx_uint_t  i;

    static const struct {
        ngx_uint_t   kinds;
        const char  *regex;
    } cases[] = {
        { 1 << NGX_SANDBOX_PACKAGE_PYPI, "^(python)" },
        { 1 << NGX_SANDBOX_PACKAGE_NPM, "^(nodejs)" },
        { 1 << NGX_SANDBOX_PACKAGE_PYPI | 1 << NGX_SANDBOX_PACKAGE_NPM,
          "^(python|nodejs)" },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(ngx_sandbox_package_runtimes(unit_cycle.pool,
                                                      cases[i].kinds, &regex),
                         NGX_OK);
        assert_int_equal(regex.len, strlen(cases[i].regex));
        assert_memory_equal(regex.data, cases[i].regex, regex.len);
    }
}


static const struct CMUnitTest  tests[] = {
    ngx_sandbox_unit_test(test_allow),
    ngx_sandbox_unit_test(test_find),
    ngx_sandbox_unit_test(test_target),
    ngx_sandbox_unit_test(test_index_path),
    ngx_sandbox_unit_test(test_kind),
    ngx_sandbox_unit_test(test_runtimes),
};

ngx_sandbox_unit_main(tests)
