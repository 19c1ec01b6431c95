
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The rows of field tables: looking them up and putting their rules into words.
 * The words are made from the same type and bounds that are checked, so they
 * cannot differ.  Tables are static and trusted; names and values are not.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox.h"
#include "ngx_sandbox_id.h"
#include "ngx_sandbox_field.h"


#define NGX_SANDBOX_FIELD_RULE_MAX  512   /* bytes of a rule in words */
#define NGX_SANDBOX_FIELD_NEAR      2     /* edits that make a name another */


static void ngx_sandbox_field_mistake(ngx_sandbox_report_t *report,
    const ngx_sandbox_field_t *field, const ngx_str_t *prefix, ngx_int_t rc);
static u_char *ngx_sandbox_field_rule(u_char *p, u_char *last,
    const ngx_sandbox_field_t *field);
static u_char *ngx_sandbox_field_rule_items(u_char *p, u_char *last,
    const ngx_sandbox_field_t *field);
static u_char *ngx_sandbox_field_rule_range(u_char *p, u_char *last,
    const ngx_sandbox_field_t *field);
static u_char *ngx_sandbox_field_decimal(u_char *p, u_char *last,
    int64_t thousandths);
static const ngx_sandbox_field_t *ngx_sandbox_field_nearest(
    const ngx_sandbox_field_t *fields, const ngx_str_t *name);
static ngx_uint_t ngx_sandbox_field_distance(const ngx_str_t *a,
    const ngx_str_t *b);


const ngx_sandbox_field_t *
ngx_sandbox_field_find(const ngx_sandbox_field_t *fields,
    const ngx_str_t *name)
{
    const ngx_sandbox_field_t  *f;

    for (f = fields; f->name.len; f++) {
        if (f->type != NGX_SANDBOX_FIELD_PREFIX
            && f->name.len == name->len
            && ngx_memcmp(f->name.data, name->data, name->len) == 0)
        {
            return f;
        }
    }

    return NULL;
}


