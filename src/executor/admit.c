
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Who may run: as many executions at a time as the template says, the next
 * ones in the order in which they came, the others not at all.
 */


#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "execution.h"
#include "heartbeat.h"


static int sandbox_execution_check(sandbox_execution_t *e, char *error,
    size_t size);
static int sandbox_execution_check_attempt(sandbox_execution_t *e,
    sandbox_execution_t *older, char *error, size_t size);
static int sandbox_execution_check_folder(sandbox_execution_t *e, char *error,
    size_t size);
static int sandbox_execution_check_places(sandbox_execution_t *e, char *error,
    size_t size);
static sandbox_execution_t *sandbox_execution_create(sandbox_executor_t *ex,
    struct evbuffer *input);


int
sandbox_execution_admit(sandbox_executor_t *ex, struct evbuffer *input,
    sandbox_execution_t **ret_execution, char *error, size_t size)
{
    int                   rc;
    const char           *text;
    sandbox_execution_t  *e;

    e = sandbox_execution_create(ex, input);

    if (e == NULL) {
        snprintf(error, size, "no memory for an execution");
        return 503;
    }

    text = (const char *) evbuffer_pullup(e->input, -1);

    rc = 400;

    if (sandbox_request_parse(&e->request, text ? text : "",
                              evbuffer_get_length(e->input), error, size)
        == SANDBOX_OK)
    {
        rc = sandbox_execution_check(e, error, size);
    }

    if (rc != 200) {
        sandbox_execution_free(e);
        return rc;
    }

    if (ex->running >= ex->bootstrap.max_executions) {
        e->state = SANDBOX_EXECUTION_QUEUED;
        ex->queued++;
        ex->queued_bytes += evbuffer_get_length(e->input);

    } else if (sandbox_execution_run(e) != SANDBOX_OK) {
        sandbox_execution_free(e);
        snprintf(error, size, "the interpreter cannot be started");
        return 503;
    }

    TAILQ_INSERT_TAIL(&ex->executions, e, link);

    sandbox_heartbeat_begin(ex);

    *ret_execution = e;

    return 200;
}


void
sandbox_execution_fence(sandbox_executor_t *ex, const char *id, size_t len,
    unsigned attempt)
{
    sandbox_execution_t  *e;

    e = sandbox_execution_find(ex, id, len);

    if ((e == NULL || e->attempt < attempt)
        && sandbox_past_attempt(&ex->past, id, len) < attempt)
    {
        sandbox_past_add(&ex->past, id, len, attempt);
    }
}


static sandbox_execution_t *
sandbox_execution_create(sandbox_executor_t *ex, struct evbuffer *input)
{
    sandbox_execution_t  *e;

    e = calloc(1, sizeof(sandbox_execution_t));
    if (e == NULL) {
        return NULL;
    }

    e->executor = ex;
    e->created_ms = sandbox_now_ms();

    sandbox_output_init(&e->out, SANDBOX_OUTPUT_MAX, 1);
    sandbox_output_init(&e->err, SANDBOX_OUTPUT_MAX, 1);
    sandbox_output_init(&e->frame, SANDBOX_RETURN_MAX + SANDBOX_FRAME_MAX, 0);

    e->events = sandbox_events_create();
    e->input = evbuffer_new();

    sandbox_output_log(&e->out, e->events, SANDBOX_EVENTS_OUT);
    sandbox_output_log(&e->err, e->events, SANDBOX_EVENTS_ERR);

    if (e->events == NULL || e->input == NULL
        || evbuffer_add_buffer(e->input, input) == -1)
    {
        sandbox_execution_free(e);
        return NULL;
    }

    return e;
}


/* 200, and everything that an execution needs to know of its request */

