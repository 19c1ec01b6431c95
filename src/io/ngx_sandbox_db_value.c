
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Parameters of an operation to the library's binds, stored rows to strings.
 *
 * The library points to binds and bytes while a call is suspended, and an
 * operation may be cancelled meanwhile: so everything is copied here first,
 * into memory that belongs to the connection.  Rows are copied out of the
 * library at once, into the operation's pool.  Does no I/O.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_db_private.h"


#define NGX_SANDBOX_DB_PARAMS_KEPT  65536    /* bytes, between operations */
#define NGX_SANDBOX_DB_WIDTH_MAX    1024     /* of a number, as told */


static ngx_int_t ngx_sandbox_db_params_reserve(ngx_sandbox_db_params_t *p,
    ngx_sandbox_db_op_t *op);
static ngx_int_t ngx_sandbox_db_rows_size(MYSQL_STMT *stmt, size_t *ret_size);
static ngx_int_t ngx_sandbox_db_row_get(MYSQL_STMT *stmt, ngx_str_t *values,
    ngx_uint_t columns, u_char **pos, u_char *last);


ngx_int_t
ngx_sandbox_db_params_set(ngx_sandbox_db_params_t *p, ngx_sandbox_db_op_t *op)
{
    u_char                  *pos;
    int64_t                 *number;
    MYSQL_BIND              *bind;
    ngx_uint_t               i;
    ngx_sandbox_db_param_t  *param;

    if (op->stmt->params == 0) {
        return NGX_OK;
    }

    if (ngx_sandbox_db_params_reserve(p, op) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_memzero(p->binds, op->stmt->params * sizeof(MYSQL_BIND));

    number = (int64_t *) p->data;
    pos = p->data + op->stmt->params * sizeof(int64_t);

    for (i = 0; i < op->stmt->params; i++) {
        bind = &p->binds[i];
        param = &op->params[i];

        switch (param->type) {

        case NGX_SANDBOX_DB_STRING:
            bind->buffer_type = MYSQL_TYPE_STRING;
            bind->buffer = pos;
            bind->buffer_length = param->string.len;

            if (param->string.len) {
                pos = ngx_cpymem(pos, param->string.data, param->string.len);
            }

            break;

        case NGX_SANDBOX_DB_INT:
            number[i] = param->number;
            bind->buffer_type = MYSQL_TYPE_LONGLONG;
            bind->buffer = &number[i];
            break;

        default: /* NGX_SANDBOX_DB_NULL */
            bind->buffer_type = MYSQL_TYPE_NULL;
        }
    }

    return NGX_OK;
}


void
ngx_sandbox_db_params_shrink(ngx_sandbox_db_params_t *p)
{
    if (p->size > NGX_SANDBOX_DB_PARAMS_KEPT) {
        ngx_free(p->data);
        p->data = NULL;
        p->size = 0;
    }
}


void
ngx_sandbox_db_params_free(ngx_sandbox_db_params_t *p)
{
    if (p->data) {
        ngx_free(p->data);
    }

    if (p->binds) {
        ngx_free(p->binds);
    }

    ngx_memzero(p, sizeof(ngx_sandbox_db_params_t));
}


ngx_int_t
ngx_sandbox_db_rows_get(MYSQL_STMT *stmt, ngx_sandbox_db_op_t *op)
{
    size_t       size;
    u_char      *p, *last;
    ngx_int_t    rc;
    ngx_str_t   *values;
    ngx_uint_t   i, rows, columns;

    rows = (ngx_uint_t) mysql_stmt_num_rows(stmt);
    columns = op->stmt->columns;

    rc = ngx_sandbox_db_rows_size(stmt, &size);
    if (rc != NGX_OK) {
        return rc;
    }

    values = ngx_palloc(op->pool, rows * columns * sizeof(ngx_str_t) + size);
    if (values == NULL) {
        return NGX_ERROR;
    }

    p = (u_char *) &values[rows * columns];
    last = p + size;

    for (i = 0; i < rows; i++) {
        if (ngx_sandbox_db_row_get(stmt, &values[i * columns], columns, &p,
                                   last)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    op->rows = rows;
    op->values = values;

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_db_params_reserve(ngx_sandbox_db_params_t *p,
    ngx_sandbox_db_op_t *op)
{
    size_t      size;
    ngx_uint_t  i, n;

    n = op->stmt->params;
    size = n * sizeof(int64_t);

    for (i = 0; i < n; i++) {
        if (op->params[i].type == NGX_SANDBOX_DB_STRING) {
            size += op->params[i].string.len;
        }
    }

    if (n > p->nbinds) {
        if (p->binds) {
            ngx_free(p->binds);
        }

        p->nbinds = 0;
        p->binds = ngx_alloc(n * sizeof(MYSQL_BIND), op->log);
        if (p->binds == NULL) {
            return NGX_ERROR;
        }

        p->nbinds = n;
    }

    if (size > p->size) {
        if (p->data) {
            ngx_free(p->data);
        }

        p->size = 0;
        p->data = ngx_alloc(size, op->log);
        if (p->data == NULL) {
            return NGX_ERROR;
        }

        p->size = size;
    }

    return NGX_OK;
}


/* how much the strings can need at most; numbers and times come in binary */

static ngx_int_t
ngx_sandbox_db_rows_size(MYSQL_STMT *stmt, size_t *ret_size)
{
    size_t        size, width;
    MYSQL_ROWS   *row;
    ngx_uint_t    i;
    MYSQL_FIELD  *field;

    width = 1;

    for (i = 0; i < stmt->field_count; i++) {
        field = &stmt->fields[i];

        switch (field->type) {

        case MYSQL_TYPE_TINY:
        case MYSQL_TYPE_SHORT:
        case MYSQL_TYPE_INT24:
        case MYSQL_TYPE_LONG:
        case MYSQL_TYPE_LONGLONG:
        case MYSQL_TYPE_YEAR:

            /* the library puts as many bytes on the stack */

            if (field->length > NGX_SANDBOX_DB_WIDTH_MAX) {
                return NGX_ERROR;
            }

            width += ngx_max(field->length, 24);
            break;

        case MYSQL_TYPE_FLOAT:
        case MYSQL_TYPE_DOUBLE:
            width += 400;
            break;

        case MYSQL_TYPE_DATE:
        case MYSQL_TYPE_DATETIME:
        case MYSQL_TYPE_TIME:
        case MYSQL_TYPE_TIMESTAMP:
            width += 64;
            break;

        default:
            break;
        }
    }

    size = stmt->result.rows
           * (width + stmt->field_count * sizeof(ngx_str_t));

    if (size > NGX_SANDBOX_DB_RESULT_MAX) {
        return NGX_DECLINED;
    }

    size = stmt->result.rows * width;

    for (row = stmt->result.data; row; row = row->next) {
        size += row->length;
    }

    *ret_size = size;

    return (size > NGX_SANDBOX_DB_RESULT_MAX) ? NGX_DECLINED : NGX_OK;
}


static ngx_int_t
ngx_sandbox_db_row_get(MYSQL_STMT *stmt, ngx_str_t *values,
    ngx_uint_t columns, u_char **pos, u_char *last)
{
    my_bool        null;
    MYSQL_BIND     bind;
    ngx_uint_t     i;
    unsigned long  len;

    if (mysql_stmt_fetch(stmt) != 0) {
        return NGX_ERROR;
    }

    for (i = 0; i < columns; i++) {
        ngx_memzero(&bind, sizeof(MYSQL_BIND));

        len = 0;
        null = 0;

        bind.buffer_type = MYSQL_TYPE_STRING;
        bind.buffer = *pos;
        bind.buffer_length = last - *pos;
        bind.length = &len;
        bind.is_null = &null;

        if (mysql_stmt_fetch_column(stmt, &bind, i, 0) != 0
            || (!null && len > bind.buffer_length))
        {
            return NGX_ERROR;
        }

        values[i].len = null ? 0 : len;
        values[i].data = null ? NULL : *pos;

        *pos += values[i].len;
    }

    return NGX_OK;
}
