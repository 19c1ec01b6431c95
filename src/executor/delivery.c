
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * What becomes of a result: it is kept until the control plane says that it
 * has stored it, and told again when it does not say so.  What has to be told
 * is in the spool by then.
 */


#include <stdio.h>
#include <string.h>
#include "execution.h"
#include "heartbeat.h"
#include "spool.h"


static void sandbox_execution_reported(void *data, int rc);
static void sandbox_execution_look_again(evutil_socket_t fd, short what,
    void *data);


void
sandbox_execution_answered(sandbox_execution_t *e)
{
    sandbox_execution_set_timer(e, SANDBOX_ACK_DELAY_MS);
}


void
sandbox_execution_report(sandbox_execution_t *e)
{
    sandbox_report_conf_t  conf;

    if (e->report != NULL) {
        return;
    }

    if (e->body == NULL || e->timer == NULL) {
        sandbox_execution_forget(e);
        return;
    }

    event_del(e->timer);

    sandbox_spool_write(e);

    memset(&conf, 0, sizeof(conf));

    conf.path = e->report_path;
    conf.key = e->report_key;
    conf.content_type = "application/vnd.ngx-sandbox.result";
    conf.body = e->body;
    conf.delays_ms = sandbox_report_result_delays;
    conf.jitter = 1;
    conf.done = sandbox_execution_reported;
    conf.data = e;

    e->report = sandbox_report_start(e->executor, &conf);

    if (e->report == NULL) {
        sandbox_execution_set_timer(e, SANDBOX_ACK_DELAY_MS);
    }
}


/* refused for ever is an ack too: nobody wants it */

static void
sandbox_execution_reported(void *data, int rc)
{
    sandbox_execution_t  *e = data;

    e->report = NULL;

    sandbox_execution_forget(e);
}


void
sandbox_execution_forget(sandbox_execution_t *e)
{
    struct timeval       now = { 0, 0 };
    sandbox_executor_t  *ex;

    ex = e->executor;

    if (e->gone != NULL) {
        e->gone(e);
    }

    sandbox_spool_remove(e);
    sandbox_past_add(&ex->past, e->id, strlen(e->id), e->attempt);

    ex->held--;
    ex->held_bytes -= e->body ? evbuffer_get_length(e->body) : 0;

    TAILQ_REMOVE(&ex->executions, e, link);

    sandbox_execution_free(e);
    sandbox_heartbeat_end(ex);

    if (ex->spool_more
        && event_base_once(ex->base, -1, EV_TIMEOUT,
                           sandbox_execution_look_again, ex, &now)
           == 0)
    {
        ex->spool_more = 0;
    }
}


/* there is room for what had to stay in the spool */

static void
sandbox_execution_look_again(evutil_socket_t fd, short what, void *data)
{
    sandbox_spool_load(data);
}
