
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * What one operation does with a connection, in the form described in
 * ngx_sandbox_db_connection.c:
 *
 *     idle -> [prepare] -> execute -> [store] -> [more] -> idle
 *     idle -> [prepare] -> execute -> an error -> roll back -> idle
 *
 * Each step runs also when its operation has been cancelled meanwhile (then
 * c->op is NULL), except that nothing is executed any more for it.  A
 * connection goes back to the pool only without a transaction: the statement
 * may be a compound one that failed half way.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <mysqld_error.h>
#include "ngx_sandbox_db_private.h"


static void ngx_sandbox_db_prepare(ngx_sandbox_db_connection_t *c);
static int ngx_sandbox_db_prepare_cont(ngx_sandbox_db_connection_t *c,
    int ready);
static void ngx_sandbox_db_prepared(ngx_sandbox_db_connection_t *c);
static void ngx_sandbox_db_send(ngx_sandbox_db_connection_t *c);
static int ngx_sandbox_db_send_cont(ngx_sandbox_db_connection_t *c,
    int ready);
static void ngx_sandbox_db_executed(ngx_sandbox_db_connection_t *c);
static void ngx_sandbox_db_store(ngx_sandbox_db_connection_t *c);
static int ngx_sandbox_db_store_cont(ngx_sandbox_db_connection_t *c,
    int ready);
static void ngx_sandbox_db_stored(ngx_sandbox_db_connection_t *c);
static ngx_int_t ngx_sandbox_db_take_rows(ngx_sandbox_db_connection_t *c,
    MYSQL_STMT *stmt);
static void ngx_sandbox_db_more(ngx_sandbox_db_connection_t *c);
static int ngx_sandbox_db_more_cont(ngx_sandbox_db_connection_t *c,
    int ready);
static void ngx_sandbox_db_more_read(ngx_sandbox_db_connection_t *c);
static void ngx_sandbox_db_stmt_error(ngx_sandbox_db_connection_t *c);
static void ngx_sandbox_db_refuse(ngx_sandbox_db_connection_t *c, char *text);
static void ngx_sandbox_db_rollback(ngx_sandbox_db_connection_t *c,
    ngx_sandbox_db_status_e status);
static void ngx_sandbox_db_rolled_back(ngx_sandbox_db_connection_t *c);
static void ngx_sandbox_db_finish(ngx_sandbox_db_connection_t *c);


void
ngx_sandbox_db_execute(ngx_sandbox_db_connection_t *c, ngx_sandbox_db_op_t *op)
{
    MYSQL_STMT  *stmt;

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, op->log, 0,
                   "sandbox db: %p execute %s", c, op->stmt->name);

    ngx_queue_remove(&c->idle);

    c->state = NGX_SANDBOX_DB_BUSY;
    c->op = op;
    c->stmt = op->stmt;
    c->error = 0;
    ngx_str_null(&c->text);
    c->prepared = 0;
    c->sent = 0;
    c->answered = 0;
    c->final = 0;

    op->connection = c;

    ngx_sandbox_fd_idle(&c->fd, 0);
    ngx_sandbox_db_connection_deadline(c, c->op->timeout
                                       ? c->op->timeout
                                       : c->pool->conf.query_timeout, 0);

    if (c->stmt->index >= c->pool->statements) {
        ngx_sandbox_db_refuse(c, "the statement has no slot");

    } else if (ngx_sandbox_db_params_set(&c->params, op) != NGX_OK) {
        ngx_sandbox_db_refuse(c, "no memory for the parameters");

    } else {
        stmt = c->stmts[c->stmt->index];

        if (stmt && stmt->state >= MYSQL_STMT_PREPARED) {
            ngx_sandbox_db_send(c);

        } else {
            ngx_sandbox_db_prepare(c);
        }
    }

    ngx_sandbox_db_connection_run(c);
}


void
ngx_sandbox_db_answer(ngx_sandbox_db_connection_t *c,
    ngx_sandbox_db_status_e status)
{
    ngx_sandbox_db_op_t  *op;

    c->answered = 1;
    op = c->op;

    if (op == NULL) {
        return;
    }

    op->status = status;
    op->error = 0;
    ngx_str_null(&op->message);

    if (status == NGX_SANDBOX_DB_OK) {
        return;
    }

    op->error = c->error;
    op->affected = 0;
    op->rows = 0;
    op->values = NULL;

    if (c->text.len) {
        op->message.data = ngx_pstrdup(op->pool, &c->text);
        op->message.len = op->message.data ? c->text.len : 0;
    }
}


ngx_uint_t
ngx_sandbox_db_is_too_large(ngx_sandbox_db_connection_t *c)
{
    MYSQL_ROWS  *row;
    MYSQL_STMT  *stmt;

    if (c->next != ngx_sandbox_db_stored) {
        return 0;
    }

    stmt = c->stmts[c->stmt->index];

    while (c->counted < stmt->result.rows) {
        row = c->last_row ? c->last_row->next : stmt->result.data;

        c->received += sizeof(MYSQL_ROWS) + row->length;
        c->last_row = row;
        c->counted++;
    }

    return c->received > NGX_SANDBOX_DB_RESULT_MAX;
}


