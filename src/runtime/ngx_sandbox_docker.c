
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The runtime of a node that has a Docker Engine: one object a worker.
 *
 * A verb makes an op in the pool of its call.  The op ends exactly once: by the
 * engine's answer, by the deadline of its wait, by cancel, or when the runtime
 * is destroyed; after that nothing here points at the call or its pool.
 *
 * Creating and starting containers is what an engine is slow at, and more of
 * them at once only make each slower: they need one of a few places, and wait
 * for it in order.  A place is given back when the op ends, in whatever way; it
 * is handed on from the event loop, never from inside somebody else's cancel.
 *
 * The engine goes on with what it was told, although the call was cancelled or
 * timed out: then a container may exist that its caller does not know of.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_sandbox_docker_json.h"
#include "ngx_sandbox_docker_op.h"


/* as old as the oldest engine that is supported; newer ones serve it as well */
#define NGX_SANDBOX_DOCKER_API       "/v1.41"

#define NGX_SANDBOX_DOCKER_PING_MS   2000                 /* at most */

/* what is told of a container has its seccomp profile, escaped */
#define NGX_SANDBOX_DOCKER_SMALL     (1024 * 1024)        /* bytes */
#define NGX_SANDBOX_DOCKER_LOGS      (4 * 1024 * 1024)    /* bytes, framed */
#define NGX_SANDBOX_DOCKER_LIST      (8 * 1024 * 1024)    /* bytes */
#define NGX_SANDBOX_DOCKER_TAIL_MAX  100000               /* lines */


struct ngx_sandbox_docker_s {
    ngx_sandbox_runtime_t        runtime;
    ngx_sandbox_docker_conf_t    conf;
    ngx_sandbox_http_t          *http;
    ngx_log_t                   *log;

    ngx_queue_t                  ops;
    ngx_queue_t                  waiting;
    ngx_uint_t                   making;     /* places taken */
    ngx_uint_t                   failures;   /* since the last answer */

    ngx_event_t                  wake;       /* a place became free */
    ngx_connection_t             nobody;     /* for the log of events */

    unsigned                     closing:1;
};


static ngx_int_t ngx_sandbox_docker_verb_create(
    ngx_sandbox_runtime_call_t *call, ngx_sandbox_container_spec_t *spec);
static ngx_int_t ngx_sandbox_docker_verb_start(
    ngx_sandbox_runtime_call_t *call, ngx_str_t *name);
static ngx_int_t ngx_sandbox_docker_verb_inspect(
    ngx_sandbox_runtime_call_t *call, ngx_str_t *name);
static ngx_int_t ngx_sandbox_docker_verb_remove(
    ngx_sandbox_runtime_call_t *call, ngx_str_t *name);
static ngx_int_t ngx_sandbox_docker_verb_logs(ngx_sandbox_runtime_call_t *call,
    ngx_str_t *name, ngx_uint_t tail, time_t since);
static ngx_int_t ngx_sandbox_docker_verb_list(ngx_sandbox_runtime_call_t *call,
    ngx_sandbox_instance_t *instance);
static ngx_int_t ngx_sandbox_docker_verb_image(
    ngx_sandbox_runtime_call_t *call, ngx_str_t *image);
static ngx_int_t ngx_sandbox_docker_verb_ping(
    ngx_sandbox_runtime_call_t *call);
static void ngx_sandbox_docker_verb_cancel(ngx_sandbox_runtime_call_t *call);

static ngx_sandbox_docker_op_t *ngx_sandbox_docker_op_create(
    ngx_sandbox_runtime_call_t *call, char *method);
static ngx_sandbox_docker_op_t *ngx_sandbox_docker_op_container(
    ngx_sandbox_runtime_call_t *call, char *method, ngx_str_t *name,
    char *rest);
static ngx_int_t ngx_sandbox_docker_op_uri(ngx_sandbox_docker_op_t *op,
    size_t size, char *fmt, ...);
static ngx_int_t ngx_sandbox_docker_op_start(ngx_sandbox_docker_op_t *op);
static ngx_int_t ngx_sandbox_docker_op_send(ngx_sandbox_docker_op_t *op);
static void ngx_sandbox_docker_op_handler(ngx_sandbox_call_t *http);
static void ngx_sandbox_docker_op_timer_handler(ngx_event_t *ev);
static void ngx_sandbox_docker_op_finish(ngx_sandbox_docker_op_t *op);
static void ngx_sandbox_docker_op_forget(ngx_sandbox_docker_op_t *op);
static void ngx_sandbox_docker_wake_handler(ngx_event_t *ev);
static void ngx_sandbox_docker_note(ngx_sandbox_docker_op_t *op);


