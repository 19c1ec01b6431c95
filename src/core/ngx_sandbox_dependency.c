
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Lists of packages: read, merged, written.
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
ngx_sandbox_dependencies_merge(ngx_pool_t *pool,
    const ngx_sandbox_items_t *kept, const ngx_sandbox_items_t *asked,
    ngx_str_t *ret_text)
{
    ngx_uint_t                 i, j;
    ngx_sandbox_json_t         json;
    ngx_sandbox_dependency_t  *old, *dep;

    old = kept ? kept->elts : NULL;
    dep = asked->elts;

    ngx_sandbox_json_init(&json, pool, 256);
    ngx_sandbox_json_array_start(&json);

    for (i = 0; kept && i < kept->nelts; i++) {

        for (j = 0; j < asked->nelts; j++) {
            if (ngx_sandbox_dependency_same(&old[i].name, &dep[j].name)) {
                break;
            }
        }

        if (j == asked->nelts) {
            ngx_sandbox_dependency_write(&json, &old[i]);
        }
    }

    for (j = 0; j < asked->nelts; j++) {
        ngx_sandbox_dependency_write(&json, &dep[j]);
    }

    ngx_sandbox_json_array_end(&json);

    return ngx_sandbox_json_finish(&json, ret_text);
}


ngx_int_t
ngx_sandbox_dependencies_pin(ngx_pool_t *pool,
    const ngx_sandbox_items_t *asked, const ngx_sandbox_items_t *installed,
    ngx_str_t *ret_text)
{
    ngx_uint_t                 i, j;
    ngx_sandbox_json_t         json;
    ngx_sandbox_dependency_t  *dep, *there, pinned;

    dep = asked->elts;
    there = installed->elts;

    ngx_sandbox_json_init(&json, pool, 256);
    ngx_sandbox_json_array_start(&json);

    for (i = 0; i < asked->nelts; i++) {
        pinned = dep[i];

        for (j = 0; j < installed->nelts; j++) {
            if (ngx_sandbox_dependency_same(&dep[i].name, &there[j].name)) {
                pinned.version = there[j].version;
                break;
            }
        }

        ngx_sandbox_dependency_write(&json, &pinned);
    }

    ngx_sandbox_json_array_end(&json);

    return ngx_sandbox_json_finish(&json, ret_text);
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
