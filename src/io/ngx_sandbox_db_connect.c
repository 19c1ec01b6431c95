
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * How a connection comes to be: connect, set up the session, check that the
 * schema is the one needed -> idle.  The form is described in
 * ngx_sandbox_db_connection.c.
 *
 * The socket is a unix one or the host is an IP literal: the library would
 * resolve a name blocking.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <mysqld_error.h>
#include "ngx_sandbox_db_private.h"


static void ngx_sandbox_db_connect_options(ngx_sandbox_db_connection_t *c);
static void ngx_sandbox_db_connect_start(ngx_sandbox_db_connection_t *c);
static int ngx_sandbox_db_connect_cont(ngx_sandbox_db_connection_t *c,
    int ready);
static void ngx_sandbox_db_connected(ngx_sandbox_db_connection_t *c);
static void ngx_sandbox_db_schema_sent(ngx_sandbox_db_connection_t *c);
static int ngx_sandbox_db_result_cont(ngx_sandbox_db_connection_t *c,
    int ready);
static void ngx_sandbox_db_schema_read(ngx_sandbox_db_connection_t *c);
static void ngx_sandbox_db_schema_error(ngx_sandbox_db_connection_t *c);
static ngx_uint_t ngx_sandbox_db_number(const char *text);


static ngx_str_t  ngx_sandbox_db_schema_query = ngx_string(
    "SELECT COALESCE(MAX(IF(state = 'applied', version, NULL)), 0),"
    " COALESCE(MIN(IF(state = 'applying', version, NULL)), 0)"
    " FROM schema_migrations");


void
ngx_sandbox_db_connect(ngx_sandbox_db_connection_t *c)
{
    ngx_sandbox_db_connect_options(c);
    ngx_sandbox_db_connect_start(c);
}


