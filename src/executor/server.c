
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The HTTP face of the executor, docs/executor.md.  Without the token
 * nothing is looked at but the header that should hold it; guard.c has the
 * word before that.
 */


#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <event2/http.h>
#include <event2/listener.h>
#include "execution.h"
#include "guard.h"
#include "install.h"
#include "pool.h"
#include "query.h"
#include "reply.h"
#include "server.h"
#include "stream.h"
#include "waiter.h"


#define SANDBOX_SERVER_SOCKET  "executor.sock"

/* the longest execution and some more: no timer may end a sync request */
#define SANDBOX_SERVER_TIMEOUT  (2 * SANDBOX_TIMEOUT_MAX)


typedef void (*sandbox_server_handler_pt)(sandbox_executor_t *ex,
    struct evhttp_request *req, const char *id, size_t len);


typedef struct {
    enum evhttp_cmd_type       method;
    const char                *prefix;
    const char                *suffix;      /* NULL: no id in the path */
    sandbox_server_handler_pt  handler;
} sandbox_server_route_t;


static int sandbox_server_bind(const char *folder);
static void sandbox_server_request_handler(struct evhttp_request *req,
    void *data);
static int sandbox_server_match(const sandbox_server_route_t *route,
    const char *path, const char **ret_id, size_t *ret_len);
static void sandbox_server_status(sandbox_executor_t *ex,
    struct evhttp_request *req, const char *id, size_t len);
static void sandbox_server_execute(sandbox_executor_t *ex,
    struct evhttp_request *req, const char *id, size_t len);
static void sandbox_server_show(sandbox_executor_t *ex,
    struct evhttp_request *req, const char *id, size_t len);
static void sandbox_server_events(sandbox_executor_t *ex,
    struct evhttp_request *req, const char *id, size_t len);
static void sandbox_server_install(sandbox_executor_t *ex,
    struct evhttp_request *req, const char *id, size_t len);
static void sandbox_server_fence(sandbox_executor_t *ex,
    struct evhttp_request *req, const char *id, size_t len);
static const char *sandbox_server_state(const sandbox_execution_t *e);
static void sandbox_server_ack(sandbox_executor_t *ex,
    struct evhttp_request *req, const char *id, size_t len);
static void sandbox_server_cancel(sandbox_executor_t *ex,
    struct evhttp_request *req, const char *id, size_t len);
static int sandbox_server_attempt(struct evhttp_request *req,
    unsigned *ret_attempt);


static const sandbox_server_route_t  sandbox_server_routes[] = {

    { EVHTTP_REQ_GET,  "/v1/status",      NULL,      sandbox_server_status },
    { EVHTTP_REQ_POST, "/v1/executions",  NULL,      sandbox_server_execute },
    { EVHTTP_REQ_GET,  "/v1/executions/", "",        sandbox_server_show },
    { EVHTTP_REQ_GET,  "/v1/executions/", "/events", sandbox_server_events },
    { EVHTTP_REQ_POST, "/v1/executions/", "/fence",  sandbox_server_fence },
    { EVHTTP_REQ_POST, "/v1/executions/", "/ack",    sandbox_server_ack },
    { EVHTTP_REQ_POST, "/v1/executions/", "/cancel", sandbox_server_cancel },
    { EVHTTP_REQ_POST, "/v1/installs",    NULL,      sandbox_server_install },

    { 0, NULL, NULL, NULL }
};


int
sandbox_server_start(sandbox_executor_t *ex)
{
    int                     fd;
    struct evhttp          *http;
    struct evconnlistener  *listener;

    fd = sandbox_server_bind(ex->folder);
    if (fd == -1) {
        return SANDBOX_ERROR;
    }

    http = evhttp_new(ex->base);

    if (http == NULL) {
        sandbox_log("no memory for the server");
        close(fd);
        return SANDBOX_ERROR;
    }

    evhttp_set_allowed_methods(http, EVHTTP_REQ_GET|EVHTTP_REQ_POST);
    evhttp_set_max_body_size(http, SANDBOX_BODY_MAX);
    evhttp_set_max_headers_size(http, SANDBOX_HEADERS_MAX);
    evhttp_set_timeout(http, SANDBOX_SERVER_TIMEOUT);
    evhttp_set_default_content_type(http, NULL);
    evhttp_set_gencb(http, sandbox_server_request_handler, ex);

    /* reads the rest of a body that is too large, so that 413 is seen */
    evhttp_set_flags(http, EVHTTP_SERVER_LINGERING_CLOSE);

    listener = evconnlistener_new(ex->base, NULL, NULL,
                                  LEV_OPT_CLOSE_ON_FREE|LEV_OPT_CLOSE_ON_EXEC,
                                  SANDBOX_GUARD_BACKLOG, fd);

    if (listener == NULL || evhttp_bind_listener(http, listener) == NULL) {
        sandbox_log("listen: %s", strerror(errno));
        return SANDBOX_ERROR;
    }

    sandbox_guard_start(ex, http, listener);

    return SANDBOX_OK;
}


