
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Takes the input as the path of a package, as a URL of an index, and as a list
 * of packages.  Whatever may be asked for is below an allowed URL, and is read
 * alike by whoever gets it; a list that is read is written and read again.
 */


#include "ngx_sandbox_fuzz.h"
#include "ngx_sandbox.h"
#include "ngx_sandbox_dependency.h"
#include "ngx_sandbox_package.h"


static ngx_array_t                   fuzz_indexes;
static ngx_sandbox_package_index_t   fuzz_index[2];


static void
fuzz_init(void)
{
    ngx_uint_t  i;

    static ngx_str_t  urls[] = {
        ngx_string("https://index.example/simple/"),
        ngx_string("https://files.example:8443/packages/a/"),
        ngx_string("http://index.example/root/"),
    };

    for (i = 0; i < 2; i++) {
        fuzz_index[i].kind = i;
        ngx_str_set(&fuzz_index[i].name, "default");
    }

    for (i = 0; i < 3; i++) {
        fuzz_bug(ngx_sandbox_package_allow(&fuzz_index[0], &urls[i])
                 != NGX_OK);
    }

    fuzz_bug(ngx_sandbox_package_allow(&fuzz_index[1], &urls[2]) != NGX_OK);

    fuzz_indexes.elts = fuzz_index;
    fuzz_indexes.nelts = 2;
}


static void
fuzz_plain(const u_char *p, const u_char *last)
{
    const u_char  *segment;

    for (segment = p; p <= last; p++) {

        if (p == last || *p == '/') {
            fuzz_bug(p - segment == 1 && segment[0] == '.');
            fuzz_bug(p - segment >= 2 && segment[0] == '.'
                     && segment[1] == '.');
            segment = p + 1;
            continue;
        }

        fuzz_bug(*p <= ' ' || *p > '~');
        fuzz_bug(ngx_strchr("%?#\\\";$<>&", *p) != NULL);
    }
}


static void
fuzz_target(ngx_pool_t *pool, const ngx_str_t *path)
{
    ngx_uint_t                     i;
    const ngx_str_t               *allowed;
    ngx_sandbox_package_target_t   target;

    if (ngx_sandbox_package_target(pool, &fuzz_indexes, path, &target)
        != NGX_OK)
    {
        return;
    }

    fuzz_bug(target.origin >= target.index->norigins);
    fuzz_bug(path->len > NGX_SANDBOX_PACKAGE_PATH_MAX);

    for (i = 0; i < target.index->nurls; i++) {
        allowed = &target.index->urls[i];

        if (target.url.len >= allowed->len
            && ngx_memcmp(target.url.data, allowed->data, allowed->len) == 0)
        {
            break;
        }
    }

    fuzz_bug(i == target.index->nurls);

    allowed = &target.index->origins[target.origin];
    fuzz_bug(target.url.len < allowed->len
             || ngx_memcmp(target.url.data, allowed->data, allowed->len) != 0);

    fuzz_plain(target.url.data + allowed->len,
               target.url.data + target.url.len);
}


/* what is allowed can be asked for, by the path that an installer is told */

static void
fuzz_allow(ngx_pool_t *pool, const ngx_str_t *text)
{
    ngx_str_t                      url, path;
    ngx_array_t                    indexes;
    ngx_sandbox_package_index_t    index;
    ngx_sandbox_package_target_t   target;

    ngx_memzero(&index, sizeof(ngx_sandbox_package_index_t));
    ngx_str_set(&index.name, "x");

    url = *text;

    if (ngx_sandbox_package_allow(&index, &url) != NGX_OK) {
        fuzz_bug(index.nurls || index.norigins);
        return;
    }

    fuzz_bug(index.nurls != 1 || index.norigins != 1);
    fuzz_bug(url.len > NGX_SANDBOX_PACKAGE_URL_MAX);
    fuzz_plain(url.data + index.origins[0].len, url.data + url.len);

    indexes.elts = &index;
    indexes.nelts = 1;

    fuzz_bug(ngx_sandbox_package_index_path(pool, &index, &path) != NGX_OK);
    fuzz_bug(ngx_sandbox_package_target(pool, &indexes, &path, &target)
             != NGX_OK);
    fuzz_bug(target.url.len != url.len
             || ngx_memcmp(target.url.data, url.data, url.len) != 0);
    fuzz_bug(ngx_sandbox_package_find(&indexes, index.kind, &url) != &index);
}


static void
fuzz_list(ngx_pool_t *pool, const ngx_str_t *text)
{
    ngx_str_t                        first, second;
    ngx_uint_t                       kind;
    ngx_sandbox_items_t              items, again;
    const ngx_sandbox_dependency_t  *dep, *misfit;

    if (ngx_sandbox_dependencies_read(pool, text, &items) != NGX_OK) {
        return;
    }

    fuzz_bug(items.nelts > NGX_SANDBOX_INSTALLED_MAX);
    fuzz_bug(ngx_sandbox_dependencies_write(pool, &items, &first) != NGX_OK);
    fuzz_bug(ngx_sandbox_dependencies_read(pool, &first, &again) != NGX_OK);
    fuzz_bug(again.nelts != items.nelts);

    /* each name takes the place of its own */

    for (kind = 0; kind < NGX_SANDBOX_PACKAGE_KINDS; kind++) {
        fuzz_bug(ngx_sandbox_dependencies_merge(pool, kind, &items, &again,
                                                &second)
                 != NGX_OK);
        fuzz_bug(first.len != second.len
                 || ngx_memcmp(first.data, second.data, first.len) != 0);

        misfit = ngx_sandbox_dependencies_misfit(kind, &items);
        dep = items.elts;
        fuzz_bug(misfit && (misfit < dep || misfit >= dep + items.nelts));
    }
}


static void
fuzz_one(ngx_pool_t *pool, const ngx_str_t *text)
{
    if (fuzz_indexes.nelts == 0) {
        fuzz_init();
    }

    fuzz_target(pool, text);
    fuzz_allow(pool, text);
    fuzz_list(pool, text);
}
