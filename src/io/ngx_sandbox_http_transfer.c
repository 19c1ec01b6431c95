
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * A transfer joins a call to an easy handle of libcurl.  It is owned by the
 * client and used again for later calls; the call and its pool are the
 * caller's and are not touched after ngx_sandbox_http_transfer_clear().
 *
 * libcurl calls back with pieces of the answer only: these callbacks store or
 * refuse, and never start, end or cancel a transfer.
 *
 * Peers are unix sockets, so that no name is ever resolved.  The bearer token
 * is in no log line, and its copies of ours are wiped.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_http_private.h"


#define NGX_SANDBOX_HTTP_URL_BASE   "http://localhost"
#define NGX_SANDBOX_HTTP_HEAD_MAX   65536
#define NGX_SANDBOX_HTTP_BODY_MIN   4096


static ngx_uint_t ngx_sandbox_http_is_clean(ngx_sandbox_call_t *call);
static ngx_int_t ngx_sandbox_http_write_text(ngx_sandbox_http_transfer_t *t);
static ngx_int_t ngx_sandbox_http_set_limits(ngx_sandbox_http_transfer_t *t);
static ngx_int_t ngx_sandbox_http_set_request(ngx_sandbox_http_transfer_t *t);
static ngx_int_t ngx_sandbox_http_set_method(ngx_sandbox_http_transfer_t *t);
static size_t ngx_sandbox_http_head_handler(char *data, size_t one, size_t n,
    void *ctx);
static size_t ngx_sandbox_http_body_handler(char *data, size_t one, size_t n,
    void *ctx);
static ngx_int_t ngx_sandbox_http_body_grow(ngx_sandbox_http_transfer_t *t,
    size_t need);
static ngx_uint_t ngx_sandbox_http_is_malformed(CURLcode code);
static void ngx_sandbox_http_connect_error(ngx_sandbox_http_transfer_t *t);


ngx_sandbox_http_transfer_t *
ngx_sandbox_http_transfer_create(void)
{
    ngx_sandbox_http_transfer_t  *t;

    t = ngx_calloc(sizeof(ngx_sandbox_http_transfer_t), ngx_cycle->log);
    if (t == NULL) {
        return NULL;
    }

    t->easy = curl_easy_init();

    if (t->easy == NULL) {
        ngx_free(t);
        return NULL;
    }

    return t;
}


void
ngx_sandbox_http_transfer_free(ngx_sandbox_http_transfer_t *t)
{
    curl_easy_cleanup(t->easy);
    ngx_free(t);
}


