
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * What becomes of a result: it is kept until the control plane says that it
 * has stored it, and told again when it does not say so.
 */


#include <stdio.h>
#include <string.h>
#include "execution.h"


static void sandbox_execution_reported(void *data, int rc);


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

    memset(&conf, 0, sizeof(conf));

    conf.path = e->report_path;
    conf.key = e->report_key;
    conf.content_type = "application/vnd.ngx-sandbox.result";
    conf.body = e->body;
    conf.delays_ms = sandbox_report_result_delays;
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
    sandbox_executor_t  *ex;

    ex = e->executor;

    ex->held--;
    ex->held_bytes -= e->body ? evbuffer_get_length(e->body) : 0;

    TAILQ_REMOVE(&ex->executions, e, link);

    sandbox_execution_free(e);
}