static int
sandbox_server_bind(const char *folder)
{
    int                 fd, n;
    mode_t              mask;
    struct sockaddr_un  sun;

    memset(&sun, 0, sizeof(sun));

    sun.sun_family = AF_UNIX;

    n = snprintf(sun.sun_path, sizeof(sun.sun_path),
                 "%s/" SANDBOX_SERVER_SOCKET, folder);

    if (n < 0 || (size_t) n >= sizeof(sun.sun_path)) {
        sandbox_log("the path of " SANDBOX_SERVER_SOCKET " is too long");
        return -1;
    }

    /* of an executor that was killed */
    (void) unlink(sun.sun_path);

    fd = socket(AF_UNIX, SOCK_STREAM|SOCK_NONBLOCK|SOCK_CLOEXEC, 0);

    if (fd == -1) {
        sandbox_log("socket: %s", strerror(errno));
        return -1;
    }

    /* 0666: the worker that connects is another user; the token decides */

    mask = umask(0111);
    n = bind(fd, (struct sockaddr *) &sun, sizeof(sun));
    (void) umask(mask);

    if (n == -1) {
        sandbox_log("bind \"%s\": %s", sun.sun_path, strerror(errno));
        close(fd);
        return -1;
    }

    return fd;
}


static void
sandbox_server_request_handler(struct evhttp_request *req, void *data)
{
    sandbox_executor_t  *ex = data;

    int                             known;
    size_t                          len;
    const char                     *id, *path, *value;
    const sandbox_server_route_t   *route;

    value = evhttp_find_header(evhttp_request_get_input_headers(req),
                               "Authorization");

    if (!sandbox_bootstrap_is_authorized(&ex->bootstrap, value)) {
        sandbox_reply_error(req, 401, "the token is missing or wrong");
        return;
    }

    path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(req));

    if (path == NULL) {
        path = "";
    }

    known = 0;

    for (route = sandbox_server_routes; route->prefix; route++) {

        if (!sandbox_server_match(route, path, &id, &len)) {
            continue;
        }

        if (evhttp_request_get_command(req) == route->method) {
            route->handler(ex, req, id, len);
            return;
        }

        known = 1;
    }

    if (known) {
        sandbox_reply_error(req, 405, "the method is not allowed");

    } else {
        sandbox_reply_error(req, 404, "there is nothing at this path");
    }
}


static int
sandbox_server_match(const sandbox_server_route_t *route, const char *path,
    const char **ret_id, size_t *ret_len)
{
    size_t  len, prefix, suffix;

    *ret_id = NULL;
    *ret_len = 0;

    if (route->suffix == NULL) {
        return strcmp(path, route->prefix) == 0;
    }

    len = strlen(path);
    prefix = strlen(route->prefix);
    suffix = strlen(route->suffix);

    if (len <= prefix + suffix
        || memcmp(path, route->prefix, prefix) != 0
        || memcmp(path + len - suffix, route->suffix, suffix) != 0)
    {
        return 0;
    }

    *ret_id = path + prefix;
    *ret_len = len - prefix - suffix;

    return sandbox_id_is_valid(*ret_id, *ret_len);
}


static void
sandbox_server_status(sandbox_executor_t *ex, struct evhttp_request *req,
    const char *id, size_t len)
{
    unsigned  n;
    json_t   *json, *ready;

    ready = json_object();

    for (n = 0; n < sandbox_language_count(); n++) {
        json_object_set_new(ready, sandbox_language_name(n),
                            json_integer(sandbox_pool_count(ex, n)));
    }

    json = json_pack("{s:s, s:s, s:i, s:i, s:o, s:o, s:o}",
                     "session_id", ex->bootstrap.session_id,
                     "version", SANDBOX_EXECUTOR_VERSION,
                     "running", (int) ex->running,
                     "queued", (int) ex->queued,
                     "ready", ready,
                     "languages", sandbox_languages_names(&ex->languages),
                     "isolation", sandbox_confine_describe(&ex->confine));

    sandbox_reply_json(req, 200, json);
}


static void
sandbox_server_execute(sandbox_executor_t *ex, struct evhttp_request *req,
    const char *id, size_t len)
{
    int                   rc;
    char                  error[SANDBOX_REPLY_ERROR_MAX];
    sandbox_execution_t  *e;

    rc = sandbox_execution_admit(ex, evhttp_request_get_input_buffer(req), &e,
                                 error, sizeof(error));

    if (rc != 200) {
        sandbox_reply_error(req, rc, "%s", error);
        return;
    }

    /* without memory to wait with it goes on as an async one */

    if (e->sync && sandbox_waiter_start(e, req) == SANDBOX_OK) {
        return;
    }

    sandbox_reply_json(req, 202, json_pack("{s:s, s:s}",
                                           "execution_id", e->id,
                                           "status",
                                           sandbox_server_state(e)));
}


