
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Lists of packages: read, judged, merged, written.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox.h"
#include "ngx_sandbox_dependency.h"
#include "ngx_sandbox_json_reader.h"
#include "ngx_sandbox_json_writer.h"


typedef struct {
    ngx_sandbox_fields_t   fields;
    ngx_sandbox_items_t    items;
} ngx_sandbox_dependencies_t;


static ngx_uint_t ngx_sandbox_dependency_version_fits(ngx_uint_t kind,
    const ngx_str_t *version);
static ngx_uint_t ngx_sandbox_dependency_suffix_fits(u_char *p, u_char *last);
static const ngx_sandbox_dependency_t *ngx_sandbox_dependency_find(
    ngx_uint_t kind, const ngx_sandbox_items_t *items, const ngx_str_t *name);
static ngx_uint_t ngx_sandbox_dependency_same(const ngx_str_t *one,
    const ngx_str_t *other);
static u_char ngx_sandbox_dependency_next(const ngx_str_t *name, size_t *i);
static void ngx_sandbox_dependency_write(ngx_sandbox_json_t *json,
    const ngx_sandbox_dependency_t *dep);


static const ngx_sandbox_field_t  ngx_sandbox_dependencies_fields[] = {

    { ngx_string("items"), NGX_SANDBOX_FIELD_DEPENDENCIES,
      NGX_SANDBOX_FIELD_REQUIRED|NGX_SANDBOX_FIELD_REPEAT, 0,
      NGX_SANDBOX_INSTALLED_MAX, offsetof(ngx_sandbox_dependencies_t, items),
      NULL, NULL, NULL },

      ngx_sandbox_null_field
};


ngx_int_t
ngx_sandbox_dependencies_read(ngx_pool_t *pool, const ngx_str_t *text,
    ngx_sandbox_items_t *ret_items)
{
    u_char                      *p;
    ngx_int_t                    rc;
    ngx_str_t                    object, reason;
    struct json_t               *json;
    ngx_sandbox_report_t         report;
    ngx_sandbox_dependencies_t   list;

    p = ngx_pnalloc(pool, text->len + sizeof("{\"items\":}"));
    if (p == NULL) {
        return NGX_ERROR;
    }

    object.data = p;
    object.len = ngx_sprintf(p, "{\"items\":%V}", text) - p;

    rc = ngx_sandbox_json_parse(pool, &object, &json, &reason);
    if (rc != NGX_OK) {
        return rc;
    }

    ngx_memzero(&list, sizeof(ngx_sandbox_dependencies_t));
    ngx_sandbox_report_init(&report, pool);

    rc = ngx_sandbox_validate(pool, json, ngx_sandbox_dependencies_fields,
                              &list, &report);
    if (rc != NGX_OK) {
        return rc;
    }

    *ret_items = list.items;

    return NGX_OK;
}


ngx_int_t
ngx_sandbox_dependencies_write(ngx_pool_t *pool,
    const ngx_sandbox_items_t *items, ngx_str_t *ret_text)
{
    ngx_uint_t                       i;
    ngx_sandbox_json_t               json;
    const ngx_sandbox_dependency_t  *dep;

    dep = items->elts;

    ngx_sandbox_json_init(&json, pool, 256);
    ngx_sandbox_json_array_start(&json);

    for (i = 0; i < items->nelts; i++) {
        ngx_sandbox_dependency_write(&json, &dep[i]);
    }

    ngx_sandbox_json_array_end(&json);

    return ngx_sandbox_json_finish(&json, ret_text);
}


const ngx_sandbox_dependency_t *
ngx_sandbox_dependencies_misfit(ngx_uint_t kind,
    const ngx_sandbox_items_t *items)
{
    ngx_uint_t                       i;
    const ngx_sandbox_dependency_t  *dep;

    dep = items->elts;

    for (i = 0; i < items->nelts; i++) {

        if (!ngx_sandbox_dependency_name_fits(kind, &dep[i].name)
            || !ngx_sandbox_dependency_version_fits(kind, &dep[i].version))
        {
            return &dep[i];
        }
    }

    return NULL;
}


/* only npm has scopes */

ngx_uint_t
ngx_sandbox_dependency_name_fits(ngx_uint_t kind, const ngx_str_t *name)
{
    return kind == NGX_SANDBOX_PACKAGE_NPM || name->data[0] != '@';
}


/*
 * Both may begin with a "v".  npm: three numbers and what semver 2.0 lets
 * follow; Python: a number, and more as PEP 440 has it.
 */

static ngx_uint_t
ngx_sandbox_dependency_version_fits(ngx_uint_t kind, const ngx_str_t *version)
{
    u_char      *p, *last, *start;
    ngx_uint_t   n, numbers;

    if (version->len == 0) {
        return 1;
    }

    p = version->data;
    last = p + version->len;

    if (*p == 'v' || *p == 'V') {
        p++;
    }

    numbers = (kind == NGX_SANDBOX_PACKAGE_NPM) ? 3 : 1;

    for (n = 0; n < numbers; n++) {

        if (n && (p == last || *p++ != '.')) {
            return 0;
        }

        start = p;

        while (p < last && *p >= '0' && *p <= '9') {
            p++;
        }

        if (p == start) {
            return 0;
        }
    }

    return kind != NGX_SANDBOX_PACKAGE_NPM
           || ngx_sandbox_dependency_suffix_fits(p, last);
}


