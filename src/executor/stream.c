
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Somebody who reads the log of an execution while it grows.  A stream has one
 * chunk under way, and makes the next one from the log when that has left: a
 * slow reader costs no memory, and misses what the log has forgotten meanwhile.
 * It holds the log, so it can be read to its end when the execution is
 * forgotten.
 */


#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <event2/bufferevent.h>
#include "events.h"
#include "query.h"
#include "stream.h"


#define SANDBOX_STREAM_TYPE   "application/vnd.ngx-sandbox.events"
#define SANDBOX_STREAM_CHUNK  (256 * 1024)
#define SANDBOX_STREAM_IDLE   10        /* seconds, until a sign of life */

/* what it may send although nobody asked */
#define SANDBOX_STREAM_INPUT  4096

/* one that takes nothing for so long is gone; one that says nothing is not */
#define SANDBOX_STREAM_STALL  60
#define SANDBOX_STREAM_QUIET  (4 * SANDBOX_TIMEOUT_MAX)


typedef struct {
    sandbox_events_watcher_t   watcher;
    sandbox_executor_t        *executor;
    sandbox_events_t          *events;
    sandbox_events_cursor_t    cursor;
    struct evhttp_request     *request;
    struct evhttp_connection  *connection;
    struct evbuffer           *chunk;
    struct event              *event;       /* more, or nothing for long */
    unsigned                   busy:1;      /* a chunk is under way */
} sandbox_stream_t;


static sandbox_stream_t *sandbox_stream_create(sandbox_execution_t *e,
    struct evhttp_request *req);
static void sandbox_stream_open(sandbox_stream_t *s);
static void sandbox_stream_wake(void *data);
static void sandbox_stream_handler(evutil_socket_t fd, short what,
    void *data);
static void sandbox_stream_wait(sandbox_stream_t *s);
static void sandbox_stream_sent_handler(struct evhttp_connection *c,
    void *data);
static void sandbox_stream_closed_handler(struct evhttp_connection *c,
    void *data);
static int sandbox_stream_send(sandbox_stream_t *s);
static void sandbox_stream_finish(sandbox_stream_t *s);
static void sandbox_stream_break(sandbox_stream_t *s);
static void sandbox_stream_free(sandbox_stream_t *s);


int
sandbox_stream_start(sandbox_execution_t *e, struct evhttp_request *req,
    char *error, size_t size)
{
    uint64_t           attempt;
    sandbox_query_t    query[] = { { "after", 0 }, { "attempt", 0 },
                                   { NULL, 0 } };
    sandbox_stream_t  *s;

    if (!sandbox_query_parse(evhttp_uri_get_query(
                                 evhttp_request_get_evhttp_uri(req)),
                             query))
    {
        snprintf(error, size, "after and attempt must be numbers, and all that "
                 "is given");
        return 400;
    }

    attempt = query[1].value;

    if (attempt != 0 && attempt != e->attempt) {
        snprintf(error, size, "what is known of it is attempt %u", e->attempt);
        return 404;
    }

    if (e->events == NULL) {
        snprintf(error, size, "its output is known by its result only");
        return 404;
    }

    if (e->events->watched >= SANDBOX_STREAM_MAX
        || e->executor->streams >= SANDBOX_STREAM_MAX_ALL)
    {
        snprintf(error, size, "%u read it already, and %u in all",
                 e->events->watched, e->executor->streams);
        return 429;
    }

    s = sandbox_stream_create(e, req);

    if (s == NULL) {
        snprintf(error, size, "no memory for a stream");
        return 503;
    }

    sandbox_events_seek(s->events, &s->cursor, query[0].value);
    sandbox_stream_open(s);

    return 200;
}


static sandbox_stream_t *
sandbox_stream_create(sandbox_execution_t *e, struct evhttp_request *req)
{
    sandbox_stream_t  *s;

    s = calloc(1, sizeof(sandbox_stream_t));
    if (s == NULL) {
        return NULL;
    }

    s->chunk = evbuffer_new();
    s->event = evtimer_new(e->executor->base, sandbox_stream_handler, s);

    if (s->chunk == NULL || s->event == NULL) {
        if (s->chunk != NULL) {
            evbuffer_free(s->chunk);
        }

        if (s->event != NULL) {
            event_free(s->event);
        }

        free(s);
        return NULL;
    }

    s->executor = e->executor;
    s->events = e->events;
    s->request = req;
    s->connection = evhttp_request_get_connection(req);
    s->watcher.wake = sandbox_stream_wake;
    s->watcher.data = s;

    s->executor->streams++;

    sandbox_events_hold(s->events);
    sandbox_events_watch(s->events, &s->watcher);

    return s;
}