ngx_uint_t
ngx_sandbox_field_given(const ngx_sandbox_field_t *fields, uint64_t mask,
    size_t offset)
{
    ngx_uint_t  i;

    for (i = 0; fields[i].name.len; i++) {
        if (fields[i].offset == offset && (mask >> i) & 1) {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_sandbox_field_mark(ngx_sandbox_report_t *report,
    const ngx_sandbox_field_t *fields, const ngx_sandbox_field_t *field,
    const ngx_str_t *prefix, ngx_sandbox_fields_t *given, uint64_t *mask)
{
    uint64_t    bit, all;
    ngx_uint_t  i;

    bit = (uint64_t) 1 << (field - fields);
    all = given->set | given->null;

    if (all & bit) {
        ngx_sandbox_report_mistake(report, NGX_SANDBOX_MISTAKE_STRUCTURE,
                                   prefix, &field->name, "is given twice");
        return NGX_DECLINED;
    }

    for (i = 0; fields[i].name.len; i++) {

        if (fields[i].offset == field->offset && (all >> i) & 1) {
            ngx_sandbox_report_mistake(report, NGX_SANDBOX_MISTAKE_STRUCTURE,
                                       prefix, &field->name,
                                       "is another name of \"%V\", give one "
                                       "of them", &fields[i].name);
            return NGX_DECLINED;
        }
    }

    *mask |= bit;

    return NGX_OK;
}


ngx_int_t
ngx_sandbox_field_judge(ngx_pool_t *pool, ngx_sandbox_report_t *report,
    const ngx_sandbox_field_t *field, const ngx_str_t *prefix, ngx_int_t rc,
    void *value)
{
    if (rc == NGX_OK && field->check) {
        rc = field->check(pool, field, value);
    }

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc != NGX_OK) {
        ngx_sandbox_field_mistake(report, field, prefix, rc);
    }

    return NGX_OK;
}


void
ngx_sandbox_field_unknown(ngx_sandbox_report_t *report,
    const ngx_sandbox_field_t *fields, const ngx_str_t *prefix,
    const ngx_str_t *name, char *what)
{
    const ngx_sandbox_field_t  *near;

    near = ngx_sandbox_field_nearest(fields, name);

    if (near) {
        ngx_sandbox_report_mistake(report, NGX_SANDBOX_MISTAKE_STRUCTURE,
                                   prefix, name,
                                   "unknown %s, did you mean \"%V\"?", what,
                                   &near->name);
        return;
    }

    ngx_sandbox_report_mistake(report, NGX_SANDBOX_MISTAKE_STRUCTURE, prefix,
                               name, "unknown %s", what);
}


void
ngx_sandbox_field_missing(ngx_sandbox_report_t *report,
    const ngx_sandbox_field_t *fields, const ngx_str_t *prefix,
    const ngx_sandbox_fields_t *given)
{
    const ngx_sandbox_field_t  *f;

    for (f = fields; f->name.len; f++) {

        if (!(f->flags & NGX_SANDBOX_FIELD_REQUIRED)
            || ngx_sandbox_field_given(fields, given->set | given->null,
                                       f->offset))
        {
            continue;
        }

        ngx_sandbox_report_mistake(report, NGX_SANDBOX_MISTAKE_STRUCTURE,
                                   prefix, &f->name, "is required");
    }
}


ngx_int_t
ngx_sandbox_field_string(const ngx_sandbox_field_t *field,
    const ngx_str_t *text, void *value)
{
    ngx_str_t        *sp;
    ngx_uint_t       *np;
    const ngx_str_t  *choice;

    if (field->type == NGX_SANDBOX_FIELD_ENUM) {

        for (choice = field->data; choice->len; choice++) {
            if (choice->len == text->len
                && ngx_memcmp(choice->data, text->data, text->len) == 0)
            {
                np = value;
                *np = choice - (const ngx_str_t *) field->data;

                return NGX_OK;
            }
        }

        return NGX_DECLINED;
    }

    if (field->type == NGX_SANDBOX_FIELD_ID) {
        if (!ngx_sandbox_id_valid(text)) {
            return NGX_DECLINED;
        }

    } else if (text->len < (uint64_t) field->min
               || text->len > (uint64_t) field->max
               || (field->type == NGX_SANDBOX_FIELD_TEXT && text->len == 0)
               || ((field->flags & NGX_SANDBOX_FIELD_LINE)
                   && !ngx_sandbox_field_line(text)))
    {
        return NGX_DECLINED;
    }

    sp = value;
    *sp = *text;

    return NGX_OK;
}


ngx_int_t
ngx_sandbox_field_int(const ngx_sandbox_field_t *field, int64_t number,
    void *value)
{
    ngx_int_t  *np;

    if (number > field->max && (field->flags & NGX_SANDBOX_FIELD_CLAMP)) {
        number = field->max;
    }

    if (number < field->min || number > field->max) {
        return NGX_DECLINED;
    }

    np = value;
    *np = (ngx_int_t) number;

    return NGX_OK;
}


ngx_int_t
ngx_sandbox_field_number(const ngx_sandbox_field_t *field, double number,
    void *value)
{
    double  *dp;

    /* a NaN is neither below nor above, and is refused by this form */

    if (!(number >= field->min / 1000.0 && number <= field->max / 1000.0)) {
        return NGX_DECLINED;
    }

    dp = value;
    *dp = number;

    return NGX_OK;
}


ngx_uint_t
ngx_sandbox_field_line(const ngx_str_t *text)
{
    size_t  i;

    for (i = 0; i < text->len; i++) {
        if (text->data[i] < 0x20 || text->data[i] == 0x7f) {
            return 0;
        }
    }

    return 1;
}


static void
ngx_sandbox_field_mistake(ngx_sandbox_report_t *report,
    const ngx_sandbox_field_t *field, const ngx_str_t *prefix, ngx_int_t rc)
{
    u_char                 *p, buf[NGX_SANDBOX_FIELD_RULE_MAX];
    ngx_sandbox_mistake_e   kind;

    kind = (rc == NGX_SANDBOX_FIELD_TYPE) ? NGX_SANDBOX_MISTAKE_STRUCTURE
                                          : NGX_SANDBOX_MISTAKE_VALUE;

    if (field->rule) {
        ngx_sandbox_report_mistake(report, kind, prefix, &field->name, "%s",
                                   field->rule);
        return;
    }

    p = ngx_sandbox_field_rule(buf, buf + sizeof(buf), field);

    ngx_sandbox_report_mistake(report, kind, prefix, &field->name, "%*s",
                               (size_t) (p - buf), buf);
}


static u_char *
ngx_sandbox_field_rule(u_char *p, u_char *last,
    const ngx_sandbox_field_t *field)
{
    const ngx_str_t  *choice;

    switch (field->type) {

    case NGX_SANDBOX_FIELD_STRING:
    case NGX_SANDBOX_FIELD_TEXT:
        return ngx_slprintf(p, last, "must be a string of %L to %L bytes%s",
                            field->type == NGX_SANDBOX_FIELD_TEXT
                            ? ngx_max(field->min, 1) : field->min, field->max,
                            (field->flags & NGX_SANDBOX_FIELD_LINE)
                            ? " without control characters" : "");

    case NGX_SANDBOX_FIELD_ID:
        return ngx_slprintf(p, last, "must be 1 to %d of letters, digits, "
                            "\"_\" and \"-\"", NGX_SANDBOX_ID_MAX);

    case NGX_SANDBOX_FIELD_BOOL:
        return ngx_slprintf(p, last, "must be true or false");

    case NGX_SANDBOX_FIELD_ENUM:
        p = ngx_slprintf(p, last, "must be one of");

        for (choice = field->data; choice->len; choice++) {
            p = ngx_slprintf(p, last, "%s%V",
                             choice == field->data ? " " : ", ", choice);
        }

        return p;

    case NGX_SANDBOX_FIELD_NESTED:
        return ngx_slprintf(p, last, "must be an object");

    case NGX_SANDBOX_FIELD_INT:
    case NGX_SANDBOX_FIELD_NUMBER:
    case NGX_SANDBOX_FIELD_CPU:
    case NGX_SANDBOX_FIELD_SIZE:
        return ngx_sandbox_field_rule_range(p, last, field);

    default:
        return ngx_sandbox_field_rule_items(p, last, field);
    }
}


static u_char *
ngx_sandbox_field_rule_items(u_char *p, u_char *last,
    const ngx_sandbox_field_t *field)
{
    switch (field->type) {

    case NGX_SANDBOX_FIELD_OBJECT:
        p = ngx_slprintf(p, last, "must be an object of at most %L bytes",
                         field->max);

        if (field->min) {
            p = ngx_slprintf(p, last, " and %L levels", field->min);
        }

        return p;

    case NGX_SANDBOX_FIELD_MAP:
        p = ngx_slprintf(p, last, "must be an object of at most %L strings, "
                         "%L bytes in all, ", field->min, field->max);

        if (field->flags & NGX_SANDBOX_FIELD_ENV) {
            return ngx_slprintf(p, last, "with names of letters, digits and "
                                "\"_\" that begin with no digit");
        }

        return ngx_slprintf(p, last, "with names of 1 to %d and values of 0 "
                            "to %d bytes", NGX_SANDBOX_MAP_KEY_MAX,
                            NGX_SANDBOX_MAP_VALUE_MAX);

    case NGX_SANDBOX_FIELD_LIST:
        return ngx_slprintf(p, last, "must be an array of at most %L strings "
                            "of 1 to %L bytes", field->max, field->min);

    case NGX_SANDBOX_FIELD_DEPENDENCIES:
        return ngx_slprintf(p, last, "must be an array of at most %L objects "
                            "with a \"name\" and an optional \"version\" like "
                            "\"==1.2.3\" or \"1.2.3\", each name once",
                            field->max);

    default: /* NGX_SANDBOX_FIELD_PREFIX */
        return ngx_slprintf(p, last, "at most %L of them, with names of 1 to "
                            "%d and values of 0 to %L bytes", field->max,
                            NGX_SANDBOX_MAP_KEY_MAX, field->min);
    }
}


static u_char *
ngx_sandbox_field_rule_range(u_char *p, u_char *last,
    const ngx_sandbox_field_t *field)
{
    switch (field->type) {

    case NGX_SANDBOX_FIELD_INT:
        return ngx_slprintf(p, last, "must be an integer from %L to %L",
                            field->min, field->max);

    case NGX_SANDBOX_FIELD_SIZE:
        return ngx_slprintf(p, last, "must be a size from %LMi to %LMi, like "
                            "\"512Mi\" or \"1Gi\"", field->min, field->max);

    case NGX_SANDBOX_FIELD_CPU:
        p = ngx_slprintf(p, last, "must be a number of cores from ");
        break;

    default: /* NGX_SANDBOX_FIELD_NUMBER */
        p = ngx_slprintf(p, last, "must be a number from ");
    }

    p = ngx_sandbox_field_decimal(p, last, field->min);
    p = ngx_slprintf(p, last, " to ");
    p = ngx_sandbox_field_decimal(p, last, field->max);

    if (field->type == NGX_SANDBOX_FIELD_CPU) {
        p = ngx_slprintf(p, last, ", like \"0.5\" or \"500m\"");
    }

    return p;
}


static u_char *
ngx_sandbox_field_decimal(u_char *p, u_char *last, int64_t thousandths)
{
    p = ngx_slprintf(p, last, "%s%L", thousandths < 0 ? "-" : "",
                     ngx_abs(thousandths) / 1000);

    if (thousandths % 1000) {
        p = ngx_slprintf(p, last, ".%03L", ngx_abs(thousandths) % 1000);

        while (p[-1] == '0') {
            p--;
        }
    }

    return p;
}


static const ngx_sandbox_field_t *
ngx_sandbox_field_nearest(const ngx_sandbox_field_t *fields,
    const ngx_str_t *name)
{
    ngx_uint_t                  n, best;
    const ngx_sandbox_field_t  *f, *near;

    near = NULL;
    best = NGX_SANDBOX_FIELD_NEAR + 1;

    for (f = fields; f->name.len; f++) {

        n = ngx_sandbox_field_distance(&f->name, name);

        /* two edits make almost anything of a short name */

        if (n < best && 2 * n < f->name.len) {
            near = f;
            best = n;
        }
    }

    return near;
}


/* Levenshtein's distance, with one row of its matrix */

static ngx_uint_t
ngx_sandbox_field_distance(const ngx_str_t *a, const ngx_str_t *b)
{
    size_t  i, j;
    u_char  left, above, corner, row[NGX_SANDBOX_REPORT_NAME_MAX + 1];

    if (a->len > NGX_SANDBOX_REPORT_NAME_MAX
        || b->len > NGX_SANDBOX_REPORT_NAME_MAX)
    {
        return NGX_SANDBOX_REPORT_NAME_MAX;
    }

    for (j = 0; j <= b->len; j++) {
        row[j] = (u_char) j;
    }

    for (i = 1; i <= a->len; i++) {

        corner = row[0];
        row[0] = (u_char) i;

        for (j = 1; j <= b->len; j++) {
            above = row[j];
            left = row[j - 1];

            corner += (a->data[i - 1] != b->data[j - 1]);
            row[j] = ngx_min(corner, ngx_min(above, left) + 1);

            corner = above;
        }
    }

    return row[b->len];
}