static int
sandbox_execution_check(sandbox_execution_t *e, char *error, size_t size)
{
    int                   rc;
    sandbox_executor_t   *ex;
    sandbox_request_t    *r;
    sandbox_execution_t  *older;

    ex = e->executor;
    r = &e->request;

    if (r->attempt <= sandbox_past_attempt(&ex->past, r->id, strlen(r->id)))
    {
        snprintf(error, size, "execution_id %s is over, or given up",
                 r->id);
        return 409;
    }

    older = sandbox_execution_find(ex, r->id, strlen(r->id));

    if (older != NULL) {
        rc = sandbox_execution_check_attempt(e, older, error, size);

        if (rc != 200) {
            return rc;
        }
    }

    e->language = sandbox_languages_find(&ex->languages, r->language);

    if (e->language == NULL) {
        snprintf(error, size, "language is none that this executor knows");
        return 400;
    }

    if (e->language->interpreter == NULL) {
        snprintf(error, size, "no interpreter for %s in this image",
                 r->language);
        return 404;
    }

    rc = sandbox_execution_check_folder(e, error, size);

    if (rc != 200) {
        return rc;
    }

    if (older != NULL) {
        sandbox_execution_drop(older);
    }

    sandbox_execution_set_name(e, r->id, strlen(r->id), r->attempt);

    e->sync = r->sync;
    e->result.timeout = r->timeout;

    return sandbox_execution_check_places(e, error, size);
}


/* 200: it comes after one that has ended, which nobody will ask for */

static int
sandbox_execution_check_attempt(sandbox_execution_t *e,
    sandbox_execution_t *older, char *error, size_t size)
{
    unsigned  attempt;

    attempt = older->attempt;

    if (e->request.attempt <= attempt) {
        snprintf(error, size, "execution_id %s runs or waits for its ack",
                 older->id);
        return 409;
    }

    if (older->state == SANDBOX_EXECUTION_ENDED) {
        return 200;
    }

    /* two of them would work on the same files */

    sandbox_execution_drop(older);

    snprintf(error, size, "attempt %u is being ended", attempt);

    return 409;
}


/* made now, so that its caller learns what is wrong with it */

static int
sandbox_execution_check_folder(sandbox_execution_t *e, char *error,
    size_t size)
{
    int  folder;

    folder = sandbox_interpreter_folder(e->executor->workspace_fd,
                                        e->request.working_directory);

    if (folder == -1) {
        snprintf(error, size, "working_directory cannot be opened: %s",
                 strerror(errno));
        return 400;
    }

    close(folder);

    return 200;
}


static int
sandbox_execution_check_places(sandbox_execution_t *e, char *error,
    size_t size)
{
    sandbox_executor_t  *ex;

    ex = e->executor;

    if (ex->held >= SANDBOX_HELD_MAX
        || ex->held_bytes >= SANDBOX_HELD_MAX_BYTES)
    {
        snprintf(error, size, "%u results wait for their ack", ex->held);
        return 429;
    }

    if (ex->running < ex->bootstrap.max_executions) {
        return 200;
    }

    if (ex->queued >= ex->bootstrap.max_queued
        || ex->queued_bytes >= SANDBOX_QUEUED_MAX_BYTES)
    {
        snprintf(error, size, "%u executions run already, and %u wait",
                 ex->running, ex->queued);
        return 429;
    }

    return 200;
}


sandbox_execution_t *
sandbox_execution_find(sandbox_executor_t *ex, const char *id, size_t len)
{
    sandbox_execution_t  *e;

    TAILQ_FOREACH(e, &ex->executions, link) {
        if (strlen(e->id) == len && memcmp(e->id, id, len) == 0) {
            return e;
        }
    }

    return NULL;
}


void
sandbox_execution_next(sandbox_executor_t *ex)
{
    sandbox_execution_t  *e;

    while (ex->queued && ex->running < ex->bootstrap.max_executions) {

        TAILQ_FOREACH(e, &ex->executions, link) {
            if (e->state == SANDBOX_EXECUTION_QUEUED) {
                break;
            }
        }

        ex->queued--;
        ex->queued_bytes -= evbuffer_get_length(e->input);

        if (sandbox_execution_run(e) != SANDBOX_OK) {
            /* it was accepted: that is its result */
            e->result.ended = SANDBOX_ENDED_NOT_STARTED;

            sandbox_execution_finish(e);
            return;
        }
    }
}
