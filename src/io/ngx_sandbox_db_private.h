
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * What the files of the database pool share; nobody else includes it.
 *
 *     db_pool         who waits, who runs, who is told; the caller's face
 *     db_share        one statement for all that want the same
 *     db_outage       failures, their log lines, back-off
 *     db_conf         own copy of the configuration
 *     db_connection   one connection: running, waiting, deadlines, the end
 *     db_connect      its beginning: connect, set up, check the schema
 *     db_tls          the library's TLS, kept from blocking the worker
 *     db_execute      an operation: prepare, execute, store, roll back
 *     db_value        parameters to binds, rows to strings
 *     db_error        MariaDB's numbers to our status, texts without values
 */


#ifndef _NGX_SANDBOX_DB_PRIVATE_H_INCLUDED_
#define _NGX_SANDBOX_DB_PRIVATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <mysql.h>
#include "ngx_sandbox_db.h"
#include "ngx_sandbox_fd.h"


#define NGX_SANDBOX_DB_TEXT_MAX    256                  /* a message, bytes */
#define NGX_SANDBOX_DB_RESULT_MAX  (64 * 1024 * 1024)   /* one result, bytes */


typedef struct ngx_sandbox_db_connection_s  ngx_sandbox_db_connection_t;

typedef void (*ngx_sandbox_db_next_pt)(ngx_sandbox_db_connection_t *c);
typedef int (*ngx_sandbox_db_cont_pt)(ngx_sandbox_db_connection_t *c,
    int ready);


typedef enum {
    NGX_SANDBOX_DB_CONNECTING = 0,
    NGX_SANDBOX_DB_IDLE,
    NGX_SANDBOX_DB_BUSY,
    NGX_SANDBOX_DB_DEAD
} ngx_sandbox_db_state_e;


/* What the library points to while a call is suspended. */
typedef struct {
    MYSQL_BIND    *binds;
    ngx_uint_t     nbinds;
    u_char        *data;
    size_t         size;
} ngx_sandbox_db_params_t;


struct ngx_sandbox_db_connection_s {
    ngx_queue_t                queue;       /* of all of the pool's */
    ngx_queue_t                idle;        /* of the pool's idle ones */
    ngx_sandbox_db_pool_t     *pool;
    ngx_sandbox_db_state_e     state;

    /* the library's */
    MYSQL                      my;
    MYSQL_STMT               **stmts;       /* by ngx_sandbox_db_stmt_t.index */
    MYSQL                     *connected;   /* results of suspended calls */
    MYSQL_RES                 *res;
    int                        rc;

    /* how to go on */
    int                        wait;        /* MYSQL_WAIT_*, 0: not suspended */
    ngx_sandbox_db_cont_pt     cont;
    ngx_sandbox_db_next_pt     next;

    /* what is being run */
    ngx_sandbox_db_op_t       *op;          /* NULL: none, or cancelled */
    ngx_sandbox_db_stmt_t     *stmt;
    ngx_sandbox_db_params_t    params;
    MYSQL_ROWS                *last_row;    /* the newest that was counted */
    ngx_uint_t                 counted;
    size_t                     received;    /* bytes of the rows counted */

    ngx_sandbox_fd_t           fd;
    ngx_event_t                timer;
    ngx_msec_t                 deadline;
    ngx_connection_t           ident;       /* timer.data, for debug logs */

    /* what went wrong */
    ngx_sandbox_db_status_e    status;
    ngx_uint_t                 error;       /* MariaDB's, 0 if it is ours */
    ngx_str_t                  text;
    u_char                     buf[NGX_SANDBOX_DB_TEXT_MAX];

    unsigned                   tls:1;
    unsigned                   established:1;
    unsigned                   prepared:1;  /* for this operation */
    unsigned                   sent:1;      /* a write may have happened */
    unsigned                   answered:1;  /* op has its result already */
    unsigned                   final:1;     /* not to be repeated */
};