static void
ngx_sandbox_db_prepare(ngx_sandbox_db_connection_t *c)
{
    MYSQL_STMT             **stmt;
    ngx_sandbox_db_stmt_t   *s;

    s = c->stmt;
    stmt = &c->stmts[s->index];

    if (*stmt == NULL) {
        *stmt = mysql_stmt_init(&c->my);
        if (*stmt == NULL) {
            ngx_sandbox_db_refuse(c, "no memory for a statement");
            return;
        }
    }

    c->prepared = 1;
    c->sent = 0;

    c->cont = ngx_sandbox_db_prepare_cont;
    c->next = ngx_sandbox_db_prepared;

    c->wait = mysql_stmt_prepare_start(&c->rc, *stmt, (char *) s->sql.data,
                                       s->sql.len);
}


static int
ngx_sandbox_db_prepare_cont(ngx_sandbox_db_connection_t *c, int ready)
{
    return mysql_stmt_prepare_cont(&c->rc, c->stmts[c->stmt->index], ready);
}


static void
ngx_sandbox_db_prepared(ngx_sandbox_db_connection_t *c)
{
    if (c->rc != 0) {
        ngx_sandbox_db_stmt_error(c);
        return;
    }

    if (mysql_stmt_param_count(c->stmts[c->stmt->index]) != c->stmt->params) {
        ngx_sandbox_db_refuse(c, "the statement has other parameters");
        return;
    }

    if (c->op == NULL) {
        ngx_sandbox_db_finish(c);
        return;
    }

    ngx_sandbox_db_send(c);
}


static void
ngx_sandbox_db_send(ngx_sandbox_db_connection_t *c)
{
    MYSQL_STMT  *stmt;

    stmt = c->stmts[c->stmt->index];

    if (c->stmt->params && mysql_stmt_bind_param(stmt, c->params.binds)) {
        ngx_sandbox_db_refuse(c, "the parameters cannot be bound");
        return;
    }

    c->sent = 1;

    c->cont = ngx_sandbox_db_send_cont;
    c->next = ngx_sandbox_db_executed;

    c->wait = mysql_stmt_execute_start(&c->rc, stmt);
}


static int
ngx_sandbox_db_send_cont(ngx_sandbox_db_connection_t *c, int ready)
{
    return mysql_stmt_execute_cont(&c->rc, c->stmts[c->stmt->index], ready);
}


static void
ngx_sandbox_db_executed(ngx_sandbox_db_connection_t *c)
{
    if (c->rc != 0) {
        ngx_sandbox_db_stmt_error(c);
        return;
    }

    if (c->my.field_count == 0) {
        if (c->op) {
            c->op->affected =
                        mysql_stmt_affected_rows(c->stmts[c->stmt->index]);
        }

        ngx_sandbox_db_more(c);
        return;
    }

    if (c->my.field_count != c->stmt->columns) {

        /* there is no use in reading rows that nobody can take */

        ngx_sandbox_db_connection_die(c, NGX_SANDBOX_DB_ERROR,
                                      "the statement returns other columns");
        return;
    }

    ngx_sandbox_db_store(c);
}


static void
ngx_sandbox_db_store(ngx_sandbox_db_connection_t *c)
{
    c->last_row = NULL;
    c->counted = 0;
    c->received = 0;

    c->cont = ngx_sandbox_db_store_cont;
    c->next = ngx_sandbox_db_stored;

    c->wait = mysql_stmt_store_result_start(&c->rc,
                                            c->stmts[c->stmt->index]);
}


static int
ngx_sandbox_db_store_cont(ngx_sandbox_db_connection_t *c, int ready)
{
    return mysql_stmt_store_result_cont(&c->rc, c->stmts[c->stmt->index],
                                        ready);
}


static void
ngx_sandbox_db_stored(ngx_sandbox_db_connection_t *c)
{
    ngx_int_t    rc;
    MYSQL_STMT  *stmt;

    if (c->rc != 0) {
        ngx_sandbox_db_stmt_error(c);
        return;
    }

    stmt = c->stmts[c->stmt->index];
    rc = ngx_sandbox_db_take_rows(c, stmt);

    /* the library frees rows that are being read only: start anew */

    if (mysql_stmt_num_rows(stmt)) {
        mysql_stmt_data_seek(stmt, 0);
        (void) mysql_stmt_free_result(stmt);
    }

    if (rc != NGX_OK) {
        ngx_sandbox_db_connection_die(c, NGX_SANDBOX_DB_ERROR,
                                      rc == NGX_DECLINED
                                          ? "the result is too large"
                                          : "the result cannot be read");
        return;
    }

    ngx_sandbox_db_more(c);
}


