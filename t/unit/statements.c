
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Prints every statement of src/store as a JSON array, for the EXPLAIN test
 * and the benchmark.  Runs inside nginx as the unit tests do:
 *
 *     LD_PRELOAD=build/unit/statements.so nginx -v
 */


#include "ngx_sandbox_unit.h"
#include "ngx_sandbox_json_writer.h"
#include "ngx_sandbox_store.h"


static void
statement(ngx_sandbox_json_t *json, ngx_sandbox_db_stmt_t *stmt)
{
    ngx_str_t  name;

    name.data = (u_char *) stmt->name;
    name.len = ngx_strlen(stmt->name);

    ngx_sandbox_json_object_start(json);
    ngx_sandbox_json_literal_key(json, "name");
    ngx_sandbox_json_string(json, &name);
    ngx_sandbox_json_literal_key(json, "sql");
    ngx_sandbox_json_string(json, &stmt->sql);
    ngx_sandbox_json_literal_key(json, "params");
    ngx_sandbox_json_int(json, stmt->params);
    ngx_sandbox_json_literal_key(json, "columns");
    ngx_sandbox_json_int(json, stmt->columns);
    ngx_sandbox_json_object_end(json);
}


static void __attribute__((constructor))
start(void)
{
    ngx_str_t                   text;
    ngx_uint_t                  i;
    ngx_sandbox_json_t          json;
    ngx_sandbox_store_table_t  *table;

    ngx_sandbox_unit_init();
    ngx_sandbox_json_init(&json, unit_cycle.pool, 65536);
    ngx_sandbox_json_array_start(&json);

    for (table = ngx_sandbox_store_tables; table->stmts; table++) {
        for (i = 0; i < table->n; i++) {
            statement(&json, &table->stmts[i]);
        }
    }

    ngx_sandbox_json_array_end(&json);

    if (ngx_sandbox_json_finish(&json, &text) != NGX_OK
        || write(1, text.data, text.len) != (ssize_t) text.len)
    {
        _exit(1);
    }

    ngx_sandbox_unit_exit(0);
}