static ngx_sandbox_runtime_verbs_t  ngx_sandbox_docker_verbs = {
    "docker",
    ngx_sandbox_docker_verb_create,
    ngx_sandbox_docker_verb_start,
    ngx_sandbox_docker_verb_inspect,
    ngx_sandbox_docker_verb_remove,
    ngx_sandbox_docker_verb_logs,
    ngx_sandbox_docker_verb_list,
    ngx_sandbox_docker_verb_image,
    ngx_sandbox_docker_verb_ping,
    ngx_sandbox_docker_verb_cancel
};


ngx_sandbox_runtime_t *
ngx_sandbox_docker_create(ngx_sandbox_docker_conf_t *conf,
    ngx_sandbox_http_t *http, ngx_log_t *log)
{
    ngx_sandbox_docker_t  *docker;

    docker = ngx_calloc(sizeof(ngx_sandbox_docker_t), log);
    if (docker == NULL) {
        return NULL;
    }

    docker->runtime.verbs = &ngx_sandbox_docker_verbs;
    docker->runtime.data = docker;

    /* the strings are the configuration's, which outlives the worker's work */

    docker->conf = *conf;
    docker->conf.creates = ngx_max(conf->creates, 1);
    docker->http = http;
    docker->log = log;

    ngx_queue_init(&docker->ops);
    ngx_queue_init(&docker->waiting);

    docker->nobody.fd = (ngx_socket_t) -1;
    docker->nobody.data = docker;

    docker->wake.data = &docker->nobody;
    docker->wake.handler = ngx_sandbox_docker_wake_handler;
    docker->wake.log = log;

    return &docker->runtime;
}


void
ngx_sandbox_docker_destroy(ngx_sandbox_runtime_t *runtime)
{
    ngx_queue_t              *q;
    ngx_sandbox_docker_t     *docker;
    ngx_sandbox_docker_op_t  *op;

    docker = runtime->data;
    docker->closing = 1;

    while (!ngx_queue_empty(&docker->ops)) {
        q = ngx_queue_head(&docker->ops);
        op = ngx_queue_data(q, ngx_sandbox_docker_op_t, queue);

        ngx_sandbox_docker_fail(op, NGX_SANDBOX_RUNTIME_DOWN,
                                "the worker is leaving");
        ngx_sandbox_docker_op_finish(op);
    }

    if (docker->wake.posted) {
        ngx_delete_posted_event(&docker->wake);
    }

    ngx_free(docker);
}