/* "-beta.1+build.5", both or one or none: words with dots between them */

static ngx_uint_t
ngx_sandbox_dependency_suffix_fits(u_char *p, u_char *last)
{
    u_char      ch;
    ngx_uint_t  word, build;

    word = 1;
    build = 0;

    if (p < last && *p != '-' && *p != '+') {
        return 0;
    }

    for (/* void */; p < last; p++) {
        ch = ngx_tolower(*p);

        if ((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9')) {
            word = 1;

        } else if (ch == '+' && word && !build) {
            build = 1;
            word = 0;

        } else if (ch == '.' && word) {
            word = 0;

        } else if (ch != '-') {
            return 0;
        }
    }

    return word;
}


ngx_int_t
ngx_sandbox_dependencies_merge(ngx_pool_t *pool, ngx_uint_t kind,
    const ngx_sandbox_items_t *kept, const ngx_sandbox_items_t *asked,
    ngx_str_t *ret_text)
{
    ngx_uint_t                       i;
    ngx_sandbox_json_t               json;
    const ngx_sandbox_dependency_t  *dep;

    ngx_sandbox_json_init(&json, pool, 256);
    ngx_sandbox_json_array_start(&json);

    dep = kept->elts;

    for (i = 0; i < kept->nelts; i++) {

        if (ngx_sandbox_dependency_find(kind, asked, &dep[i].name) == NULL) {
            ngx_sandbox_dependency_write(&json, &dep[i]);
        }
    }

    dep = asked->elts;

    for (i = 0; i < asked->nelts; i++) {
        ngx_sandbox_dependency_write(&json, &dep[i]);
    }

    ngx_sandbox_json_array_end(&json);

    return ngx_sandbox_json_finish(&json, ret_text);
}


ngx_int_t
ngx_sandbox_dependencies_pin(ngx_pool_t *pool, ngx_uint_t kind,
    const ngx_sandbox_items_t *asked, const ngx_sandbox_items_t *installed,
    ngx_str_t *ret_text)
{
    ngx_uint_t                       i;
    ngx_sandbox_json_t               json;
    ngx_sandbox_dependency_t         pinned;
    const ngx_sandbox_dependency_t  *dep, *there;

    dep = asked->elts;

    ngx_sandbox_json_init(&json, pool, 256);
    ngx_sandbox_json_array_start(&json);

    for (i = 0; i < asked->nelts; i++) {
        pinned = dep[i];
        there = ngx_sandbox_dependency_find(kind, installed, &dep[i].name);

        if (there) {
            pinned.version = there->version;
        }

        ngx_sandbox_dependency_write(&json, &pinned);
    }

    ngx_sandbox_json_array_end(&json);

    return ngx_sandbox_json_finish(&json, ret_text);
}


/* a name of npm is that name only: "a-b", "a.b" and "A-B" are three packages */

static const ngx_sandbox_dependency_t *
ngx_sandbox_dependency_find(ngx_uint_t kind, const ngx_sandbox_items_t *items,
    const ngx_str_t *name)
{
    ngx_uint_t                       i, same;
    const ngx_sandbox_dependency_t  *dep;

    dep = items->elts;

    for (i = 0; i < items->nelts; i++) {

        if (kind == NGX_SANDBOX_PACKAGE_NPM) {
            same = dep[i].name.len == name->len
                   && ngx_memcmp(dep[i].name.data, name->data, name->len) == 0;

        } else {
            same = ngx_sandbox_dependency_same(&dep[i].name, name);
        }

        if (same) {
            return &dep[i];
        }
    }

    return NULL;
}


/* as PEP 503 compares them */

static ngx_uint_t
ngx_sandbox_dependency_same(const ngx_str_t *one, const ngx_str_t *other)
{
    u_char  a, b;
    size_t  i, j;

    i = 0;
    j = 0;

    do {
        a = ngx_sandbox_dependency_next(one, &i);
        b = ngx_sandbox_dependency_next(other, &j);

        if (a != b) {
            return 0;
        }

    } while (a);

    return 1;
}


/* 0: the end */

static u_char
ngx_sandbox_dependency_next(const ngx_str_t *name, size_t *i)
{
    u_char  ch;

    if (*i == name->len) {
        return 0;
    }

    ch = ngx_tolower(name->data[*i]);
    (*i)++;

    if (ch != '-' && ch != '_' && ch != '.') {
        return ch;
    }

    while (*i < name->len
           && (name->data[*i] == '-' || name->data[*i] == '_'
               || name->data[*i] == '.'))
    {
        (*i)++;
    }

    return '-';
}


static void
ngx_sandbox_dependency_write(ngx_sandbox_json_t *json,
    const ngx_sandbox_dependency_t *dep)
{
    ngx_sandbox_json_object_start(json);
    ngx_sandbox_json_literal_key(json, "name");
    ngx_sandbox_json_string(json, &dep->name);
    ngx_sandbox_json_literal_key(json, "version");

    if (dep->version.len) {
        ngx_sandbox_json_string(json, &dep->version);

    } else {
        ngx_sandbox_json_null(json);
    }

    ngx_sandbox_json_object_end(json);
}