struct ngx_sandbox_db_pool_s {
    ngx_pool_t                *pool;
    ngx_log_t                 *log;
    ngx_sandbox_db_conf_t      conf;        /* own copy, strings with a NUL */
    ngx_str_t                  name;        /* where MariaDB is, for logs */
    ngx_str_t                  init;        /* sets up a session */
    ngx_uint_t                 statements;
    ngx_uint_t                 schema;

    ngx_queue_t                connections;
    ngx_queue_t                idle;        /* last used first */
    ngx_uint_t                 total;
    ngx_uint_t                 open;        /* established ones among them */
    ngx_uint_t                 connecting;

    ngx_queue_t                waiting;     /* operations, first come first */
    ngx_uint_t                 nwaiting;
    ngx_queue_t                done;        /* handler not called yet */

    ngx_event_t                wait_timer;
    ngx_event_t                backoff_timer;
    ngx_event_t                done_event;
    ngx_event_t                more_event;  /* dispatch goes on */
    ngx_connection_t           ident;

    ngx_uint_t                 failures;    /* rounds without a connection */
    ngx_sandbox_db_status_e    reason;      /* what refused operations get */
    time_t                     since;       /* of the outage that was logged */
    time_t                     warned;      /* that the pool cannot grow */
    ngx_str_t                  last_error;
    u_char                     text[NGX_SANDBOX_DB_TEXT_MAX];

    unsigned                   reported:1;  /* the outage is in the log */
    unsigned                   closing:1;
};


/* ngx_sandbox_db_connection.c */

/* Connects; tells the pool by _connected() or _failed(), maybe at once. */
void ngx_sandbox_db_connection_open(ngx_sandbox_db_pool_t *pool);

/* Nothing has come from the server while it was idle. */
ngx_uint_t ngx_sandbox_db_connection_is_quiet(ngx_sandbox_db_connection_t *c);

/* Closes in any state and frees; does not end its operation. */
void ngx_sandbox_db_connection_close(ngx_sandbox_db_connection_t *c);

/* Goes on until the library waits, c is idle, or c has been freed. */
void ngx_sandbox_db_connection_run(ngx_sandbox_db_connection_t *c);

/* "next" will not be called, _run() will close c; NULL: c->text is set. */
void ngx_sandbox_db_connection_die(ngx_sandbox_db_connection_t *c,
    ngx_sandbox_db_status_e status, char *text);

void ngx_sandbox_db_connection_error(ngx_sandbox_db_connection_t *c,
    ngx_uint_t error, const char *sqlstate, const char *message);
void ngx_sandbox_db_connection_text(ngx_sandbox_db_connection_t *c,
    const char *fmt, ...);

/* Watches the library's present socket for MYSQL_WAIT_READ and _WRITE. */
ngx_int_t ngx_sandbox_db_connection_watch(ngx_sandbox_db_connection_t *c,
    int wait);

void ngx_sandbox_db_connection_deadline(ngx_sandbox_db_connection_t *c,
    ngx_msec_t timeout, ngx_uint_t cancelable);


/* ngx_sandbox_db_connect.c */

void ngx_sandbox_db_connect(ngx_sandbox_db_connection_t *c);
int ngx_sandbox_db_query_cont(ngx_sandbox_db_connection_t *c, int ready);


/* ngx_sandbox_db_tls.c */

void ngx_sandbox_db_tls_options(ngx_sandbox_db_connection_t *c);

/* Before each call of the library that may do a handshake. */
void ngx_sandbox_db_tls_enter(ngx_sandbox_db_connection_t *c);

/* It was asked for, and the library has gone on without. */
ngx_uint_t ngx_sandbox_db_tls_is_missing(ngx_sandbox_db_connection_t *c);

/* When the socket is known; does nothing the second time or without TLS. */
ngx_int_t ngx_sandbox_db_tls_prepare(ngx_sandbox_db_connection_t *c);


/* ngx_sandbox_db_execute.c */

/* Runs op on an idle connection; both may be over at the return. */
void ngx_sandbox_db_execute(ngx_sandbox_db_connection_t *c,
    ngx_sandbox_db_op_t *op);