ngx_int_t
ngx_sandbox_http_transfer_prepare(ngx_sandbox_http_transfer_t *t,
    ngx_sandbox_call_t *call)
{
    call->rc = NGX_ERROR;
    call->status = 0;
    call->malformed = 0;
    ngx_str_null(&call->answer);
    ngx_str_null(&call->error);

    if (!ngx_sandbox_http_is_clean(call)) {
        ngx_log_error(NGX_LOG_ALERT, call->log, 0,
                      "sandbox: control call with a bad uri, socket or token");
        return NGX_ERROR;
    }

    t->call = call;
    t->head = 0;
    t->size = 0;
    t->cause = NULL;
    t->malformed = 0;
    t->starved = 0;

    if (ngx_sandbox_http_write_text(t) != NGX_OK
        || ngx_sandbox_http_set_limits(t) != NGX_OK
        || ngx_sandbox_http_set_request(t) != NGX_OK
        || ngx_sandbox_http_set_method(t) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_sandbox_http_transfer_result(ngx_sandbox_http_transfer_t *t, CURLcode code)
{
    long                 status, sent;
    ngx_sandbox_call_t  *call;

    call = t->call;
    status = 0;
    sent = 1;

    (void) curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    call->status = status;

    if (code == CURLE_OK) {
        call->rc = NGX_OK;
        return;
    }

    /* a request that did not leave at all may be repeated by anybody */

    (void) curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &sent);
    call->rc = (sent == 0) ? NGX_DECLINED : NGX_ERROR;

    call->malformed = t->malformed || ngx_sandbox_http_is_malformed(code);
    ngx_str_null(&call->answer);

    if (t->cause) {
        call->error.data = (u_char *) t->cause;
        call->error.len = ngx_strlen(t->cause);
        return;
    }

    if (code == CURLE_COULDNT_RESOLVE_HOST) {
        /* libcurl's word for it, where nothing is to be resolved */

        ngx_str_set(&call->error, "the path of the socket is too long");
        return;
    }

    call->error.data = (u_char *) curl_easy_strerror(code);
    call->error.len = ngx_strlen(call->error.data);

    if (code == CURLE_COULDNT_CONNECT) {
        ngx_sandbox_http_connect_error(t);
    }
}


void
ngx_sandbox_http_transfer_clear(ngx_sandbox_http_transfer_t *t)
{
    /* the handle points at the headers and at the call's body until here */

    curl_easy_reset(t->easy);

    if (t->text) {
        ngx_explicit_memzero(t->text, t->text_size);
        ngx_free(t->text);
        t->text = NULL;
    }

    t->call = NULL;
}


/* what goes into a request line or a header must not be able to leave it */

static ngx_uint_t
ngx_sandbox_http_is_clean(ngx_sandbox_call_t *call)
{
    size_t  i;

    if (call->uri.len == 0 || call->uri.data[0] != '/'
        || call->socket.len == 0)
    {
        return 0;
    }

    for (i = 0; i < call->uri.len; i++) {
        if (call->uri.data[i] <= ' ' || call->uri.data[i] >= 0x7f
            || call->uri.data[i] == '#')
        {
            return 0;
        }
    }

    for (i = 0; i < call->token.len; i++) {
        if (call->token.data[i] <= ' ' || call->token.data[i] >= 0x7f) {
            return 0;
        }
    }

    return 1;
}


static ngx_int_t
ngx_sandbox_http_write_text(ngx_sandbox_http_transfer_t *t)
{
    char                *type;
    u_char              *p;
    ngx_uint_t           n;
    ngx_sandbox_call_t  *call;

    call = t->call;
    type = call->content_type ? call->content_type : "application/json";

    t->text_size = sizeof(NGX_SANDBOX_HTTP_URL_BASE) + call->uri.len
                   + sizeof("Content-Type: ") + ngx_strlen(type)
                   + sizeof("Authorization: Bearer ") + call->token.len
                   + sizeof("Expect:");

    t->text = ngx_alloc(t->text_size, call->log);
    if (t->text == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(t->text, NGX_SANDBOX_HTTP_URL_BASE "%V%Z", &call->uri);
    n = 0;

    /* libcurl's own, which it adds to a POST, are taken out by an empty one */

    t->headers[n++].data = (char *) p;
    p = ngx_sprintf(p, "Expect:%Z");

    t->headers[n++].data = (char *) p;
    p = call->body.len ? ngx_sprintf(p, "Content-Type: %s%Z", type)
                       : ngx_sprintf(p, "Content-Type:%Z");

    if (call->token.len) {
        t->headers[n++].data = (char *) p;
        ngx_sprintf(p, "Authorization: Bearer %V%Z", &call->token);
    }

    t->headers[0].next = &t->headers[1];
    t->headers[1].next = (n == 3) ? &t->headers[2] : NULL;
    t->headers[2].next = NULL;

    return NGX_OK;
}


/*
 * What libcurl may do.  Its own time-outs stay unset: the deadline is nginx's
 * timer, which also keeps a leaving worker alive until the call is done.
 */

static ngx_int_t
ngx_sandbox_http_set_limits(ngx_sandbox_http_transfer_t *t)
{
    int    rc;
    CURL  *easy;

    easy = t->easy;
    rc = 0;

    rc |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    rc |= curl_easy_setopt(easy, CURLOPT_PROXY, "");
    rc |= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    rc |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                           (long) CURL_HTTP_VERSION_1_1);
    rc |= curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);

#if (LIBCURL_VERSION_NUM >= 0x075500)
    rc |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
#else
    rc |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long) CURLPROTO_HTTP);
