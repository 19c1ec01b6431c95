
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Takes the input as a query, and as a body for a table with every type.  A
 * report that comes of it is bounded and printable; what is accepted is within
 * its bounds.
 */


#include "ngx_sandbox_fuzz.h"
#include "ngx_sandbox.h"
#include "ngx_sandbox_id.h"
#include "ngx_sandbox_utf8.h"
#include "ngx_sandbox_json_reader.h"
#include "ngx_sandbox_query.h"


typedef struct {
    ngx_sandbox_fields_t   fields;
    ngx_str_t              s;
    ngx_str_t              id;
    ngx_int_t              i;
    ngx_int_t              j;
    double                 n;
    ngx_uint_t             b;
    ngx_uint_t             e;
    ngx_str_t              o;
    ngx_sandbox_items_t    env;
    ngx_sandbox_items_t    list;
    ngx_sandbox_items_t    deps;
    ngx_sandbox_items_t    meta;
    ngx_uint_t             cpu;
    ngx_uint_t             mem;
    struct {
        ngx_sandbox_fields_t  fields;
        ngx_int_t             i;
    } nested;
} fuzz_body_t;


static const ngx_str_t  fuzz_choices[] = {
    ngx_string("one"),
    ngx_string("two"),
    ngx_null_string
};


static const ngx_sandbox_field_t  fuzz_nested[] = {
    { ngx_string("i"), NGX_SANDBOX_FIELD_INT, NGX_SANDBOX_FIELD_REQUIRED, 0, 9,
      sizeof(ngx_sandbox_fields_t), NULL, NULL, NULL },

      ngx_sandbox_null_field
};


#define row(name, type, flags, min, max, data)                                \
    { ngx_string(#name), NGX_SANDBOX_FIELD_##type, flags, min, max,           \
      offsetof(fuzz_body_t, name), data, NULL, NULL }


static const ngx_sandbox_field_t  fuzz_fields[] = {
    row(s, STRING, NGX_SANDBOX_FIELD_LINE, 1, 8, NULL),
    row(id, ID, NGX_SANDBOX_FIELD_NULLABLE, 0, 0, NULL),
    row(i, INT, NGX_SANDBOX_FIELD_CLAMP, -5, 200, NULL),
    row(j, INT, 0, 0, 99, NULL),
    row(n, NUMBER, 0, -100, 10000, NULL),
    row(b, BOOL, 0, 0, 0, NULL),
    row(e, ENUM, 0, 0, 0, fuzz_choices),
    row(o, OBJECT, 0, 3, 32, NULL),
    row(env, MAP, NGX_SANDBOX_FIELD_ENV, 3, 16, NULL),
    row(list, LIST, 0, 8, 3, NULL),
    row(deps, DEPENDENCIES, 0, 0, 3, NULL),
    row(cpu, CPU, 0, 100, 4000, NULL),
    row(mem, SIZE, 0, 128, 8192, NULL),
    row(nested, NESTED, 0, 0, 0, fuzz_nested),

    { ngx_string("m."), NGX_SANDBOX_FIELD_PREFIX, 0, 8, 2,
      offsetof(fuzz_body_t, meta), NULL, NULL, NULL },

      ngx_sandbox_null_field
};


static void
fuzz_report(ngx_int_t rc, ngx_sandbox_report_t *report)
{
    size_t  i;

    fuzz_bug(rc == NGX_ERROR);
    fuzz_bug((rc == NGX_DECLINED) != (report->mistakes != 0));
    fuzz_bug((report->detail.len != 0) != (report->mistakes != 0));
    fuzz_bug(report->detail.len > NGX_SANDBOX_REPORT_TEXT_MAX);

    for (i = 0; i < report->detail.len; i++) {
        fuzz_bug(report->detail.data[i] < 0x20);
        fuzz_bug(report->detail.data[i] > 0x7e);
    }
}


static void
fuzz_bounds(fuzz_body_t *b)
{
    fuzz_bug(b->s.len > 8 || !ngx_sandbox_utf8_valid(&b->s));
    fuzz_bug(ngx_sandbox_is_set(fuzz_fields, b, id)
             && !ngx_sandbox_id_valid(&b->id));
    fuzz_bug(b->i < -5 || b->i > 200);
    fuzz_bug(b->j < 0 || b->j > 99);
    fuzz_bug(!(b->n >= -0.1 && b->n <= 10));
    fuzz_bug(b->b > 1 || b->e > 1);
    fuzz_bug(b->o.len > 32);
    fuzz_bug(b->env.nelts > 3 || b->list.nelts > 3 || b->deps.nelts > 3
             || b->meta.nelts > 2);
    fuzz_bug(b->cpu && (b->cpu < 100 || b->cpu > 4000));
    fuzz_bug(b->mem && (b->mem < 128 || b->mem > 8192));
    fuzz_bug(b->nested.i < 0 || b->nested.i > 9);
}


static void
fuzz_one(ngx_pool_t *pool, const ngx_str_t *text)
{
    ngx_int_t              rc;
    ngx_str_t              reason;
    fuzz_body_t            body;
    struct json_t         *object;
    ngx_sandbox_report_t   report;

    ngx_memzero(&body, sizeof(body));
    ngx_sandbox_report_init(&report, pool);

    rc = ngx_sandbox_query_parse(pool, text, fuzz_fields, &body, &report);

    fuzz_report(rc, &report);

    if (rc == NGX_OK) {
        fuzz_bounds(&body);
    }

    if (ngx_sandbox_json_parse(pool, text, &object, &reason) != NGX_OK) {
        return;
    }

    ngx_memzero(&body, sizeof(body));
    ngx_sandbox_report_init(&report, pool);

    rc = ngx_sandbox_validate(pool, object, fuzz_fields, &body, &report);

    fuzz_report(rc, &report);

    if (rc == NGX_OK) {
        fuzz_bounds(&body);
    }
}