/* Writes the result into the operation, if it is still there. */
void ngx_sandbox_db_answer(ngx_sandbox_db_connection_t *c,
    ngx_sandbox_db_status_e status);

/* More rows have come than a result may have. */
ngx_uint_t ngx_sandbox_db_is_too_large(ngx_sandbox_db_connection_t *c);


/* ngx_sandbox_db_pool.c: what connections report */

void ngx_sandbox_db_pool_idle(ngx_sandbox_db_connection_t *c);
void ngx_sandbox_db_pool_done(ngx_sandbox_db_pool_t *pool,
    ngx_sandbox_db_op_t *op);
void ngx_sandbox_db_pool_repeat(ngx_sandbox_db_pool_t *pool,
    ngx_sandbox_db_op_t *op);
void ngx_sandbox_db_pool_fail_waiting(ngx_sandbox_db_pool_t *pool,
    ngx_sandbox_db_status_e status, ngx_str_t *text);

/* Gives waiting operations to connections; an event handler's last call. */
void ngx_sandbox_db_pool_dispatch(ngx_sandbox_db_pool_t *pool);


/* ngx_sandbox_db_share.c */

/* Lets op follow one that waits and wants the same; NGX_DECLINED: none does. */
ngx_int_t ngx_sandbox_db_share_join(ngx_sandbox_db_pool_t *pool,
    ngx_sandbox_db_op_t *op);
void ngx_sandbox_db_share_leave(ngx_sandbox_db_op_t *op);

/* Who leads when op goes away, with what op has so far; NULL: nobody. */
ngx_sandbox_db_op_t *ngx_sandbox_db_share_next(ngx_sandbox_db_op_t *op);

/* op has its result: so have those that follow. */
void ngx_sandbox_db_share_end(ngx_sandbox_db_pool_t *pool,
    ngx_sandbox_db_op_t *op);


/* ngx_sandbox_db_outage.c */

void ngx_sandbox_db_pool_connected(ngx_sandbox_db_connection_t *c);
void ngx_sandbox_db_pool_failed(ngx_sandbox_db_pool_t *pool,
    ngx_sandbox_db_status_e status, ngx_str_t *text);
void ngx_sandbox_db_pool_lost(ngx_sandbox_db_pool_t *pool,
    ngx_sandbox_db_status_e status, ngx_str_t *text);
void ngx_sandbox_db_pool_closed(ngx_sandbox_db_pool_t *pool);
ngx_uint_t ngx_sandbox_db_pool_is_down(ngx_sandbox_db_pool_t *pool);
void ngx_sandbox_db_backoff_handler(ngx_event_t *ev);


/* ngx_sandbox_db_conf.c */

ngx_int_t ngx_sandbox_db_conf_set(ngx_sandbox_db_pool_t *pool,
    ngx_sandbox_db_conf_t *conf);


/* ngx_sandbox_db_value.c */

ngx_int_t ngx_sandbox_db_params_set(ngx_sandbox_db_params_t *p,
    ngx_sandbox_db_op_t *op);
void ngx_sandbox_db_params_shrink(ngx_sandbox_db_params_t *p);
void ngx_sandbox_db_params_free(ngx_sandbox_db_params_t *p);

/* From a stored result; NGX_DECLINED: too large.  Does no I/O. */
ngx_int_t ngx_sandbox_db_rows_get(MYSQL_STMT *stmt, ngx_sandbox_db_op_t *op);


/* ngx_sandbox_db_error.c */

ngx_uint_t ngx_sandbox_db_error_is_fatal(ngx_uint_t error);
ngx_sandbox_db_status_e ngx_sandbox_db_error_status(ngx_uint_t error,
    ngx_uint_t sent);

/* "error 1062 (23000): ..." into buf; returns its length */
size_t ngx_sandbox_db_error_text(u_char *buf, size_t size, ngx_uint_t error,
    const char *sqlstate, const char *message);


#endif /* _NGX_SANDBOX_DB_PRIVATE_H_INCLUDED_ */
