
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The internal location through which executors are called: nginx's upstream
 * over the socket of one session.  The call is the subrequest's context; the
 * answer is collected there, bounded, and not passed on.
 *
 * What listens on that socket runs inside a sandbox.  So the socket is opened
 * as a path without following links, checked to be a socket, and connected
 * through that very descriptor; the answer needs a Content-Length within the
 * caller's bound; and the whole call has one deadline that no trickle of bytes
 * can move.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_sandbox_module.h"
#include "ngx_sandbox_socket.h"
#include "ngx_sandbox_subrequest.h"


#define NGX_HTTP_SANDBOX_CONNECT_MS     2000
#define NGX_HTTP_SANDBOX_HEADER_SIZE    16384


typedef struct {
    ngx_http_upstream_conf_t   upstream;
} ngx_http_sandbox_executor_conf_t;


/* hangs on the call while it runs */
typedef struct {
    ngx_http_request_t        *request;
    ngx_http_status_t          status;
    ngx_event_t                deadline;
    ngx_fd_t                   fd;          /* of the socket's path */
    unsigned                   expired:1;
} ngx_http_sandbox_executor_ctx_t;


static ngx_int_t ngx_http_sandbox_executor_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_sandbox_executor_peer(ngx_http_request_t *r,
    ngx_sandbox_call_t *call, ngx_http_sandbox_executor_ctx_t *ctx);