static void
ngx_sandbox_db_connect_options(ngx_sandbox_db_connection_t *c)
{
    my_bool                 off;
    size_t                  packet;
    unsigned int            protocol, local;
    ngx_sandbox_db_conf_t  *conf;

    conf = &c->pool->conf;

    off = 0;
    local = 0;
    packet = NGX_SANDBOX_DB_RESULT_MAX;
    protocol = conf->socket.len ? MYSQL_PROTOCOL_SOCKET : MYSQL_PROTOCOL_TCP;

    if (conf->ssl || conf->ssl_ca.len) {
        ngx_sandbox_db_tls_options(c);

    } else {
        mysql_options(&c->my, MYSQL_OPT_NONBLOCK, NULL);
    }

    mysql_options(&c->my, MYSQL_OPT_PROTOCOL, &protocol);
    mysql_options(&c->my, MYSQL_OPT_RECONNECT, &off);
    mysql_options(&c->my, MYSQL_OPT_LOCAL_INFILE, &local);
    mysql_options(&c->my, MYSQL_OPT_MAX_ALLOWED_PACKET, &packet);
    mysql_options(&c->my, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql_options(&c->my, MYSQL_INIT_COMMAND, c->pool->init.data);
}


static void
ngx_sandbox_db_connect_start(ngx_sandbox_db_connection_t *c)
{
    char                   *host, *socket;
    ngx_sandbox_db_conf_t  *conf;

    conf = &c->pool->conf;

    socket = conf->socket.len ? (char *) conf->socket.data : NULL;
    host = conf->socket.len ? NULL : (char *) conf->host.data;

    c->cont = ngx_sandbox_db_connect_cont;
    c->next = ngx_sandbox_db_connected;

    ngx_sandbox_db_tls_enter(c);

    c->wait = mysql_real_connect_start(&c->connected, &c->my, host,
                                       (char *) conf->user.data,
                                       (char *) conf->password.data,
                                       (char *) conf->database.data,
                                       conf->port, socket, CLIENT_FOUND_ROWS);
}


static int
ngx_sandbox_db_connect_cont(ngx_sandbox_db_connection_t *c, int ready)
{
    ngx_sandbox_db_tls_enter(c);

    return mysql_real_connect_cont(&c->connected, &c->my, ready);
}


static void
ngx_sandbox_db_connected(ngx_sandbox_db_connection_t *c)
{
    if (c->connected == NULL) {
        ngx_sandbox_db_schema_error(c);
        return;
    }

    if (ngx_sandbox_db_tls_is_missing(c)) {
        ngx_sandbox_db_connection_die(c, NGX_SANDBOX_DB_UNAVAILABLE,
                                      "the server does not offer TLS");
        return;
    }

    if (ngx_sandbox_db_tls_prepare(c) != NGX_OK) {
        ngx_sandbox_db_connection_die(c, NGX_SANDBOX_DB_UNAVAILABLE,
                                      "the socket cannot be non-blocking");
        return;
    }

    c->cont = ngx_sandbox_db_query_cont;
    c->next = ngx_sandbox_db_schema_sent;

    c->wait = mysql_real_query_start(&c->rc, &c->my,
                                (char *) ngx_sandbox_db_schema_query.data,
                                ngx_sandbox_db_schema_query.len);
}


int
ngx_sandbox_db_query_cont(ngx_sandbox_db_connection_t *c, int ready)
{
    return mysql_real_query_cont(&c->rc, &c->my, ready);
}


static void
ngx_sandbox_db_schema_sent(ngx_sandbox_db_connection_t *c)
{
    if (c->rc != 0) {
        ngx_sandbox_db_schema_error(c);
        return;
    }

    c->cont = ngx_sandbox_db_result_cont;
    c->next = ngx_sandbox_db_schema_read;

    c->wait = mysql_store_result_start(&c->res, &c->my);
}


static int
ngx_sandbox_db_result_cont(ngx_sandbox_db_connection_t *c, int ready)
{
    return mysql_store_result_cont(&c->res, &c->my, ready);
}


static void
ngx_sandbox_db_schema_read(ngx_sandbox_db_connection_t *c)
{
    MYSQL_ROW   row;
    ngx_uint_t  applied, applying;

    if (c->res == NULL) {
        ngx_sandbox_db_schema_error(c);
        return;
    }

    row = mysql_num_fields(c->res) == 2 ? mysql_fetch_row(c->res) : NULL;

    applied = row ? ngx_sandbox_db_number(row[0]) : 0;
    applying = row ? ngx_sandbox_db_number(row[1]) : 0;

    mysql_free_result(c->res);
    c->res = NULL;

    if (applying) {
        ngx_sandbox_db_connection_text(c,
                  "schema migration %ui is half done: run conf/migrate",
                  applying);
        ngx_sandbox_db_connection_die(c, NGX_SANDBOX_DB_SCHEMA, NULL);
        return;
    }

    if (applied != c->pool->schema) {
        ngx_sandbox_db_connection_text(c,
                  "schema %ui found, %ui needed: run conf/migrate",
                  applied, c->pool->schema);
        ngx_sandbox_db_connection_die(c, NGX_SANDBOX_DB_SCHEMA, NULL);
        return;
    }

    c->established = 1;
    ngx_sandbox_db_pool_connected(c);
}


static void
ngx_sandbox_db_schema_error(ngx_sandbox_db_connection_t *c)
{
    ngx_uint_t  error;

    error = mysql_errno(&c->my);

    if (error == ER_BAD_DB_ERROR || error == ER_NO_SUCH_TABLE) {
        c->error = error;
        ngx_sandbox_db_connection_text(c,
                         "schema 0 found, %ui needed: run conf/migrate",
                         c->pool->schema);
        ngx_sandbox_db_connection_die(c, NGX_SANDBOX_DB_SCHEMA, NULL);
        return;
    }

    ngx_sandbox_db_connection_error(c, error, mysql_sqlstate(&c->my),
                                    mysql_error(&c->my));
    ngx_sandbox_db_connection_die(c, NGX_SANDBOX_DB_UNAVAILABLE, NULL);
}


static ngx_uint_t
ngx_sandbox_db_number(const char *text)
{
    ngx_int_t  n;

    if (text == NULL) {
        return 0;
    }

    n = ngx_atoi((u_char *) text, ngx_strlen(text));

    return n == NGX_ERROR ? 0 : (ngx_uint_t) n;
}
