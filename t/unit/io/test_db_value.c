
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Parameters to binds, and the bounds of a result.  Would catch: a bind that
 * points into the operation's memory, an empty string sent as NULL, memory
 * kept after one large operation, a result that is larger than allowed.
 */


#include "ngx_sandbox_unit.h"
#include "ngx_sandbox_db_private.h"


static ngx_sandbox_db_params_t  p;


static void
set(ngx_sandbox_db_param_t *params, ngx_uint_t n)
{
    ngx_sandbox_db_op_t    op;
    ngx_sandbox_db_stmt_t  stmt;

    ngx_memzero(&op, sizeof(op));
    ngx_memzero(&stmt, sizeof(stmt));

    stmt.params = n;
    op.stmt = &stmt;
    op.params = params;
    op.log = &unit_log;

    assert_int_equal(ngx_sandbox_db_params_set(&p, &op), NGX_OK);
}


static void
test_params(void **state)
{
    ngx_str_t               *s;
    ngx_sandbox_db_param_t   params[4];

    ngx_memzero(params, sizeof(params));

    s = unit_text("a\0b'");

    params[0].type = NGX_SANDBOX_DB_STRING;
    params[0].string = *s;
    params[1].type = NGX_SANDBOX_DB_INT;
    params[1].number = -9223372036854775807LL - 1;
    params[2].type = NGX_SANDBOX_DB_STRING;
    params[3].type = NGX_SANDBOX_DB_NULL;

    set(params, 4);

    /* the operation's memory may be gone from now on */

    ngx_memset(s->data, 'z', s->len);
    params[1].number = 0;

    assert_int_equal(p.binds[0].buffer_type, MYSQL_TYPE_STRING);
    assert_int_equal(p.binds[0].buffer_length, 4);
    assert_memory_equal(p.binds[0].buffer, "a\0b'", 4);

    assert_int_equal(p.binds[1].buffer_type, MYSQL_TYPE_LONGLONG);
    assert_true(*(int64_t *) p.binds[1].buffer
                == -9223372036854775807LL - 1);

    assert_int_equal(p.binds[2].buffer_type, MYSQL_TYPE_STRING);
    assert_int_equal(p.binds[2].buffer_length, 0);
    assert_non_null(p.binds[2].buffer);

    assert_int_equal(p.binds[3].buffer_type, MYSQL_TYPE_NULL);

    ngx_sandbox_db_params_free(&p);
}


static void
test_params_memory(void **state)
{
    u_char                  *large;
    ngx_sandbox_db_param_t   params[2];

    ngx_memzero(params, sizeof(params));

    set(params, 0);
    assert_null(p.data);

    params[0].type = NGX_SANDBOX_DB_STRING;
    params[0].string = *unit_text("small");
    set(params, 1);

    ngx_sandbox_db_params_shrink(&p);
    assert_non_null(p.data);

    large = ngx_pcalloc(unit_pool, 1000000);
    assert_non_null(large);

    params[1].type = NGX_SANDBOX_DB_STRING;
    params[1].string.data = large;
    params[1].string.len = 1000000;
    set(params, 2);
    assert_memory_equal(p.binds[0].buffer, "small", 5);
    assert_memory_equal(p.binds[1].buffer, large, 1000000);

    ngx_sandbox_db_params_shrink(&p);
    assert_null(p.data);

    set(params, 1);
    assert_memory_equal(p.binds[0].buffer, "small", 5);

    ngx_sandbox_db_params_free(&p);
    ngx_sandbox_db_params_free(&p);
}


static ngx_int_t
rows(enum enum_field_types type, unsigned long width, ngx_uint_t n,
    unsigned long length)
{
    ngx_uint_t              i;
    MYSQL_ROWS             *all;
    MYSQL_STMT              stmt;
    MYSQL_FIELD             field;
    ngx_sandbox_db_op_t     op;
    ngx_sandbox_db_stmt_t   s;

    ngx_memzero(&stmt, sizeof(stmt));
    ngx_memzero(&field, sizeof(field));
    ngx_memzero(&op, sizeof(op));
    ngx_memzero(&s, sizeof(s));

    all = ngx_pcalloc(unit_pool, n * sizeof(MYSQL_ROWS));
    assert_non_null(all);

    for (i = 0; i < n; i++) {
        all[i].length = length;
        all[i].next = (i + 1 < n) ? &all[i + 1] : NULL;
    }

    field.type = type;
    field.length = width;

    stmt.fields = &field;
    stmt.field_count = 1;
    stmt.result.rows = n;
    stmt.result.data = all;

    s.columns = 1;
    op.stmt = &s;
    op.pool = unit_pool;

    /* without a state the library gives no row: NGX_ERROR is "not refused" */

    return ngx_sandbox_db_rows_get(&stmt, &op);
}


static void
test_rows_bounds(void **state)
{
    assert_int_equal(rows(MYSQL_TYPE_BLOB, 0, 1, 1000), NGX_ERROR);
    assert_int_equal(rows(MYSQL_TYPE_BLOB, 0, 1, NGX_SANDBOX_DB_RESULT_MAX),
                     NGX_DECLINED);
    assert_int_equal(rows(MYSQL_TYPE_BLOB, 0, 100, 700000), NGX_DECLINED);
    assert_int_equal(rows(MYSQL_TYPE_BLOB, 0, 80, 700000), NGX_ERROR);

    /* many small rows are large as strings */

    assert_int_equal(rows(MYSQL_TYPE_DOUBLE, 22, 200000, 10), NGX_DECLINED);

    /* a width that the library would put on the stack */

    assert_int_equal(rows(MYSQL_TYPE_LONG, 100000000, 1, 6), NGX_ERROR);
}


static const struct CMUnitTest  tests[] = {
    ngx_sandbox_unit_test(test_params),
    ngx_sandbox_unit_test(test_params_memory),
    ngx_sandbox_unit_test(test_rows_bounds),
};

ngx_sandbox_unit_main(tests)
