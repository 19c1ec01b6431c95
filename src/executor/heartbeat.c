
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Tells the control plane, while there is an execution, which ones there are.
 * The first time after a while, so that short ones cost nothing.  What it
 * answers does not matter, and what does not arrive is not repeated: the next
 * one comes soon.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "execution.h"
#include "heartbeat.h"


#define SANDBOX_HEARTBEAT_S        5
#define SANDBOX_HEARTBEAT_LIMIT_S  4    /* it is over before the next one */


struct sandbox_heartbeat_s {
    struct event      *timer;
    sandbox_report_t  *report;      /* NULL: none is under way */
    struct evbuffer   *body;        /* of the report */
    char               path[SANDBOX_ID_MAX + 64];
};


static void sandbox_heartbeat_handler(evutil_socket_t fd, short what,
    void *data);
static struct evbuffer *sandbox_heartbeat_body(sandbox_executor_t *ex);
static void sandbox_heartbeat_done(void *data, int rc);


int
sandbox_heartbeat_create(sandbox_executor_t *ex)
{
    sandbox_heartbeat_t  *h;

    h = calloc(1, sizeof(sandbox_heartbeat_t));
    if (h == NULL) {
        return SANDBOX_ERROR;
    }

    h->timer = event_new(ex->base, -1, EV_PERSIST, sandbox_heartbeat_handler,
                         ex);

    if (h->timer == NULL) {
        free(h);
        return SANDBOX_ERROR;
    }

    snprintf(h->path, sizeof(h->path), "/internal/sessions/%s/heartbeat",
             ex->bootstrap.session_id);

    ex->heartbeat = h;

    return SANDBOX_OK;
}


void
sandbox_heartbeat_begin(sandbox_executor_t *ex)
{
    struct timeval  interval = { SANDBOX_HEARTBEAT_S, 0 };

    if (!event_pending(ex->heartbeat->timer, EV_TIMEOUT, NULL)) {
        event_add(ex->heartbeat->timer, &interval);
    }
}


void
sandbox_heartbeat_end(sandbox_executor_t *ex)
{
    if (TAILQ_EMPTY(&ex->executions)) {
        event_del(ex->heartbeat->timer);
    }
}


static void
sandbox_heartbeat_handler(evutil_socket_t fd, short what, void *data)
{
    sandbox_executor_t     *ex = data;

    sandbox_heartbeat_t    *h;
    sandbox_report_conf_t   conf;

    h = ex->heartbeat;

    /* the loop was held up: it has not been able to see the limit */

    if (h->report != NULL) {
        sandbox_report_cancel(h->report);
        sandbox_heartbeat_done(h, SANDBOX_ERROR);
    }

    h->body = sandbox_heartbeat_body(ex);

    if (h->body == NULL) {
        return;
    }

    memset(&conf, 0, sizeof(conf));

    conf.path = h->path;
    conf.content_type = "application/json";
    conf.body = h->body;
    conf.limit_s = SANDBOX_HEARTBEAT_LIMIT_S;
    conf.once = 1;
    conf.done = sandbox_heartbeat_done;
    conf.data = h;

    h->report = sandbox_report_start(ex, &conf);

    if (h->report == NULL) {
        sandbox_heartbeat_done(h, SANDBOX_ERROR);
    }
}


/* NULL: no memory, or nothing to tell */

static struct evbuffer *
sandbox_heartbeat_body(sandbox_executor_t *ex)
{
    int                   n;
    struct evbuffer      *body;
    sandbox_execution_t  *e;

    body = evbuffer_new();
    if (body == NULL) {
        return NULL;
    }

    n = 0;

    TAILQ_FOREACH(e, &ex->executions, link) {

        if (e->dropped) {
            continue;
        }

        /* an id needs no escapes */

        if (evbuffer_add_printf(body, "%s\"%s.%u\"",
                                n++ ? "," : "{\"executions\":[", e->id,
                                e->attempt)
            < 0)
        {
            n = 0;
            break;
        }
    }

    if (n == 0 || evbuffer_add(body, "]}", 2) == -1) {
        evbuffer_free(body);
        return NULL;
    }

    return body;
}


static void
sandbox_heartbeat_done(void *data, int rc)
{
    sandbox_heartbeat_t  *h = data;

    h->report = NULL;

    evbuffer_free(h->body);
    h->body = NULL;
}