static void
sandbox_stream_open(sandbox_stream_t *s)
{
    struct evkeyvalq    *headers;
    struct timeval       quiet = { SANDBOX_STREAM_QUIET, 0 };
    struct timeval       stall = { SANDBOX_STREAM_STALL, 0 };
    struct bufferevent  *bev;

    evhttp_connection_set_closecb(s->connection,
                                  sandbox_stream_closed_handler, s);

    headers = evhttp_request_get_output_headers(s->request);

    evhttp_add_header(headers, "Content-Type", SANDBOX_STREAM_TYPE);
    evhttp_add_header(headers, "Connection", "close");

    evhttp_send_reply_start(s->request, 200, "OK");

    /* libevent reads on, so who leaves is seen; what it says nobody reads */

    bev = evhttp_connection_get_bufferevent(s->connection);

    bufferevent_setwatermark(bev, EV_READ, 0, SANDBOX_STREAM_INPUT);
    bufferevent_set_timeouts(bev, &quiet, &stall);

    sandbox_stream_wake(s);
}


/* at the next turn of the loop, however often it is called until then */

static void
sandbox_stream_wake(void *data)
{
    sandbox_stream_t  *s = data;

    event_active(s->event, EV_WRITE, 0);
}


static void
sandbox_stream_handler(evutil_socket_t fd, short what, void *data)
{
    sandbox_stream_t  *s = data;

    if (s->busy) {
        /* it goes on when that has left */
        return;
    }

    if (what == EV_TIMEOUT
        && evbuffer_add_printf(s->chunk, "h %" PRIu64 " 0\n\n",
                               s->cursor.number)
           < 0)
    {
        sandbox_stream_break(s);
        return;
    }

    (void) sandbox_stream_send(s);
}


static void
sandbox_stream_sent_handler(struct evhttp_connection *c, void *data)
{
    sandbox_stream_t  *s = data;

    s->busy = 0;

    (void) sandbox_stream_send(s);
}


/* SANDBOX_OK: it is still there */

static int
sandbox_stream_send(sandbox_stream_t *s)
{
    int  rc;

    rc = sandbox_events_read(s->events, &s->cursor, s->chunk,
                             SANDBOX_STREAM_CHUNK);

    if (rc == SANDBOX_OK && s->events->ended) {

        if (evbuffer_add_printf(s->chunk, "z %" PRIu64 " 0\n\n",
                                s->cursor.number)
            >= 0)
        {
            sandbox_stream_finish(s);
            return SANDBOX_REFUSED;
        }

        rc = SANDBOX_ERROR;
    }

    if (rc == SANDBOX_ERROR) {
        sandbox_stream_break(s);
        return SANDBOX_REFUSED;
    }

    if (evbuffer_get_length(s->chunk) != 0) {
        s->busy = 1;

        evhttp_send_reply_chunk_with_cb(s->request, s->chunk,
                                        sandbox_stream_sent_handler, s);
    }

    sandbox_stream_wait(s);

    return SANDBOX_OK;
}


static void
sandbox_stream_wait(sandbox_stream_t *s)
{
    struct timeval  idle = { SANDBOX_STREAM_IDLE, 0 };

    event_add(s->event, &idle);
}


/* the server has the connection again, and closes it */

static void
sandbox_stream_finish(sandbox_stream_t *s)
{
    evhttp_connection_set_closecb(s->connection, NULL, NULL);

    evhttp_send_reply_chunk(s->request, s->chunk);
    evhttp_send_reply_end(s->request);

    sandbox_stream_free(s);
}


/* no memory: better no end than one that looks like one */

static void
sandbox_stream_break(sandbox_stream_t *s)
{
    struct evhttp_connection  *c;

    c = s->connection;

    sandbox_log("no memory for what a stream would send");

    evhttp_connection_set_closecb(c, NULL, NULL);

    sandbox_stream_free(s);

    evhttp_connection_free(c);
}


static void
sandbox_stream_closed_handler(struct evhttp_connection *c, void *data)
{
    sandbox_stream_t       *s = data;

    struct evhttp_request  *req;

    req = s->request;

    sandbox_stream_free(s);

    /* the connection has let go of it, and nobody else has it */

    if (evhttp_request_get_connection(req) == NULL) {
        evhttp_request_free(req);
    }
}


static void
sandbox_stream_free(sandbox_stream_t *s)
{
    s->executor->streams--;

    sandbox_events_unwatch(s->events, &s->watcher);
    sandbox_events_release(s->events);

    event_free(s->event);
    evbuffer_free(s->chunk);

    free(s);
}
