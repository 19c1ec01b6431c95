
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * A pool of MariaDB connections, one pool a worker, driven by nginx's event
 * loop.  It runs prepared statements, one operation at a time on a connection,
 * and never blocks.
 */


#ifndef _NGX_SANDBOX_DB_H_INCLUDED_
#define _NGX_SANDBOX_DB_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


typedef struct ngx_sandbox_db_pool_s  ngx_sandbox_db_pool_t;
typedef struct ngx_sandbox_db_op_s    ngx_sandbox_db_op_t;

typedef void (*ngx_sandbox_db_handler_pt)(ngx_sandbox_db_op_t *op);


typedef enum {
    NGX_SANDBOX_DB_OK = 0,
    NGX_SANDBOX_DB_UNAVAILABLE,   /* no connection in time, queue full */
    NGX_SANDBOX_DB_LOST,          /* sent, no answer: it may have happened */
    NGX_SANDBOX_DB_DUPLICATE,     /* a unique key refused it */
    NGX_SANDBOX_DB_REFERENCE,     /* a foreign key refused it */
    NGX_SANDBOX_DB_RETRY,         /* deadlock or lock wait: safe to repeat */
    NGX_SANDBOX_DB_SCHEMA,        /* the schema is not the one needed */
    NGX_SANDBOX_DB_ERROR          /* anything else: our fault */
} ngx_sandbox_db_status_e;


/* A statement as src/store writes it.  Static, one for the process. */
typedef struct {
    char        *name;      /* for logs and the EXPLAIN test */
    ngx_str_t    sql;       /* with ? for each parameter */
    ngx_uint_t   params;
    ngx_uint_t   columns;   /* 0: returns no rows */
    ngx_uint_t   repeat;    /* 1: it is harmless to send it a second time */
    ngx_uint_t   index;     /* slot in a connection's cache, set at start */
    ngx_uint_t   changes;   /* the parameter, from 1, that is the id of whose
                               state it changes; 0: it changes none */
    ngx_uint_t   shared;    /* 1: a read that many want at the same time; one
                               that waits for a connection serves them all */
} ngx_sandbox_db_stmt_t;


typedef enum {
    NGX_SANDBOX_DB_NULL = 0,
    NGX_SANDBOX_DB_STRING,
    NGX_SANDBOX_DB_INT
} ngx_sandbox_db_type_e;


typedef struct {
    ngx_sandbox_db_type_e  type;
    ngx_str_t              string;   /* bytes; copied when they are sent */
    int64_t                number;
} ngx_sandbox_db_param_t;


struct ngx_sandbox_db_op_s {
    /*
     * Zeroed and set by the caller; lives, with the parameters' bytes, until
     * the operation is done or cancelled.
     */
    ngx_sandbox_db_stmt_t      *stmt;
    ngx_sandbox_db_param_t     *params;      /* stmt->params of them */
    ngx_pool_t                 *pool;        /* the rows are allocated here */
    ngx_log_t                  *log;
    ngx_msec_t                  timeout;     /* 0: the pool's query_timeout */
    ngx_sandbox_db_handler_pt   handler;
    void                       *data;

    /* the result */
    ngx_sandbox_db_status_e     status;
    ngx_uint_t                  error;       /* MariaDB's number, 0 if none */
    ngx_str_t                   message;     /* for the log only */
    uint64_t                    affected;    /* rows found, or returned */
    ngx_uint_t                  rows;
    ngx_str_t                  *values;      /* row by row, stmt->columns each;
                                                data == NULL is SQL's NULL */

    /* the pool's own */
    ngx_queue_t                 queue;
    ngx_queue_t                 followers;   /* that share its result */
    void                       *connection;
    ngx_msec_t                  deadline;
    unsigned                    waiting:1;
    unsigned                    following:1;
    unsigned                    done:1;
    unsigned                    repeated:1;
};


typedef struct {
    ngx_str_t    socket;             /* path, or empty for TCP */
    ngx_str_t    host;               /* IP literal: names would block */
    in_port_t    port;
    ngx_str_t    user;
    ngx_str_t    password;           /* never logged */
    ngx_str_t    database;
    ngx_str_t    ssl_ca;             /* path; implies ssl */
    ngx_flag_t   ssl;                /* TLS or nothing; see _db_tls.c */
    ngx_uint_t   size;               /* connections at most, 1..64 */
    ngx_uint_t   queue;              /* waiting operations at most */
    ngx_msec_t   connect_timeout;
    ngx_msec_t   wait_timeout;       /* for a connection */
    ngx_msec_t   query_timeout;      /* from sending to the last row */
    ngx_msec_t   idle_timeout;       /* then an idle connection is closed */
} ngx_sandbox_db_conf_t;


/*
 * The pool lives until ngx_sandbox_db_pool_destroy(); it connects when the
 * first operation needs it, and again after a failure with a growing pause
 * (50 ms to 2 s).  "statements" is the number of cache slots a connection
 * needs.  "schema" is the version that schema_migrations must show; with
 * another one, or with a migration half done, every operation ends with
 * NGX_SANDBOX_DB_SCHEMA and a message for the operator.  NULL: no memory.
 */
ngx_sandbox_db_pool_t *ngx_sandbox_db_pool_create(ngx_sandbox_db_conf_t *conf,
    ngx_uint_t statements, ngx_uint_t schema, ngx_log_t *log);

/* Closes every connection; waiting and running operations end UNAVAILABLE. */
void ngx_sandbox_db_pool_destroy(ngx_sandbox_db_pool_t *pool);

/*
 * Starts an operation.  NGX_AGAIN: the handler will be called later, never
 * from inside this call.  NGX_DONE: it is over already, the result is in op
 * and the handler will not be called.
 */
ngx_int_t ngx_sandbox_db_start(ngx_sandbox_db_pool_t *pool,
    ngx_sandbox_db_op_t *op);

/*
 * Forgets an operation whose request is gone: the handler will not be called
 * and op is not touched any more.  What was sent runs to its end unseen, and
 * the connection is used again after that.
 */
void ngx_sandbox_db_cancel(ngx_sandbox_db_pool_t *pool,
    ngx_sandbox_db_op_t *op);

/* For health: connections in each state, and what went wrong last. */
typedef struct {
    ngx_uint_t   open;
    ngx_uint_t   busy;
    ngx_uint_t   waiting;
    ngx_str_t    last_error;         /* empty: none since the last success */
} ngx_sandbox_db_stat_t;

void ngx_sandbox_db_stat(ngx_sandbox_db_pool_t *pool,
    ngx_sandbox_db_stat_t *stat);


#endif /* _NGX_SANDBOX_DB_H_INCLUDED_ */
