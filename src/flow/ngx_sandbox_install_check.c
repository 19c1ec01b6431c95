
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * What is known to fail before anything is installed: it depends on the
 * language of the template, and on the indexes that this instance has.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox.h"
#include "ngx_sandbox_dependency.h"
#include "ngx_sandbox_install_flow.h"


static void ngx_sandbox_install_misfit(ngx_sandbox_flow_t *f, ngx_uint_t kind,
    const ngx_sandbox_items_t *asked, const ngx_sandbox_dependency_t *misfit);


ngx_uint_t
ngx_sandbox_install_kinds(const ngx_array_t *indexes,
    const ngx_sandbox_items_t *asked, const ngx_str_t *index_url)
{
    ngx_uint_t  kind, kinds;

    kinds = 0;

    for (kind = 0; kind < NGX_SANDBOX_PACKAGE_KINDS; kind++) {

        if (ngx_sandbox_package_find(indexes, kind, index_url)
            && ngx_sandbox_dependencies_misfit(kind, asked) == NULL)
        {
            kinds |= 1 << kind;
        }
    }

    return kinds;
}


ngx_int_t
ngx_sandbox_install_check(ngx_sandbox_flow_t *f, const ngx_str_t *runtime,
    const ngx_sandbox_items_t *asked, const ngx_str_t *index_url,
    ngx_uint_t *ret_kind)
{
    ngx_uint_t                       kind;
    const ngx_sandbox_dependency_t  *misfit;

    if (ngx_sandbox_package_kind(runtime, &kind) != NGX_OK) {
        (void) ngx_sandbox_flow_fail(f, NGX_SANDBOX_INVALID_PARAMETER,
                                     "dependencies: none can be installed "
                                     "for %V", runtime);
        ngx_str_set(&f->error.solution,
                    "Use a template of Python or Node.js, or one whose image "
                    "has the packages already.");

    } else if (ngx_sandbox_package_find(f->node->packages, kind, index_url)
               == NULL)
    {
        (void) ngx_sandbox_flow_fail(f, NGX_SANDBOX_INVALID_PARAMETER,
                                     "%s: this instance has no such "
                                     "sandbox_package_index %V",
                                     index_url->len
                                     ? "python_package_index_url"
                                     : "dependencies",
                                     &ngx_sandbox_package_kinds[kind]);
        ngx_str_set(&f->error.solution,
                    "Leave python_package_index_url empty for the default "
                    "index, or ask the operator to allow one for the "
                    "template's language.");

    } else {
        misfit = ngx_sandbox_dependencies_misfit(kind, asked);

        if (misfit == NULL) {
            *ret_kind = kind;
            return NGX_OK;
        }

        ngx_sandbox_install_misfit(f, kind, asked, misfit);
    }

    f->error.status = 422;

    return NGX_ERROR;
}


static void
ngx_sandbox_install_misfit(ngx_sandbox_flow_t *f, ngx_uint_t kind,
    const ngx_sandbox_items_t *asked, const ngx_sandbox_dependency_t *misfit)
{
    ngx_uint_t                       n;
    const ngx_sandbox_dependency_t  *first;

    first = asked->elts;
    n = misfit - first;

    if (!ngx_sandbox_dependency_name_fits(kind, &misfit->name)) {
        (void) ngx_sandbox_flow_fail(f, NGX_SANDBOX_INVALID_PARAMETER,
                                     "dependencies[%ui].name: no package of "
                                     "%V has such a name", n,
                                     &ngx_sandbox_package_kinds[kind]);
        return;
    }

    (void) ngx_sandbox_flow_fail(f, NGX_SANDBOX_INVALID_PARAMETER,
                                 "dependencies[%ui].version: must be %s", n,
                                 kind == NGX_SANDBOX_PACKAGE_NPM
                                 ? "all of one version, as \"1.2.3\", and no "
                                   "range or tag"
                                 : "one version that begins with a digit, as "
                                   "\"2.31.0\"");
}
