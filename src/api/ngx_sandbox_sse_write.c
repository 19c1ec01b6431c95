
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Events as text.  An event has three parts, its beginning, its data and its
 * end, and is written to a buffer of fixed size, as much as fits; the next one
 * is asked for only when it is all there.  So however much the code writes, and
 * whatever it becomes as JSON, a stream holds no more than that.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_sandbox_events.h"
#include "ngx_sandbox_sse.h"


/* the longest escape, "\u001f" */
#define NGX_SANDBOX_SSE_ESCAPE  6


static ngx_uint_t ngx_sandbox_sse_parts(ngx_sandbox_sse_t *s);
static ngx_uint_t ngx_sandbox_sse_part(ngx_sandbox_sse_t *s, ngx_str_t *text,
    ngx_uint_t escaped);
static u_char *ngx_sandbox_sse_escape(u_char *p, u_char c);
static void ngx_sandbox_sse_begin(ngx_sandbox_sse_t *s,
    ngx_sandbox_watch_event_t *ev);
static u_char *ngx_sandbox_sse_name(u_char *p, uint64_t id, char *name);
static u_char *ngx_sandbox_sse_gap(u_char *p, ngx_sandbox_watch_event_t *ev);
static void ngx_sandbox_sse_json(ngx_sandbox_sse_t *s,
    ngx_sandbox_watch_event_t *ev, char *name);


static ngx_str_t  ngx_sandbox_sse_end = ngx_string("\n\n");
static ngx_str_t  ngx_sandbox_sse_text_end = ngx_string("\"}\n\n");


void
ngx_sandbox_sse_write(ngx_sandbox_sse_t *s)
{
    ngx_int_t                   rc;
    ngx_buf_t                  *b;
    ngx_sandbox_watch_event_t   ev;

    b = s->buf;

    b->pos = b->start;
    b->last = b->start;

    for ( ;; ) {

        if (!ngx_sandbox_sse_parts(s)) {
            return;
        }

        /* between two events; it is the first that is written */

        if (s->comment) {
            s->comment = 0;
            b->last = ngx_cpymem(b->last, ":\n\n", 3);
        }

        if (b->end - b->last < (ptrdiff_t) sizeof(s->head)) {
            return;
        }

        rc = ngx_sandbox_watch_next(&s->watch, &ev);

        if (rc == NGX_OK) {
            ngx_sandbox_sse_begin(s, &ev);
            continue;
        }

        s->finished = (rc == NGX_DONE);

        return;
    }
}


/* 0: there is no room for all of it */

static ngx_uint_t
ngx_sandbox_sse_parts(ngx_sandbox_sse_t *s)
{
    for ( /* void */ ; s->part < NGX_SANDBOX_SSE_PARTS; s->part++) {

        if (!ngx_sandbox_sse_part(s, &s->parts[s->part],
                                  s->part == 1 && s->escaped))
        {
            return 0;
        }

        s->pos = 0;
    }

    return s->buf->end - s->buf->last >= 3;
}


/* a line feed in JSON is white space, and would end the field */

static ngx_uint_t
ngx_sandbox_sse_part(ngx_sandbox_sse_t *s, ngx_str_t *text, ngx_uint_t escaped)
{
    u_char  *p, *last, *dst, *end;

    p = text->data + s->pos;
    last = text->data + text->len;
    dst = s->buf->last;
    end = s->buf->end - (escaped ? NGX_SANDBOX_SSE_ESCAPE - 1 : 0);

    while (p < last && dst < end) {

        if (escaped && (*p < 0x20 || *p == '"' || *p == '\\')) {
            dst = ngx_sandbox_sse_escape(dst, *p++);
            continue;
        }

        *dst = (s->part == 1 && (*p == LF || *p == CR)) ? ' ' : *p;

        p++;
        dst++;
    }

    s->pos = p - text->data;
    s->buf->last = dst;

    return p == last;
}


static u_char *
ngx_sandbox_sse_escape(u_char *p, u_char c)
{
    *p++ = '\\';

    switch (c) {

    case '"':
    case '\\':
        *p++ = c;
        return p;

    case LF:
        *p++ = 'n';
        return p;

    case CR:
        *p++ = 'r';
        return p;

    case '\t':
        *p++ = 't';
        return p;

    default:
        return ngx_sprintf(p, "u%04xi", (ngx_int_t) c);
    }
}


