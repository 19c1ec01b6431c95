
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Validates a body against a field table.  All mistakes are collected before
 * anything is refused; the walk stops only when a report is full, so the work
 * is bounded by the size of the document.  Nested tables recurse, as deeply as
 * the static tables do and never as deeply as a document.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <jansson.h>
#include "ngx_sandbox_field.h"


typedef struct {
    ngx_pool_t            *pool;
    ngx_sandbox_report_t  *report;
} ngx_sandbox_validation_t;


static ngx_int_t ngx_sandbox_validate_object(ngx_sandbox_validation_t *v,
    json_t *object, const ngx_sandbox_field_t *fields,
    const ngx_str_t *prefix, void *body);
static ngx_int_t ngx_sandbox_validate_field(ngx_sandbox_validation_t *v,
    json_t *json, const ngx_sandbox_field_t *fields,
    const ngx_sandbox_field_t *field, const ngx_str_t *prefix, void *body);
static ngx_int_t ngx_sandbox_validate_nested(ngx_sandbox_validation_t *v,
    json_t *json, const ngx_sandbox_field_t *field, const ngx_str_t *prefix,
    void *body);


ngx_int_t
ngx_sandbox_validate(ngx_pool_t *pool, struct json_t *object,
    const ngx_sandbox_field_t *fields, void *body,
    ngx_sandbox_report_t *report)
{
    ngx_str_t                 prefix;
    ngx_sandbox_validation_t  v;

    ngx_str_set(&prefix, "");

    v.pool = pool;
    v.report = report;

    if (ngx_sandbox_validate_object(&v, object, fields, &prefix, body)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return report->mistakes ? NGX_DECLINED : NGX_OK;
}


static ngx_int_t
ngx_sandbox_validate_object(ngx_sandbox_validation_t *v, json_t *object,
    const ngx_sandbox_field_t *fields, const ngx_str_t *prefix, void *body)
{
    void                       *iter;
    ngx_str_t                   name;
    const ngx_sandbox_field_t  *field;

    for (iter = json_object_iter(object);
         iter && v->report->mistakes <= NGX_SANDBOX_REPORT_MAX;
         iter = json_object_iter_next(object, iter))
    {
        name.data = (u_char *) json_object_iter_key(iter);
        name.len = json_object_iter_key_len(iter);

        field = ngx_sandbox_field_find(fields, &name);

        if (field == NULL) {
            ngx_sandbox_field_unknown(v->report, fields, prefix, &name,
                                      "field");
            continue;
        }

        if (ngx_sandbox_validate_field(v, json_object_iter_value(iter),
                                       fields, field, prefix, body)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    ngx_sandbox_field_missing(v->report, fields, prefix, body);

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_validate_field(ngx_sandbox_validation_t *v, json_t *json,
    const ngx_sandbox_field_t *fields, const ngx_sandbox_field_t *field,
    const ngx_str_t *prefix, void *body)
{
    void                  *value;
    ngx_int_t              rc;
    ngx_uint_t             null;
    ngx_sandbox_fields_t  *given;

    given = body;
    value = (u_char *) body + field->offset;

    null = json_is_null(json) && (field->flags & NGX_SANDBOX_FIELD_NULLABLE);

    if (ngx_sandbox_field_mark(v->report, fields, field, prefix, given,
                               null ? &given->null : &given->set)
        != NGX_OK)
    {
        return NGX_OK;
    }

    if (null) {
        return NGX_OK;
    }

    if (field->type == NGX_SANDBOX_FIELD_NESTED) {
        rc = ngx_sandbox_validate_nested(v, json, field, prefix, value);

    } else {
        rc = ngx_sandbox_field_json(v->pool, field, json, value);
    }

    return ngx_sandbox_field_judge(v->pool, v->report, field, prefix, rc,
                                   value);
}


static ngx_int_t
ngx_sandbox_validate_nested(ngx_sandbox_validation_t *v, json_t *json,
    const ngx_sandbox_field_t *field, const ngx_str_t *prefix, void *body)
{
    u_char     *p;
    ngx_str_t   path;

    if (!json_is_object(json)) {
        return NGX_SANDBOX_FIELD_TYPE;
    }

    path.len = prefix->len + field->name.len + 1;
    path.data = ngx_pnalloc(v->pool, path.len);

    if (path.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(path.data, prefix->data, prefix->len);
    p = ngx_cpymem(p, field->name.data, field->name.len);
    *p = '.';

    return ngx_sandbox_validate_object(v, json, field->data, &path, body);
}
