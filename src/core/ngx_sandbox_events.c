
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The iterator over an output's shape.  A token may stand for many records; it
 * is read once, and those that are not asked for are skipped by arithmetic.
 * The text comes out of a sandbox: every number is bounded before it is used.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox.h"
#include "ngx_sandbox_events.h"


/* of bytes and of records; sums of two do not overflow */
#define NGX_SANDBOX_EVENTS_NUMBER_MAX  1000000000000000ULL


static ngx_int_t ngx_sandbox_events_token(ngx_sandbox_events_t *events,
    ngx_sandbox_event_t *gap);
static ngx_int_t ngx_sandbox_events_kept(ngx_sandbox_events_t *events,
    uint64_t len);
static ngx_int_t ngx_sandbox_events_gap(ngx_sandbox_events_t *events,
    uint64_t len, ngx_sandbox_event_t *gap);
static ngx_int_t ngx_sandbox_events_count(ngx_sandbox_events_t *events,
    uint64_t count);
static ngx_int_t ngx_sandbox_events_number(ngx_sandbox_events_t *events,
    uint64_t *ret);


void
ngx_sandbox_events_init(ngx_sandbox_events_t *events, const ngx_str_t *text,
    uint64_t after)
{
    ngx_memzero(events, sizeof(ngx_sandbox_events_t));

    events->p = text->data;
    events->last = text->data + text->len;
    events->after = after;
}


ngx_int_t
ngx_sandbox_events_next(ngx_sandbox_events_t *events,
    ngx_sandbox_event_t *ret)
{
    ngx_int_t  rc;

    while (events->left == 0) {

        if (events->p == events->last) {
            return NGX_DONE;
        }

        rc = ngx_sandbox_events_token(events, ret);

        if (rc != NGX_AGAIN) {
            return rc;
        }
    }

    ret->number = ++events->number;
    ret->stream = events->stream;
    ret->offset = events->offset[events->stream];
    ret->len = events->len;
    ret->gap = 0;

    events->offset[events->stream] += events->len;
    events->left--;

    return NGX_OK;
}


/* NGX_AGAIN: it was no gap, or one that nobody asks for */

static ngx_int_t
ngx_sandbox_events_token(ngx_sandbox_events_t *events,
    ngx_sandbox_event_t *gap)
{
    u_char    type;
    uint64_t  len;

    if (events->end) {
        return NGX_ERROR;
    }

    if (events->number) {
        if (*events->p++ != ' ' || events->p == events->last) {
            return NGX_ERROR;
        }
    }

    type = *events->p++;
    len = 0;

    events->stream = (type == 'o' || type == 'O') ? NGX_SANDBOX_EVENTS_STDOUT
                                                  : NGX_SANDBOX_EVENTS_STDERR;

    if (type != '-' && ngx_sandbox_events_number(events, &len) != NGX_OK) {
        return NGX_ERROR;
    }

    switch (type) {

    case 'o':
    case 'e':
        return ngx_sandbox_events_kept(events, len);

    case '-':
        events->stream = NGX_SANDBOX_EVENTS_UNKNOWN;
        events->end = 1;

        /* fall through */

    case 'O':
    case 'E':
        return ngx_sandbox_events_gap(events, len, gap);

    default:
        return NGX_ERROR;
    }
}


static ngx_int_t
ngx_sandbox_events_kept(ngx_sandbox_events_t *events, uint64_t len)
{
    uint64_t  count, skip;

    count = 1;

    if (events->p < events->last && *events->p == '*') {
        events->p++;

        if (ngx_sandbox_events_number(events, &count) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (len > NGX_SANDBOX_OUTPUT_MAX || count > NGX_SANDBOX_OUTPUT_MAX
        || len * count > NGX_SANDBOX_OUTPUT_MAX
                         - events->offset[events->stream]
        || ngx_sandbox_events_count(events, count) != NGX_OK)
    {
        return NGX_ERROR;
    }

    skip = (events->after > events->number) ? events->after - events->number
                                            : 0;
    skip = ngx_min(skip, count);

    events->number += skip;
    events->offset[events->stream] += skip * len;
    events->left = count - skip;
    events->len = len;

    return NGX_AGAIN;
}


static ngx_int_t
ngx_sandbox_events_gap(ngx_sandbox_events_t *events, uint64_t len,
    ngx_sandbox_event_t *gap)
{
    uint64_t  count;

    if (events->p == events->last || *events->p++ != 'x'
        || ngx_sandbox_events_number(events, &count) != NGX_OK
        || ngx_sandbox_events_count(events, count) != NGX_OK)
    {
        return NGX_ERROR;
    }

    events->number += count;

    if (events->number <= events->after) {
        return NGX_AGAIN;
    }

    gap->number = events->number;
    gap->stream = events->stream;
    gap->offset = 0;
    gap->len = len;
    gap->gap = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_events_count(ngx_sandbox_events_t *events, uint64_t count)
{
    return (count <= NGX_SANDBOX_EVENTS_NUMBER_MAX - events->number)
           ? NGX_OK : NGX_ERROR;
}


/* 1 and more, written one way only */

static ngx_int_t
ngx_sandbox_events_number(ngx_sandbox_events_t *events, uint64_t *ret)
{
    uint64_t  n;

    if (events->p == events->last || *events->p < '1' || *events->p > '9') {
        return NGX_ERROR;
    }

    for (n = 0;
         events->p < events->last && *events->p >= '0' && *events->p <= '9';
         events->p++)
    {
        n = n * 10 + (*events->p - '0');

        if (n > NGX_SANDBOX_EVENTS_NUMBER_MAX) {
            return NGX_ERROR;
        }
    }

    *ret = n;

    return NGX_OK;
}


ngx_int_t
ngx_sandbox_events_check(const ngx_str_t *text, const ngx_str_t *stdout_text,
    const ngx_str_t *stderr_text)
{
    ngx_int_t              rc;
    const ngx_str_t       *output[2];
    ngx_sandbox_event_t    event;
    ngx_sandbox_events_t   events;

    output[NGX_SANDBOX_EVENTS_STDOUT] = stdout_text;
    output[NGX_SANDBOX_EVENTS_STDERR] = stderr_text;

    if (text->len > NGX_SANDBOX_EVENTS_MAX) {
        return NGX_DECLINED;
    }

    ngx_sandbox_events_init(&events, text, 0);

    while ((rc = ngx_sandbox_events_next(&events, &event)) == NGX_OK) {

        if (event.gap) {
            continue;
        }

        if (event.offset + event.len > output[event.stream]->len) {
            return NGX_DECLINED;
        }

        /* its end is the start of another, or of what no record holds */

        if (event.offset + event.len < output[event.stream]->len
            && (output[event.stream]->data[event.offset + event.len] & 0xc0)
               == 0x80)
        {
            return NGX_DECLINED;
        }
    }

    return (rc == NGX_DONE) ? NGX_OK : NGX_DECLINED;
}