static ngx_int_t
ngx_sandbox_docker_verb_create(ngx_sandbox_runtime_call_t *call,
    ngx_sandbox_container_spec_t *spec)
{
    ngx_int_t                 rc;
    ngx_sandbox_docker_op_t  *op;

    op = ngx_sandbox_docker_op_create(call, "POST");
    if (op == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_sandbox_docker_encode_create(call->pool, spec,
                                          &op->docker->conf.hosts_file,
                                          &op->docker->conf.seccomp,
                                          &op->http.body);

    if (rc == NGX_DECLINED || !ngx_sandbox_docker_is_name(&spec->name)) {
        ngx_log_error(NGX_LOG_ALERT, call->log, 0,
                      "sandbox: container with a bad name or without limits");
        return NGX_ERROR;
    }

    if (rc != NGX_OK
        || ngx_sandbox_docker_op_uri(op, spec->name.len,
                                     NGX_SANDBOX_DOCKER_API
                                     "/containers/create?name=%V", &spec->name)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    op->image.data = ngx_pstrdup(call->pool, &spec->image);
    call->state.name.data = ngx_pstrdup(call->pool, &spec->name);

    if (op->image.data == NULL || call->state.name.data == NULL) {
        return NGX_ERROR;
    }

    op->image.len = spec->image.len;
    call->state.name.len = spec->name.len;

    op->absent = NGX_SANDBOX_RUNTIME_NO_IMAGE;
    op->decode = ngx_sandbox_docker_read_created;
    op->http.timeout = op->docker->conf.create_timeout;
    op->bounded = 1;

    return ngx_sandbox_docker_op_start(op);
}


static ngx_int_t
ngx_sandbox_docker_verb_start(ngx_sandbox_runtime_call_t *call,
    ngx_str_t *name)
{
    ngx_sandbox_docker_op_t  *op;

    op = ngx_sandbox_docker_op_container(call, "POST", name, "/start");
    if (op == NULL) {
        return NGX_ERROR;
    }

    op->http.timeout = op->docker->conf.create_timeout;
    op->bounded = 1;

    return ngx_sandbox_docker_op_start(op);
}


static ngx_int_t
ngx_sandbox_docker_verb_inspect(ngx_sandbox_runtime_call_t *call,
    ngx_str_t *name)
{
    ngx_sandbox_docker_op_t  *op;

    op = ngx_sandbox_docker_op_container(call, "GET", name, "/json");
    if (op == NULL) {
        return NGX_ERROR;
    }

    op->decode = ngx_sandbox_docker_read_inspect;

    return ngx_sandbox_docker_op_start(op);
}


static ngx_int_t
ngx_sandbox_docker_verb_remove(ngx_sandbox_runtime_call_t *call,
    ngx_str_t *name)
{
    ngx_sandbox_docker_op_t  *op;

    op = ngx_sandbox_docker_op_container(call, "DELETE", name,
                                         "?force=1&v=1");
    if (op == NULL) {
        return NGX_ERROR;
    }

    op->removal = 1;

    return ngx_sandbox_docker_op_start(op);
}


static ngx_int_t
ngx_sandbox_docker_verb_logs(ngx_sandbox_runtime_call_t *call, ngx_str_t *name,
    ngx_uint_t tail, time_t since)
{
    u_char                    rest[NGX_SANDBOX_DOCKER_MESSAGE_MAX];
    ngx_sandbox_docker_op_t  *op;

    ngx_snprintf(rest, sizeof(rest),
                 "/logs?stdout=1&stderr=1&timestamps=0&tail=%ui&since=%T%Z",
                 ngx_min(tail, NGX_SANDBOX_DOCKER_TAIL_MAX), since);

    op = ngx_sandbox_docker_op_container(call, "GET", name, (char *) rest);
    if (op == NULL) {
        return NGX_ERROR;
    }

    op->decode = ngx_sandbox_docker_read_logs;
    op->http.max_body = NGX_SANDBOX_DOCKER_LOGS;

    return ngx_sandbox_docker_op_start(op);
}


static ngx_int_t
ngx_sandbox_docker_verb_list(ngx_sandbox_runtime_call_t *call,
    ngx_sandbox_instance_t *instance)
{
    ngx_str_t                 filters;
    ngx_sandbox_docker_op_t  *op;

    op = ngx_sandbox_docker_op_create(call, "GET");

    if (op == NULL
        || ngx_sandbox_docker_encode_filters(call->pool, instance, &filters)
           != NGX_OK
        || ngx_sandbox_docker_op_uri(op, filters.len, NGX_SANDBOX_DOCKER_API
                                     "/containers/json?all=1&filters=%V",
                                     &filters)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    op->decode = ngx_sandbox_docker_read_list;
    op->http.max_body = NGX_SANDBOX_DOCKER_LIST;

    return ngx_sandbox_docker_op_start(op);
}


static ngx_int_t
ngx_sandbox_docker_verb_image(ngx_sandbox_runtime_call_t *call,
    ngx_str_t *image)
{
    ngx_sandbox_docker_op_t  *op;

    op = ngx_sandbox_docker_op_create(call, "GET");
    if (op == NULL) {
        return NGX_ERROR;
    }

    op->image.data = ngx_pstrdup(call->pool, image);

    if (op->image.data == NULL
        || ngx_sandbox_docker_op_uri(op, image->len, NGX_SANDBOX_DOCKER_API
                                     "/images/%V/json", image)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    op->image.len = image->len;
    op->absent = NGX_SANDBOX_RUNTIME_NO_IMAGE;
    op->decode = ngx_sandbox_docker_read_image;

    if (!ngx_sandbox_docker_is_image(image)) {
        /* no engine has it, but the answer has to come from the event loop */

        call->private = op;
        ngx_queue_insert_tail(&op->docker->ops, &op->queue);
        ngx_add_timer(&op->timer, 1);

        return NGX_AGAIN;
    }

    return ngx_sandbox_docker_op_start(op);
}


static ngx_int_t
ngx_sandbox_docker_verb_ping(ngx_sandbox_runtime_call_t *call)
{
    ngx_sandbox_docker_op_t  *op;

    op = ngx_sandbox_docker_op_create(call, "GET");
    if (op == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&op->http.uri, "/_ping");
    op->http.timeout = ngx_min(op->http.timeout, NGX_SANDBOX_DOCKER_PING_MS);
    op->decode = ngx_sandbox_docker_read_ping;

    return ngx_sandbox_docker_op_start(op);
}


static void
ngx_sandbox_docker_verb_cancel(ngx_sandbox_runtime_call_t *call)
{
    if (call->private) {
        ngx_sandbox_docker_op_forget(call->private);
    }
}


/* empties the result of the call as well; the op is nowhere known yet */

static ngx_sandbox_docker_op_t *
ngx_sandbox_docker_op_create(ngx_sandbox_runtime_call_t *call, char *method)
{
    ngx_sandbox_docker_t     *docker;
    ngx_sandbox_docker_op_t  *op;

    docker = call->runtime->data;

    call->status = NGX_SANDBOX_RUNTIME_DOWN;
    ngx_str_null(&call->message);
    ngx_memzero(&call->state, sizeof(ngx_sandbox_container_state_t));
    call->list = NULL;
    ngx_str_null(&call->logs);
    call->private = NULL;

    if (docker->closing) {
        return NULL;
    }

    op = ngx_pcalloc(call->pool, sizeof(ngx_sandbox_docker_op_t));
    if (op == NULL) {
        return NULL;
    }

    op->docker = docker;
    op->call = call;
    op->absent = NGX_SANDBOX_RUNTIME_NOT_FOUND;

    op->timer.data = &docker->nobody;
    op->timer.handler = ngx_sandbox_docker_op_timer_handler;
    op->timer.log = docker->log;

    op->http.method = method;
    op->http.socket = docker->conf.socket;
    op->http.timeout = docker->conf.timeout;
    op->http.max_body = NGX_SANDBOX_DOCKER_SMALL;
    op->http.pool = call->pool;
    op->http.log = call->log;
    op->http.handler = ngx_sandbox_docker_op_handler;
    op->http.data = op;

    return op;
}


static ngx_sandbox_docker_op_t *
ngx_sandbox_docker_op_container(ngx_sandbox_runtime_call_t *call, char *method,
    ngx_str_t *name, char *rest)
{
    ngx_sandbox_docker_op_t  *op;

    if (!ngx_sandbox_docker_is_name(name)) {
        ngx_log_error(NGX_LOG_ALERT, call->log, 0,
                      "sandbox: bad container name");
        call->private = NULL;
        return NULL;
    }

    op = ngx_sandbox_docker_op_create(call, method);

    if (op == NULL
        || ngx_sandbox_docker_op_uri(op, name->len + ngx_strlen(rest),
                                     NGX_SANDBOX_DOCKER_API
                                     "/containers/%V%s", name, rest)
           != NGX_OK)
    {
        return NULL;
    }

    return op;
}


/* size: of what is put in; the format is longer than it is without that */

static ngx_int_t
ngx_sandbox_docker_op_uri(ngx_sandbox_docker_op_t *op, size_t size, char *fmt,
    ...)
{
    u_char   *p;
    va_list   args;

    size += ngx_strlen(fmt);

    p = ngx_pnalloc(op->call->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    op->http.uri.data = p;

    va_start(args, fmt);
    op->http.uri.len = ngx_vslprintf(p, p + size, fmt, args) - p;
    va_end(args);

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_docker_op_start(ngx_sandbox_docker_op_t *op)
{
    ngx_sandbox_docker_t  *docker;

    docker = op->docker;

    op->call->private = op;
    ngx_queue_insert_tail(&docker->ops, &op->queue);

    if (op->bounded
        && (docker->making >= docker->conf.creates
            || !ngx_queue_empty(&docker->waiting)))
    {
        op->waiting = 1;
        ngx_queue_insert_tail(&docker->waiting, &op->wait);
        ngx_add_timer(&op->timer, docker->conf.wait_timeout);

        return NGX_AGAIN;
    }

    if (ngx_sandbox_docker_op_send(op) != NGX_AGAIN) {
        ngx_sandbox_docker_op_forget(op);
        return NGX_ERROR;
    }

    return NGX_AGAIN;
}


static ngx_int_t
ngx_sandbox_docker_op_send(ngx_sandbox_docker_op_t *op)
{
    if (op->bounded) {
        op->docker->making++;
        op->placed = 1;
    }

    return ngx_sandbox_http_start(op->docker->http, &op->http);
}


static void
ngx_sandbox_docker_op_handler(ngx_sandbox_call_t *http)
{
    ngx_sandbox_docker_op_t  *op;

    op = http->data;

    ngx_sandbox_docker_answer(op);
    ngx_sandbox_docker_note(op);
    ngx_sandbox_docker_op_finish(op);
}


static void
ngx_sandbox_docker_op_timer_handler(ngx_event_t *ev)
{
    ngx_sandbox_docker_t     *docker;
    ngx_sandbox_docker_op_t  *op;

    op = ngx_queue_data(ev, ngx_sandbox_docker_op_t, timer);
    docker = op->docker;

    if (op->waiting) {
        ngx_sandbox_docker_fail(op, NGX_SANDBOX_RUNTIME_DOWN,
                                "%ui containers are being made already, and "
                                "none was done within %M ms", docker->making,
                                docker->conf.wait_timeout);

    } else {
        ngx_sandbox_docker_fail(op, NGX_SANDBOX_RUNTIME_NO_IMAGE,
                                "the name of the image is malformed");
    }

    ngx_sandbox_docker_op_finish(op);
}


static void
ngx_sandbox_docker_op_finish(ngx_sandbox_docker_op_t *op)
{
    ngx_sandbox_runtime_call_t  *call;

    call = op->call;

    ngx_sandbox_docker_op_forget(op);

    /* the pool of the op may not survive this */

    call->handler(call);
}


static void
ngx_sandbox_docker_op_forget(ngx_sandbox_docker_op_t *op)
{
    ngx_sandbox_docker_t  *docker;

    docker = op->docker;

    ngx_sandbox_http_cancel(docker->http, &op->http);

    if (op->timer.timer_set) {
        ngx_del_timer(&op->timer);
    }

    if (op->waiting) {
        ngx_queue_remove(&op->wait);
        op->waiting = 0;
    }

    if (op->placed) {
        docker->making--;
        op->placed = 0;
    }

    ngx_queue_remove(&op->queue);
    op->call->private = NULL;

    if (!ngx_queue_empty(&docker->waiting) && !docker->wake.posted) {
        ngx_post_event(&docker->wake, &ngx_posted_events);
    }
}


static void
ngx_sandbox_docker_wake_handler(ngx_event_t *ev)
{
    ngx_queue_t              *q;
    ngx_connection_t         *nobody;
    ngx_sandbox_docker_t     *docker;
    ngx_sandbox_docker_op_t  *op;

    nobody = ev->data;
    docker = nobody->data;

    while (docker->making < docker->conf.creates
           && !ngx_queue_empty(&docker->waiting))
    {
        q = ngx_queue_head(&docker->waiting);
        op = ngx_queue_data(q, ngx_sandbox_docker_op_t, wait);

        ngx_queue_remove(q);
        op->waiting = 0;

        ngx_del_timer(&op->timer);

        if (ngx_sandbox_docker_op_send(op) != NGX_AGAIN) {
            ngx_sandbox_docker_fail(op, NGX_SANDBOX_RUNTIME_DOWN,
                                    "no memory to call the Docker Engine");
            ngx_sandbox_docker_op_finish(op);
        }
    }
}


/* an outage is worth two lines, however many calls it costs */

static void
ngx_sandbox_docker_note(ngx_sandbox_docker_op_t *op)
{
    ngx_sandbox_docker_t  *docker;

    docker = op->docker;

    if (op->http.rc != NGX_OK) {

        if (docker->failures++ == 0) {
            ngx_log_error(NGX_LOG_ERR, docker->log, 0, "sandbox: %V",
                          &op->call->message);
        }

        return;
    }

    if (docker->failures) {
        ngx_log_error(NGX_LOG_NOTICE, docker->log, 0,
                      "sandbox: the Docker Engine at unix:%V answers again, "
                      "%ui calls have failed", &docker->conf.socket,
                      docker->failures);
        docker->failures = 0;
    }
}