static void
sandbox_server_show(sandbox_executor_t *ex, struct evhttp_request *req,
    const char *id, size_t len)
{
    sandbox_execution_t  *e;

    e = sandbox_execution_find(ex, id, len);

    if (e == NULL) {
        sandbox_reply_error(req, 404, "no such execution is known");
        return;
    }

    sandbox_reply_json(req, 200, json_pack("{s:s, s:i, s:s}",
                                           "execution_id", e->id,
                                           "attempt", (int) e->attempt,
                                           "state", sandbox_server_state(e)));
}


/* whoever gives an attempt up must know that it does not begin after that */

static void
sandbox_server_fence(sandbox_executor_t *ex, struct evhttp_request *req,
    const char *id, size_t len)
{
    unsigned  attempt;

    if (sandbox_server_attempt(req, &attempt) != SANDBOX_OK) {
        return;
    }

    sandbox_execution_fence(ex, id, len,
                            attempt ? attempt : SANDBOX_ATTEMPT_MAX);

    sandbox_server_show(ex, req, id, len);
}


static void
sandbox_server_events(sandbox_executor_t *ex, struct evhttp_request *req,
    const char *id, size_t len)
{
    int                   rc;
    char                  error[SANDBOX_REPLY_ERROR_MAX];
    sandbox_execution_t  *e;

    e = sandbox_execution_find(ex, id, len);

    if (e == NULL) {
        sandbox_reply_error(req, 404, "no such execution is known");
        return;
    }

    rc = sandbox_stream_start(e, req, error, sizeof(error));

    if (rc != 200) {
        sandbox_reply_error(req, rc, "%s", error);
    }
}


static void
sandbox_server_install(sandbox_executor_t *ex, struct evhttp_request *req,
    const char *id, size_t len)
{
    int   rc;
    char  error[SANDBOX_REPLY_ERROR_MAX];

    rc = sandbox_install_admit(ex, evhttp_request_get_input_buffer(req),
                               error, sizeof(error));

    if (rc != 202) {
        sandbox_reply_error(req, rc, "%s", error);
        return;
    }

    sandbox_reply_json(req, 202, json_pack("{s:s}", "status", "installing"));
}


static const char *
sandbox_server_state(const sandbox_execution_t *e)
{
    switch (e->state) {

    case SANDBOX_EXECUTION_QUEUED:
        return "queued";

    case SANDBOX_EXECUTION_ENDED:
        return "ended";

    default:
        return "running";
    }
}


static void
sandbox_server_ack(sandbox_executor_t *ex, struct evhttp_request *req,
    const char *id, size_t len)
{
    unsigned              attempt;
    sandbox_execution_t  *e;

    if (sandbox_server_attempt(req, &attempt) != SANDBOX_OK) {
        return;
    }

    e = sandbox_execution_find(ex, id, len);

    /* nothing can be forgotten of one that still runs */

    if (e != NULL && e->state == SANDBOX_EXECUTION_ENDED
        && (attempt == 0 || attempt == e->attempt))
    {
        sandbox_execution_forget(e);
    }

    sandbox_reply(req, 204);
}


static void
sandbox_server_cancel(sandbox_executor_t *ex, struct evhttp_request *req,
    const char *id, size_t len)
{
    sandbox_execution_t  *e;

    e = sandbox_execution_find(ex, id, len);

    if (e == NULL) {
        /* it may be on its way */
        sandbox_execution_fence(ex, id, len, SANDBOX_ATTEMPT_MAX);
    }

    if (e == NULL || sandbox_execution_cancel(e) != SANDBOX_OK) {
        sandbox_reply_error(req, 404, "no such execution runs");
        return;
    }

    sandbox_reply(req, 204);
}


/* 0: any; SANDBOX_ERROR: it is none, and that is answered */

static int
sandbox_server_attempt(struct evhttp_request *req, unsigned *ret_attempt)
{
    const char       *query;
    sandbox_query_t   fields[] = { { "attempt", UINT64_MAX }, { NULL, 0 } };

    query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(req));

    if (sandbox_query_parse(query, fields)) {

        if (fields[0].value == UINT64_MAX) {
            *ret_attempt = 0;
            return SANDBOX_OK;
        }

        if (fields[0].value >= 1 && fields[0].value <= SANDBOX_ATTEMPT_MAX) {
            *ret_attempt = fields[0].value;
            return SANDBOX_OK;
        }
    }

    sandbox_reply_error(req, 400, "attempt must be 1 to %u, and all that is "
                        "given", SANDBOX_ATTEMPT_MAX);

    return SANDBOX_ERROR;
}
