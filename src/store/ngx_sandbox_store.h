
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The SQL of the system, one file a table.  A statement is a static row: what
 * it does, its text, how many parameters and columns it has.  Columns are
 * addressed by the enums here, in the order of the SELECT lists.
 *
 * Every change of a state is one conditional UPDATE that raises the epoch; the
 * caller looks at the number of affected rows.
 */


#ifndef _NGX_SANDBOX_STORE_H_INCLUDED_
#define _NGX_SANDBOX_STORE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_db.h"


typedef struct {
    ngx_sandbox_db_stmt_t  *stmts;
    ngx_uint_t              n;
} ngx_sandbox_store_table_t;


/*
 * Gives every statement its slot in the connections' caches.  Called once in
 * each process that opens a pool; returns the number of slots.
 */
ngx_uint_t ngx_sandbox_store_init(void);

/* The tables of statements, ended by stmts == NULL; for the EXPLAIN test. */
extern ngx_sandbox_store_table_t  ngx_sandbox_store_tables[];


/* the columns of the statements that only look at a state, for who waits */

enum {
    NGX_SANDBOX_STATE_STATUS = 0,
    NGX_SANDBOX_STATE_OVERDUE,       /* 1: it has lapsed, settle it */
    NGX_SANDBOX_STATE_SESSION,       /* its session's id */
    NGX_SANDBOX_STATE_COLUMNS
};

/* A whole number that is not negative; 0 for anything else, NULL too. */
ngx_int_t ngx_sandbox_value_number(const ngx_str_t *value);

/* Is a value this text?  Values are not NUL-terminated, and may be NULL. */
#define ngx_sandbox_value_is(value, text)                                     \
    ((value)->len == sizeof(text) - 1                                         \
     && ngx_memcmp((value)->data, text, sizeof(text) - 1) == 0)


#define ngx_sandbox_stmt(name, sql, params, columns, repeat)                  \
    { name, ngx_string(sql), params, columns, repeat, 0, 0, 0 }

/* one row, which many may wait for */
#define ngx_sandbox_stmt_shared(name, sql, params, columns)                   \
    { name, ngx_string(sql), params, columns, 1, 0, 0, 1 }

/*
 * One that changes the state of a session or an execution: its parameter "id",
 * counted from 1, tells whose, and who waits for that is told.  For a change of
 * all executions of a session that is the session.
 */
#define ngx_sandbox_stmt_changes(name, sql, params, repeat, id)               \
    { name, ngx_string(sql), params, 0, repeat, 0, id, 0 }


#endif /* _NGX_SANDBOX_STORE_H_INCLUDED_ */