#endif

    rc |= curl_easy_setopt(easy, CURLOPT_PRIVATE, t);
    rc |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION,
                           ngx_sandbox_http_head_handler);
    rc |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
    rc |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION,
                           ngx_sandbox_http_body_handler);
    rc |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);

    return rc ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_sandbox_http_set_request(ngx_sandbox_http_transfer_t *t)
{
    int                  rc;
    ngx_sandbox_call_t  *call;

    call = t->call;
    rc = 0;

    rc |= curl_easy_setopt(t->easy, CURLOPT_URL, (char *) t->text);
    rc |= curl_easy_setopt(t->easy, CURLOPT_PATH_AS_IS, 1L);
    rc |= curl_easy_setopt(t->easy, CURLOPT_UNIX_SOCKET_PATH,
                           (char *) call->socket.data);
    rc |= curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);

    return rc ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_sandbox_http_set_method(ngx_sandbox_http_transfer_t *t)
{
    int                  rc;
    CURL                *easy;
    ngx_sandbox_call_t  *call;

    call = t->call;
    easy = t->easy;
    rc = 0;

    if (call->body.len || ngx_strcmp(call->method, "POST") == 0) {
        /* on a kept connection libcurl would send it again if that is cut */

        rc |= curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
        rc |= curl_easy_setopt(easy, CURLOPT_POST, 1L);
        rc |= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                               (curl_off_t) call->body.len);
        rc |= curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                               call->body.len ? (char *) call->body.data : "");

    } else if (ngx_strcmp(call->method, "HEAD") == 0) {
        rc |= curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    }

    rc |= curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call->method);

    return rc ? NGX_ERROR : NGX_OK;
}


/* returning less than was given makes libcurl end the transfer */

static size_t
ngx_sandbox_http_head_handler(char *data, size_t one, size_t n, void *ctx)
{
    ngx_sandbox_http_transfer_t  *t = ctx;

    t->head += n;

    if (t->head > NGX_SANDBOX_HTTP_HEAD_MAX) {
        t->cause = "the head of the answer is too large";
        t->malformed = 1;
        return 0;
    }

    return n;
}


static size_t
ngx_sandbox_http_body_handler(char *data, size_t one, size_t n, void *ctx)
{
    ngx_sandbox_http_transfer_t  *t = ctx;

    ngx_sandbox_call_t  *call;

    call = t->call;

    if (call->max_body == 0) {
        return n;
    }

    if (n > call->max_body - call->answer.len) {
        t->cause = "the answer is too large";
        t->malformed = 1;
        return 0;
    }

    if (n > t->size - call->answer.len
        && ngx_sandbox_http_body_grow(t, call->answer.len + n) != NGX_OK)
    {
        t->cause = "no memory for the answer";
        return 0;
    }

    ngx_memcpy(call->answer.data + call->answer.len, data, n);
    call->answer.len += n;

    return n;
}


static ngx_int_t
ngx_sandbox_http_body_grow(ngx_sandbox_http_transfer_t *t, size_t need)
{
    u_char              *p;
    size_t               size;
    ngx_sandbox_call_t  *call;

    call = t->call;

    size = ngx_max(need, 2 * t->size);
    size = ngx_max(size, NGX_SANDBOX_HTTP_BODY_MIN);
    size = ngx_min(size, call->max_body);

    p = ngx_pnalloc(call->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (call->answer.len) {
        ngx_memcpy(p, call->answer.data, call->answer.len);

        /* gives a large one back at once, a small one stays in the pool */
        (void) ngx_pfree(call->pool, call->answer.data);
    }

    call->answer.data = p;
    t->size = size;

    return NGX_OK;
}


static ngx_uint_t
ngx_sandbox_http_is_malformed(CURLcode code)
{
    switch (code) {

    case CURLE_UNSUPPORTED_PROTOCOL:    /* no status line, or not HTTP/1 */
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_FILESIZE_EXCEEDED:
        return 1;

    default:
        return 0;
    }
}


static void
ngx_sandbox_http_connect_error(ngx_sandbox_http_transfer_t *t)
{
    long                 err;
    u_char              *p, *last, text[NGX_MAX_ERROR_STR];
    ngx_sandbox_call_t  *call;

    call = t->call;
    err = 0;

    (void) curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &err);

    if (err == 0) {
        return;
    }

    p = ngx_slprintf(text, text + NGX_MAX_ERROR_STR,
                     "connect() to unix:%V failed (%l: ", &call->socket, err);
    p = ngx_strerror((ngx_err_t) err, p, text + NGX_MAX_ERROR_STR - p);
    last = ngx_slprintf(p, text + NGX_MAX_ERROR_STR, ")");

    p = ngx_pnalloc(call->pool, last - text);

    if (p) {
        call->error.data = p;
        call->error.len = ngx_cpymem(p, text, last - text) - p;
    }
}