static ngx_int_t
ngx_sandbox_db_take_rows(ngx_sandbox_db_connection_t *c, MYSQL_STMT *stmt)
{
    ngx_int_t  rc;

    if (c->op == NULL || mysql_stmt_num_rows(stmt) == 0) {
        return NGX_OK;
    }

    rc = ngx_sandbox_db_rows_get(stmt, c->op);

    c->op->affected = c->op->rows;

    return rc;
}


/* a compound statement that returns rows has an answer of its own behind */

static void
ngx_sandbox_db_more(ngx_sandbox_db_connection_t *c)
{
    if (!(c->my.server_status & SERVER_MORE_RESULTS_EXIST)) {

        if (c->my.server_status & SERVER_STATUS_IN_TRANS) {
            c->error = 0;
            ngx_sandbox_db_connection_text(c, "a transaction was left open");
            ngx_sandbox_db_rollback(c, NGX_SANDBOX_DB_ERROR);
            return;
        }

        ngx_sandbox_db_answer(c, NGX_SANDBOX_DB_OK);
        ngx_sandbox_db_finish(c);
        return;
    }

    c->cont = ngx_sandbox_db_more_cont;
    c->next = ngx_sandbox_db_more_read;

    c->wait = mysql_stmt_next_result_start(&c->rc, c->stmts[c->stmt->index]);
}


static int
ngx_sandbox_db_more_cont(ngx_sandbox_db_connection_t *c, int ready)
{
    return mysql_stmt_next_result_cont(&c->rc, c->stmts[c->stmt->index],
                                       ready);
}


static void
ngx_sandbox_db_more_read(ngx_sandbox_db_connection_t *c)
{
    if (c->rc > 0) {
        ngx_sandbox_db_stmt_error(c);
        return;
    }

    if (c->rc == 0 && c->my.field_count) {
        ngx_sandbox_db_connection_die(c, NGX_SANDBOX_DB_ERROR,
                                      "the statement returns two row sets");
        return;
    }

    ngx_sandbox_db_more(c);
}


static void
ngx_sandbox_db_stmt_error(ngx_sandbox_db_connection_t *c)
{
    MYSQL_STMT               *stmt;
    ngx_uint_t                error;
    ngx_sandbox_db_status_e   status;

    stmt = c->stmts[c->stmt->index];
    error = mysql_stmt_errno(stmt);
    status = ngx_sandbox_db_error_status(error, c->sent);

    ngx_sandbox_db_connection_error(c, error, mysql_stmt_sqlstate(stmt),
                                    mysql_stmt_error(stmt));

    if (c->my.net.pvio == NULL || ngx_sandbox_db_error_is_fatal(error)) {
        ngx_sandbox_db_connection_die(c, status, NULL);
        return;
    }

    if ((error == ER_UNKNOWN_STMT_HANDLER || error == ER_NEED_REPREPARE)
        && !c->prepared)
    {
        /* the server has forgotten it, and so has done nothing */

        ngx_sandbox_db_prepare(c);
        return;
    }

    if (!c->sent) {
        ngx_sandbox_db_answer(c, status);
        ngx_sandbox_db_finish(c);
        return;
    }

    ngx_sandbox_db_rollback(c, status);
}


/* our own fault, and nothing is under way */

static void
ngx_sandbox_db_refuse(ngx_sandbox_db_connection_t *c, char *text)
{
    ngx_sandbox_db_connection_text(c, "%s", text);
    ngx_sandbox_db_answer(c, NGX_SANDBOX_DB_ERROR);
    ngx_sandbox_db_finish(c);
}


static void
ngx_sandbox_db_rollback(ngx_sandbox_db_connection_t *c,
    ngx_sandbox_db_status_e status)
{
    ngx_sandbox_db_answer(c, status);

    c->cont = ngx_sandbox_db_query_cont;
    c->next = ngx_sandbox_db_rolled_back;

    c->wait = mysql_real_query_start(&c->rc, &c->my, "ROLLBACK",
                                     sizeof("ROLLBACK") - 1);
}


static void
ngx_sandbox_db_rolled_back(ngx_sandbox_db_connection_t *c)
{
    if (c->rc != 0) {
        ngx_sandbox_db_connection_error(c, mysql_errno(&c->my),
                                        mysql_sqlstate(&c->my),
                                        mysql_error(&c->my));
        ngx_sandbox_db_connection_die(c, NGX_SANDBOX_DB_LOST, NULL);
        return;
    }

    ngx_sandbox_db_finish(c);
}


static void
ngx_sandbox_db_finish(ngx_sandbox_db_connection_t *c)
{
    ngx_sandbox_db_op_t  *op;

    op = c->op;

    c->op = NULL;
    c->stmt = NULL;
    ngx_sandbox_db_params_shrink(&c->params);

    if (op) {
        ngx_sandbox_db_pool_done(c->pool, op);
    }

    ngx_sandbox_db_pool_idle(c);
}