static ngx_int_t ngx_http_sandbox_executor_create_request(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_sandbox_executor_reinit_request(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_sandbox_executor_process_status(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_sandbox_executor_process_header(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_sandbox_executor_length(ngx_http_request_t *r,
    u_char *value, size_t len);
static ngx_int_t ngx_http_sandbox_executor_filter_init(void *data);
static ngx_int_t ngx_http_sandbox_executor_filter(void *data, ssize_t bytes);
static void ngx_http_sandbox_executor_abort_request(ngx_http_request_t *r);
static void ngx_http_sandbox_executor_finalize_request(ngx_http_request_t *r,
    ngx_int_t rc);
static void ngx_http_sandbox_executor_expired(ngx_event_t *ev);
static ssize_t ngx_http_sandbox_executor_recv_end(ngx_connection_t *c,
    u_char *buf, size_t size);
static void ngx_http_sandbox_executor_cleanup(void *data);
static void *ngx_http_sandbox_executor_create_conf(ngx_conf_t *cf);
static char *ngx_http_sandbox_executor_pass(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);


static ngx_command_t  ngx_http_sandbox_executor_commands[] = {

    { ngx_string("sandbox_executor_pass"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_sandbox_executor_pass,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_sandbox_executor_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_sandbox_executor_create_conf, /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_sandbox_executor_module = {
    NGX_MODULE_V1,
    &ngx_http_sandbox_executor_module_ctx, /* module context */
    ngx_http_sandbox_executor_commands,    /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_sandbox_executor_handler(ngx_http_request_t *r)
{
    ngx_sandbox_call_t                *call;
    ngx_pool_cleanup_t                *cln;
    ngx_http_upstream_t               *u;
    ngx_http_sandbox_executor_ctx_t   *ctx;
    ngx_http_sandbox_executor_conf_t  *ecf;

    call = ngx_http_get_module_ctx(r, ngx_http_sandbox_executor_module);

    if (call == NULL || r == r->main) {
        return NGX_HTTP_NOT_FOUND;
    }

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_sandbox_executor_ctx_t));
    cln = ngx_pool_cleanup_add(r->pool, 0);

    if (ctx == NULL || cln == NULL || ngx_http_upstream_create(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->request = r;
    ctx->fd = NGX_INVALID_FILE;

    cln->handler = ngx_http_sandbox_executor_cleanup;
    cln->data = ctx;

    call->transfer = ctx;
    call->rc = NGX_DECLINED;
    call->status = 0;
    ngx_str_set(&call->error, "the session's executor cannot be reached");

    if (ngx_http_sandbox_executor_peer(r, call, ctx) != NGX_OK) {
        /* the call says that it was not connected */
        return NGX_OK;
    }

    ecf = ngx_http_get_module_loc_conf(r, ngx_http_sandbox_executor_module);

    u = r->upstream;

    ngx_str_set(&u->schema, "http://");
    u->output.tag = (ngx_buf_tag_t) &ngx_http_sandbox_executor_module;

    u->conf = &ecf->upstream;
    u->create_request = ngx_http_sandbox_executor_create_request;
    u->reinit_request = ngx_http_sandbox_executor_reinit_request;
    u->process_header = ngx_http_sandbox_executor_process_status;
    u->abort_request = ngx_http_sandbox_executor_abort_request;
    u->finalize_request = ngx_http_sandbox_executor_finalize_request;
    u->input_filter_init = ngx_http_sandbox_executor_filter_init;
    u->input_filter = ngx_http_sandbox_executor_filter;
    u->input_filter_ctx = r;

    /* not cancelable: a worker that is leaving waits for the result */

    ctx->deadline.data = r->connection;
    ctx->deadline.handler = ngx_http_sandbox_executor_expired;
    ctx->deadline.log = r->connection->log;

    ngx_add_timer(&ctx->deadline, call->timeout);

    r->main->count++;

    ngx_http_upstream_init(r);

    return NGX_DONE;
}


static ngx_int_t
ngx_http_sandbox_executor_peer(ngx_http_request_t *r,
    ngx_sandbox_call_t *call, ngx_http_sandbox_executor_ctx_t *ctx)
{
    struct sockaddr_un            *sun;
    ngx_http_upstream_resolved_t  *resolved;

    ctx->fd = ngx_sandbox_socket_open(&call->socket, call->log);

    if (ctx->fd == NGX_INVALID_FILE) {
        return NGX_DECLINED;
    }

    resolved = ngx_pcalloc(r->pool, sizeof(ngx_http_upstream_resolved_t));
    sun = ngx_pcalloc(r->pool, sizeof(struct sockaddr_un));

    if (resolved == NULL || sun == NULL) {
        return NGX_ERROR;
    }

    ngx_sandbox_socket_address(ctx->fd, sun);

    resolved->sockaddr = (struct sockaddr *) sun;
    resolved->socklen = sizeof(struct sockaddr_un);
    resolved->naddrs = 1;
    resolved->no_port = 1;
    resolved->host = call->socket;

    r->upstream->resolved = resolved;

    return NGX_OK;
}


static ngx_int_t
ngx_http_sandbox_executor_create_request(ngx_http_request_t *r)
{
    size_t               len;
    ngx_buf_t           *b;
    ngx_chain_t         *cl;
    ngx_sandbox_call_t  *call;

    static const char  format[] =
        "%s %V HTTP/1.1" CRLF
        "Host: executor" CRLF
        "Connection: close" CRLF
        "Authorization: Bearer %V" CRLF
        "Content-Type: application/json" CRLF
        "Content-Length: %uz" CRLF CRLF;

    call = ngx_http_get_module_ctx(r, ngx_http_sandbox_executor_module);

    len = sizeof(format) + ngx_strlen(call->method) + call->uri.len
          + call->token.len + NGX_SIZE_T_LEN + call->body.len;

    b = ngx_create_temp_buf(r->pool, len);
    cl = ngx_alloc_chain_link(r->pool);

    if (b == NULL || cl == NULL) {
        return NGX_ERROR;
    }

    b->last = ngx_sprintf(b->last, format, call->method, &call->uri,
                          &call->token, call->body.len);

    /* an ack has none, and memcpy() takes no NULL */

    if (call->body.len) {
        b->last = ngx_cpymem(b->last, call->body.data, call->body.len);
    }

    b->last_buf = 1;

    cl->buf = b;
    cl->next = NULL;

    r->upstream->request_bufs = cl;

    return NGX_OK;
}


static ngx_int_t
ngx_http_sandbox_executor_reinit_request(ngx_http_request_t *r)
{
    return NGX_OK;
}


static ngx_int_t
ngx_http_sandbox_executor_process_status(ngx_http_request_t *r)
{
    ngx_int_t                         rc;
    ngx_sandbox_call_t               *call;
    ngx_http_upstream_t              *u;
    ngx_http_sandbox_executor_ctx_t  *ctx;

    call = ngx_http_get_module_ctx(r, ngx_http_sandbox_executor_module);
    ctx = call->transfer;
    u = r->upstream;

    if (ctx->expired) {
        return NGX_HTTP_UPSTREAM_INVALID_HEADER;
    }

    rc = ngx_http_parse_status_line(r, &u->buffer, &ctx->status);

    if (rc == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    if (rc == NGX_ERROR) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "sandbox: an executor sent no valid HTTP");

        ngx_str_set(&call->error, "the executor sent no valid HTTP");
        return NGX_HTTP_UPSTREAM_INVALID_HEADER;
    }

    u->headers_in.status_n = ctx->status.code;
    u->headers_in.content_length_n = -1;

    u->process_header = ngx_http_sandbox_executor_process_header;

    return ngx_http_sandbox_executor_process_header(r);
}


static ngx_int_t
ngx_http_sandbox_executor_process_header(ngx_http_request_t *r)
{
    ngx_int_t                         rc;
    ngx_sandbox_call_t               *call;
    ngx_http_upstream_t              *u;
    ngx_http_sandbox_executor_ctx_t  *ctx;

    call = ngx_http_get_module_ctx(r, ngx_http_sandbox_executor_module);
    ctx = call->transfer;
    u = r->upstream;

    if (ctx->expired) {
        return NGX_HTTP_UPSTREAM_INVALID_HEADER;
    }

    for ( ;; ) {
        rc = ngx_http_parse_header_line(r, &u->buffer, 1);

        if (rc == NGX_AGAIN) {
            return NGX_AGAIN;
        }

        if (rc == NGX_HTTP_PARSE_HEADER_DONE) {
            break;
        }

        if (rc == NGX_OK
            && (r->header_name_end - r->header_name_start
                != sizeof("Content-Length") - 1
                || ngx_strncasecmp(r->header_name_start,
                                   (u_char *) "Content-Length",
                                   sizeof("Content-Length") - 1)
                   != 0))
        {
            continue;
        }

        if (rc != NGX_OK
            || ngx_http_sandbox_executor_length(r, r->header_start,
                                       r->header_end - r->header_start)
               != NGX_OK)
        {
            ngx_str_set(&call->error, "the executor sent invalid headers");
            return NGX_HTTP_UPSTREAM_INVALID_HEADER;
        }
    }

    if (u->headers_in.status_n == NGX_HTTP_NO_CONTENT) {
        u->headers_in.content_length_n = 0;
    }

    if (u->headers_in.content_length_n < 0) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "sandbox: an executor sent no Content-Length");

        ngx_str_set(&call->error, "the executor sent no Content-Length");
        return NGX_HTTP_UPSTREAM_INVALID_HEADER;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_sandbox_executor_length(ngx_http_request_t *r, u_char *value,
    size_t len)
{
    off_t                n;
    ngx_sandbox_call_t  *call;

    call = ngx_http_get_module_ctx(r, ngx_http_sandbox_executor_module);

    n = ngx_atoof(value, len);

    if (n == NGX_ERROR || n > (off_t) call->max_body) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "sandbox: an executor's answer is larger than %uz bytes",
                      call->max_body);
        return NGX_ERROR;
    }

    r->upstream->headers_in.content_length_n = n;

    return NGX_OK;
}


static ngx_int_t
ngx_http_sandbox_executor_filter_init(void *data)
{
    ngx_http_request_t   *r = data;

    ngx_sandbox_call_t   *call;
    ngx_http_upstream_t  *u;

    call = ngx_http_get_module_ctx(r, ngx_http_sandbox_executor_module);
    u = r->upstream;

    u->length = u->headers_in.content_length_n;

    call->status = u->headers_in.status_n;
    call->answer.len = 0;
    call->answer.data = ngx_pnalloc(r->pool, u->length + 1);

    return call->answer.data ? NGX_OK : NGX_ERROR;
}


/* the data stands at buffer.last, which is left there: the buffer is reused */

static ngx_int_t
ngx_http_sandbox_executor_filter(void *data, ssize_t bytes)
{
    ngx_http_request_t   *r = data;

    ngx_sandbox_call_t   *call;
    ngx_http_upstream_t  *u;

    call = ngx_http_get_module_ctx(r, ngx_http_sandbox_executor_module);
    u = r->upstream;

    if (((ngx_http_sandbox_executor_ctx_t *) call->transfer)->expired) {
        return NGX_ERROR;
    }

    if (bytes > u->length) {
        ngx_str_set(&call->error, "the executor sent more than it announced");
        return NGX_ERROR;
    }

    ngx_memcpy(call->answer.data + call->answer.len, u->buffer.last, bytes);

    call->answer.len += bytes;
    u->length -= bytes;

    return NGX_OK;
}


static void
ngx_http_sandbox_executor_abort_request(ngx_http_request_t *r)
{
    /* not called by nginx; finalize_request tells */
}


static void
ngx_http_sandbox_executor_finalize_request(ngx_http_request_t *r,
    ngx_int_t rc)
{
    ngx_sandbox_call_t               *call;
    ngx_http_upstream_t              *u;
    ngx_http_sandbox_executor_ctx_t  *ctx;

    call = ngx_http_get_module_ctx(r, ngx_http_sandbox_executor_module);
    ctx = call->transfer;
    u = r->upstream;

    ngx_http_sandbox_executor_cleanup(ctx);

    /*
     * Nothing is sent on: the filter that keeps answers of subrequests in
     * memory would refuse a length above its buffer.
     */

    r->headers_out.content_length_n = 0;

    if (ctx->expired) {
        call->rc = NGX_BUSY;
        ngx_str_set(&call->error, "the executor did not answer in time");
        return;
    }

    if (call->status && u->length == 0) {
        call->rc = NGX_OK;
        return;
    }

    /* connected or not is what decides whether the code may be running */

    if (u->request_sent) {
        call->rc = NGX_ERROR;
        ngx_str_set(&call->error, "the sandbox closed the connection");
    }
}


/*
 * nginx's own timers start anew with every byte; this one does not.  The
 * upstream can only be ended from its own handlers, and its time-out is logged
 * as an error, which a caller's deadline is not: so a last byte is put into its
 * hands, and our handlers, which see the mark, refuse it.
 */

static void
ngx_http_sandbox_executor_expired(ngx_event_t *ev)
{
    ngx_connection_t                 *c, *peer;
    ngx_http_request_t               *r;
    ngx_http_sandbox_executor_ctx_t  *ctx;

    ctx = ngx_queue_data(ev, ngx_http_sandbox_executor_ctx_t, deadline);
    r = ctx->request;
    c = r->connection;

    if (r->upstream == NULL || r->upstream->peer.connection == NULL) {
        return;
    }

    ctx->expired = 1;

    peer = r->upstream->peer.connection;
    peer->recv = ngx_http_sandbox_executor_recv_end;

    peer->read->handler(peer->read);

    ngx_http_run_posted_requests(c);
}


static ssize_t
ngx_http_sandbox_executor_recv_end(ngx_connection_t *c, u_char *buf,
    size_t size)
{
    *buf = '\0';

    return 1;
}


static void
ngx_http_sandbox_executor_cleanup(void *data)
{
    ngx_http_sandbox_executor_ctx_t  *ctx = data;

    if (ctx->deadline.timer_set) {
        ngx_del_timer(&ctx->deadline);
    }

    if (ctx->fd != NGX_INVALID_FILE) {
        (void) ngx_close_file(ctx->fd);
        ctx->fd = NGX_INVALID_FILE;
    }
}


static void *
ngx_http_sandbox_executor_create_conf(ngx_conf_t *cf)
{
    ngx_http_upstream_conf_t          *u;
    ngx_http_sandbox_executor_conf_t  *ecf;

    ecf = ngx_pcalloc(cf->pool, sizeof(ngx_http_sandbox_executor_conf_t));
    if (ecf == NULL) {
        return NULL;
    }

    u = &ecf->upstream;

    /* the read time-out only has to be longer than any call's deadline */

    u->connect_timeout = NGX_HTTP_SANDBOX_CONNECT_MS;
    u->send_timeout = NGX_HTTP_SANDBOX_CONNECT_MS * 10;
    u->read_timeout = 24 * 3600 * 1000;

    u->buffer_size = NGX_HTTP_SANDBOX_HEADER_SIZE;
    u->next_upstream = NGX_CONF_BITMASK_SET|NGX_HTTP_UPSTREAM_FT_OFF;
    u->next_upstream_tries = 1;
    u->ignore_client_abort = 1;
    ngx_str_set(&u->module, "sandbox_executor");

    return ecf;
}


static char *
ngx_http_sandbox_executor_pass(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_sandbox_executor_handler;

    return NGX_CONF_OK;
}