static void
ngx_sandbox_sse_begin(ngx_sandbox_sse_t *s, ngx_sandbox_watch_event_t *ev)
{
    u_char  *p;

    s->part = 0;
    s->pos = 0;
    s->escaped = 0;
    s->parts[0].data = s->head;
    s->parts[1].len = 0;
    s->parts[2] = ngx_sandbox_sse_end;

    p = s->head;

    switch (ev->type) {

    case NGX_SANDBOX_WATCH_STDOUT:
    case NGX_SANDBOX_WATCH_STDERR:
        p = ngx_sandbox_sse_name(p, ev->id,
                                 ev->type == NGX_SANDBOX_WATCH_STDOUT
                                 ? "stdout" : "stderr");
        p = ngx_sprintf(p, "{\"text\":\"");
        s->escaped = 1;
        s->parts[1] = ev->text;
        s->parts[2] = ngx_sandbox_sse_text_end;
        break;

    case NGX_SANDBOX_WATCH_GAP:
        p = ngx_sandbox_sse_gap(ngx_sandbox_sse_name(p, ev->id, "gap"), ev);
        break;

    case NGX_SANDBOX_WATCH_RETRY:
        p = ngx_sprintf(ngx_sandbox_sse_name(p, ev->id, "retry"),
                        "{\"attempt\":%i}", ev->attempt);
        break;

    case NGX_SANDBOX_WATCH_RESULT:
        s->over = 1;
        ngx_sandbox_sse_json(s, ev, "result");
        return;

    case NGX_SANDBOX_WATCH_ERROR:
        ngx_sandbox_sse_json(s, ev, "error");
        return;

    case NGX_SANDBOX_WATCH_DONE:
        s->over = 1;
        p = ngx_sprintf(ngx_sandbox_sse_name(p, ev->id, "done"), "{}");
        break;
    }

    s->parts[0].len = p - s->head;
}


static u_char *
ngx_sandbox_sse_name(u_char *p, uint64_t id, char *name)
{
    if (id) {
        p = ngx_sprintf(p, "id: %uL\n", id);
    }

    return ngx_sprintf(p, "event: %s\ndata: ", name);
}


static u_char *
ngx_sandbox_sse_gap(u_char *p, ngx_sandbox_watch_event_t *ev)
{
    if (ev->stream == NGX_SANDBOX_EVENTS_UNKNOWN) {
        return ngx_sprintf(p, "{\"stream\":null,\"bytes\":null}");
    }

    return ngx_sprintf(p, "{\"stream\":\"%s\",\"bytes\":%uL}",
                       ev->stream == NGX_SANDBOX_EVENTS_STDOUT ? "stdout"
                                                               : "stderr",
                       ev->bytes);
}


/* the text lives as long as the row that it is made of */

static void
ngx_sandbox_sse_json(ngx_sandbox_sse_t *s, ngx_sandbox_watch_event_t *ev,
    char *name)
{
    uint64_t              id;
    ngx_int_t             rc;
    ngx_sandbox_json_t    json;
    ngx_sandbox_error_t   error;

    id = ev->id;

    if (ev->type == NGX_SANDBOX_WATCH_RESULT) {
        ngx_sandbox_json_init(&json, s->watch.pool, 4096);
        ngx_sandbox_render_execution(&json, ev->row, 1);

        rc = ngx_sandbox_json_finish(&json, &s->parts[1]);

    } else {
        rc = ngx_sandbox_api_error(s->request, ev->error, &s->parts[1]);
    }

    if (rc != NGX_OK) {
        ngx_memzero(&error, sizeof(ngx_sandbox_error_t));
        error.id = NGX_SANDBOX_INTERNAL_ERROR;
        name = "error";
        id = 0;

        if (ngx_sandbox_api_error(s->request, &error, &s->parts[1])
            != NGX_OK)
        {
            ngx_str_set(&s->parts[1], "{}");
        }
    }

    s->parts[0].len = ngx_sandbox_sse_name(s->head, id, name) - s->head;
}
