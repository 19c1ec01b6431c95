
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Who waits for the result of an execution on the connection that asked for it.
 * libevent does not read meanwhile, so a client that goes away is noticed when
 * it is answered: then, or when no ack follows, the result is reported on the
 * other way.
 */


#include <stdlib.h>
#include "reply.h"
#include "waiter.h"


/* lives from the request's arrival until its answer has left or broke */
typedef struct {
    struct evhttp_request     *request;
    struct evhttp_connection  *connection;  /* NULL: it broke */
    sandbox_execution_t       *execution;
    unsigned                   answered:1;
} sandbox_waiter_t;


static void sandbox_waiter_answer(sandbox_execution_t *e);
static void sandbox_waiter_answered_handler(struct evhttp_request *req,
    void *data);
static void sandbox_waiter_closed_handler(struct evhttp_connection *c,
    void *data);
static void sandbox_waiter_forget(sandbox_execution_t *e);


int
sandbox_waiter_start(sandbox_execution_t *e, struct evhttp_request *req)
{
    sandbox_waiter_t  *w;

    w = calloc(1, sizeof(sandbox_waiter_t));
    if (w == NULL) {
        return SANDBOX_ERROR;
    }

    w->request = req;
    w->connection = evhttp_request_get_connection(req);
    w->execution = e;

    e->done = sandbox_waiter_answer;
    e->gone = sandbox_waiter_forget;
    e->data = w;

    evhttp_connection_set_closecb(w->connection,
                                  sandbox_waiter_closed_handler, w);

    return SANDBOX_OK;
}


static void
sandbox_waiter_answer(sandbox_execution_t *e)
{
    sandbox_waiter_t        *w = e->data;

    struct evbuffer         *out;
    struct evhttp_request   *req;

    req = w->request;
    out = evhttp_request_get_output_buffer(req);

    if (e->dropped) {
        sandbox_waiter_forget(e);
        sandbox_reply_error(req, 409, "a newer attempt was asked for");
        return;
    }

    if (w->connection == NULL || e->body == NULL
        || evbuffer_add_buffer_reference(out, e->body) == -1)
    {
        /* a broken connection's request is only freed by this */

        sandbox_waiter_forget(e);
        sandbox_reply_error(req, 500, "the result cannot be sent");
        sandbox_execution_report(e);
        return;
    }

    w->answered = 1;

    evhttp_add_header(evhttp_request_get_output_headers(req),
                      "Content-Type", "application/vnd.ngx-sandbox.result");
    evhttp_request_set_on_complete_cb(req, sandbox_waiter_answered_handler,
                                      w);

    sandbox_reply(req, 200);
}


/* the last byte was written; the ack comes on whatever connection */

static void
sandbox_waiter_answered_handler(struct evhttp_request *req, void *data)
{
    sandbox_waiter_t     *w = data;

    sandbox_execution_t  *e;

    e = w->execution;

    sandbox_waiter_forget(e);
    sandbox_execution_answered(e);
}


static void
sandbox_waiter_closed_handler(struct evhttp_connection *c, void *data)
{
    sandbox_waiter_t     *w = data;

    sandbox_execution_t  *e;

    w->connection = NULL;

    if (w->answered) {
        e = w->execution;

        sandbox_waiter_forget(e);
        sandbox_execution_report(e);
    }
}


static void
sandbox_waiter_forget(sandbox_execution_t *e)
{
    sandbox_waiter_t  *w = e->data;

    if (w == NULL) {
        return;
    }

    e->data = NULL;

    if (w->connection != NULL) {
        evhttp_connection_set_closecb(w->connection, NULL, NULL);
        evhttp_request_set_on_complete_cb(w->request, NULL, NULL);
    }

    free(w);
}
