
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * What makes TLS bearable in an event loop: the library's non-blocking calls
 * do it over a blocking socket.
 *
 * As soon as the server's greeting has been read, the socket is made
 * non-blocking behind the library's back; then everything after the handshake
 * is as without TLS.  In the handshake itself the library waits with poll():
 * this is cut to a tenth of a second.  So a connection that is made stops the
 * worker for about a round trip, and for that tenth if the server falls silent
 * just then.  Without "ssl_ca" the library moreover reads all of the system's
 * certificates for each connection, 40 ms of work.  Operators who want none
 * of this use a unix socket or a network that they trust.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <poll.h>
#include "ngx_sandbox_db_private.h"
#include <ma_pvio.h>


#define NGX_SANDBOX_DB_TLS_STACK  (192 * 1024)    /* bytes, of a handshake */
#define NGX_SANDBOX_DB_TLS_WAIT   100             /* ms */


/* exported by the library for its plugins, in none of its headers */

extern int ma_pvio_register_callback(my_bool on,
    void (*callback)(int mode, MYSQL *my, const uchar *data, size_t len));


static void ngx_sandbox_db_tls_callback(int mode, MYSQL *my,
    const uchar *data, size_t len);
static int ngx_sandbox_db_tls_wait(MARIADB_PVIO *pvio, my_bool is_read,
    int timeout);


/* the library's own, but for one */
static PVIO_METHODS  ngx_sandbox_db_tls_methods;

/* the connection that the library is making at this moment */
static ngx_sandbox_db_connection_t  *ngx_sandbox_db_tls_current;

static ngx_uint_t  ngx_sandbox_db_tls_registered;


void
ngx_sandbox_db_tls_options(ngx_sandbox_db_connection_t *c)
{
    size_t                  stack;
    my_bool                 on;
    ngx_sandbox_db_conf_t  *conf;

    conf = &c->pool->conf;

    on = 1;
    stack = NGX_SANDBOX_DB_TLS_STACK;

    c->tls = 1;

    if (!ngx_sandbox_db_tls_registered) {
        (void) ma_pvio_register_callback(1, ngx_sandbox_db_tls_callback);
        ngx_sandbox_db_tls_registered = 1;
    }

    mysql_options(&c->my, MYSQL_OPT_NONBLOCK, &stack);
    mysql_options(&c->my, MYSQL_OPT_SSL_ENFORCE, &on);

    if (conf->ssl_ca.len) {
        mysql_options(&c->my, MYSQL_OPT_SSL_CA, conf->ssl_ca.data);
        mysql_options(&c->my, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &on);
    }
}


void
ngx_sandbox_db_tls_enter(ngx_sandbox_db_connection_t *c)
{
    ngx_sandbox_db_tls_current = c->tls ? c : NULL;
}


ngx_int_t
ngx_sandbox_db_tls_prepare(ngx_sandbox_db_connection_t *c)
{
    MARIADB_PVIO  *pvio;

    pvio = c->my.net.pvio;

    if (!c->tls || pvio == NULL
        || pvio->methods == &ngx_sandbox_db_tls_methods)
    {
        return NGX_OK;
    }

    ngx_sandbox_db_tls_methods = *pvio->methods;
    ngx_sandbox_db_tls_methods.wait_io_or_timeout = ngx_sandbox_db_tls_wait;

    pvio->methods = &ngx_sandbox_db_tls_methods;

    return ngx_nonblocking(mysql_get_socket(&c->my)) == -1 ? NGX_ERROR
                                                           : NGX_OK;
}


/* the library enforces TLS only where it also verifies the certificate */

ngx_uint_t
ngx_sandbox_db_tls_is_missing(ngx_sandbox_db_connection_t *c)
{
    return c->tls && mysql_get_ssl_cipher(&c->my) == NULL;
}


/* comes after each read: the first one is the greeting, TLS follows it */

static void
ngx_sandbox_db_tls_callback(int mode, MYSQL *my, const uchar *data, size_t len)
{
    ngx_sandbox_db_connection_t  *c;

    c = ngx_sandbox_db_tls_current;

    if (c && my == &c->my) {
        (void) ngx_sandbox_db_tls_prepare(c);
    }
}


static int
ngx_sandbox_db_tls_wait(MARIADB_PVIO *pvio, my_bool is_read, int timeout)
{
    int            n;
    my_socket      fd;
    struct pollfd  p;

    if (pvio->methods->get_handle(pvio, &fd)) {
        return 0;
    }

    p.fd = fd;
    p.events = is_read ? POLLIN : POLLOUT;
    p.revents = 0;

    do {
        n = poll(&p, 1, NGX_SANDBOX_DB_TLS_WAIT);
    } while (n == -1 && ngx_errno == NGX_EINTR);

    if (n == 0) {
        ngx_set_errno(NGX_ETIMEDOUT);
    }

    return n;
}
