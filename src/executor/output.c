
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Belongs to one execution and dies with it.  A child that outlived its
 * execution may still hold the other end: the last read therefore never
 * waits for the end of the file.
 */


#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "executor.h"
#include "output.h"


#define SANDBOX_OUTPUT_CHUNK  65536     /* what a pipe holds by default */
#define SANDBOX_OUTPUT_FIRST  4096
#define SANDBOX_OUTPUT_TURN   8         /* chunks before others have a turn */

/* a pipe can be made to hold 1 MiB; beyond that somebody still writes */
#define SANDBOX_OUTPUT_LAST   (2 * 1024 * 1024 / SANDBOX_OUTPUT_CHUNK)


static void sandbox_output_handler(evutil_socket_t fd, short what, void *data);
static int sandbox_output_read(sandbox_output_t *o, unsigned chunks);
static void sandbox_output_close(sandbox_output_t *o);
static void sandbox_output_feed_raw(sandbox_output_t *o, const u_char *p,
    size_t n);
static size_t sandbox_output_ascii(const u_char *p, size_t n);
static void sandbox_output_feed_text(sandbox_output_t *o, u_char ch);
static void sandbox_output_replace(sandbox_output_t *o, size_t raw);
static void sandbox_output_record(sandbox_output_t *o, const void *p,
    size_t n, size_t raw);
static void sandbox_output_end_record(sandbox_output_t *o);
static void sandbox_output_put(sandbox_output_t *o, const void *p, size_t n,
    size_t raw);
static int sandbox_output_reserve(sandbox_output_t *o, size_t n);


/* one for all: it is never in use across a return to the loop */
static u_char  sandbox_output_buffer[SANDBOX_OUTPUT_CHUNK];

/* so is the record that is being made */
static u_char  sandbox_output_text[SANDBOX_EVENTS_RECORD_MAX];
static size_t  sandbox_output_text_len;


void
sandbox_output_init(sandbox_output_t *o, size_t limit, unsigned text)
{
    memset(o, 0, sizeof(sandbox_output_t));

    o->fd = -1;
    o->limit = limit;
    o->text = text;
}


void
sandbox_output_log(sandbox_output_t *o, sandbox_events_t *log,
    unsigned stream)
{
    o->log = log;
    o->stream = stream;
}


int
sandbox_output_open(sandbox_output_t *o, struct event_base *base, int fd)
{
    o->fd = fd;

    if (fcntl(fd, F_SETFL, O_NONBLOCK) == -1) {
        goto failed;
    }

    o->event = event_new(base, fd, EV_READ|EV_PERSIST, sandbox_output_handler,
                         o);

    if (o->event == NULL || event_add(o->event, NULL) == -1) {
        goto failed;
    }

    return SANDBOX_OK;

failed:

    sandbox_output_close(o);

    return SANDBOX_ERROR;
}


static void
sandbox_output_handler(evutil_socket_t fd, short what, void *data)
{
    sandbox_output_t  *o = data;

    if (sandbox_output_read(o, SANDBOX_OUTPUT_TURN) != SANDBOX_AGAIN) {
        sandbox_output_close(o);
    }
}


/* SANDBOX_AGAIN: the other end is open; SANDBOX_OK: it is not */

static int
sandbox_output_read(sandbox_output_t *o, unsigned chunks)
{
    ssize_t  n;

    while (chunks--) {
        n = read(o->fd, sandbox_output_buffer, SANDBOX_OUTPUT_CHUNK);

        if (n > 0) {
            sandbox_output_feed(o, sandbox_output_buffer, n);
            continue;
        }

        if (n == 0) {
            return SANDBOX_OK;
        }

        if (errno != EINTR) {
            return errno == EAGAIN ? SANDBOX_AGAIN : SANDBOX_ERROR;
        }
    }

    return SANDBOX_AGAIN;
}


void
sandbox_output_finish(sandbox_output_t *o)
{
    if (o->fd != -1) {
        (void) sandbox_output_read(o, SANDBOX_OUTPUT_LAST);
        sandbox_output_close(o);
    }

    sandbox_output_flush(o);
}


static void
sandbox_output_close(sandbox_output_t *o)
{
    if (o->event != NULL) {
        event_free(o->event);
        o->event = NULL;
    }

    if (o->fd != -1) {
        close(o->fd);
        o->fd = -1;
    }
}


void
sandbox_output_free(sandbox_output_t *o)
{
    sandbox_output_close(o);

    free(o->data);
    o->data = NULL;
}


void
sandbox_output_feed(sandbox_output_t *o, const u_char *p, size_t n)
{
    size_t  i, run;

    if (o->full && o->log == NULL) {
        o->dropped += n;
        return;
    }

    if (!o->text) {
        sandbox_output_feed_raw(o, p, n);
        return;
    }

    for (i = 0; i < n; i += run) {

        run = o->utf8.need ? 0 : sandbox_output_ascii(p + i, n - i);

        if (run) {
            /* each of it is a character of its own */
            sandbox_output_record(o, p + i, run, run);
            continue;
        }

        sandbox_output_feed_text(o, p[i]);
        run = 1;
    }

    sandbox_output_end_record(o);
}


/* to the last byte that fits */

static void
sandbox_output_feed_raw(sandbox_output_t *o, const u_char *p, size_t n)
{
    size_t  i;

    i = o->limit - o->len;

    if (o->full || i > n) {
        i = o->full ? 0 : n;
    }

    sandbox_output_put(o, p, i, i);

    if (i < n) {
        o->full = 1;
        o->dropped += n - i;
    }
}


/* how much of it has no byte that needs a look, and goes into one record */

static size_t
sandbox_output_ascii(const u_char *p, size_t n)
{
    size_t    i, room;
    uint64_t  word;

    room = SANDBOX_EVENTS_RECORD_MAX - sandbox_output_text_len;

    if (room == 0) {
        room = SANDBOX_EVENTS_RECORD_MAX;
    }

    if (n > room) {
        n = room;
    }

    for (i = 0; n - i >= sizeof(word); i += sizeof(word)) {
        memcpy(&word, p + i, sizeof(word));

        if (word & 0x8080808080808080ull) {
            break;
        }
    }

    while (i < n && p[i] < 0x80) {
        i++;
    }

    return i;
}


static void
sandbox_output_feed_text(sandbox_output_t *o, u_char ch)
{
    switch (sandbox_utf8_feed(&o->utf8, ch)) {

    case SANDBOX_UTF8_MORE:
        return;

    case SANDBOX_UTF8_DONE:
        sandbox_output_record(o, o->utf8.buf, o->utf8.have, o->utf8.have);
        o->utf8.have = 0;
        return;

    case SANDBOX_UTF8_BAD:
        o->utf8.have = 0;
        sandbox_output_replace(o, 1);
        return;

    default: /* SANDBOX_UTF8_BROKEN */
        sandbox_output_replace(o, o->utf8.have);
        o->utf8.have = 0;
        sandbox_output_feed_text(o, ch);
    }
}


void
sandbox_output_flush(sandbox_output_t *o)
{
    if (o->utf8.have == 0) {
        return;
    }

    sandbox_output_replace(o, o->utf8.have);
    sandbox_output_end_record(o);

    o->utf8.have = 0;
    o->utf8.need = 0;
}


static void
sandbox_output_replace(sandbox_output_t *o, size_t raw)
{
    sandbox_output_record(o, SANDBOX_UTF8_REPLACEMENT, 3, raw);

    if (!o->full) {
        o->replaced += raw;
    }
}


/*
 * A character, or a run of those that are a byte each: it is kept, and goes to
 * the log as it is.  A record that is full ends before it, so that it is known
 * whether all of that was kept.
 */

static void
sandbox_output_record(sandbox_output_t *o, const void *p, size_t n,
    size_t raw)
{
    if (o->log != NULL
        && sandbox_output_text_len + n > SANDBOX_EVENTS_RECORD_MAX)
    {
        sandbox_output_end_record(o);
    }

    if (*(const u_char *) p < 0x80) {
        sandbox_output_feed_raw(o, p, n);

    } else {
        sandbox_output_put(o, p, n, raw);
    }

    if (o->log != NULL) {
        memcpy(sandbox_output_text + sandbox_output_text_len, p, n);
        sandbox_output_text_len += n;
    }
}


static void
sandbox_output_end_record(sandbox_output_t *o)
{
    if (o->log == NULL || sandbox_output_text_len == 0) {
        return;
    }

    sandbox_events_add(o->log, o->stream, sandbox_output_text,
                       sandbox_output_text_len, !o->full);

    sandbox_output_text_len = 0;
}


/* "raw" is what the n bytes were when they were written */

static void
sandbox_output_put(sandbox_output_t *o, const void *p, size_t n, size_t raw)
{
    if (n == 0) {
        return;
    }

    if (o->full || o->limit - o->len < n
        || sandbox_output_reserve(o, n) != SANDBOX_OK)
    {
        /* nothing shorter may slip in behind what did not fit */
        o->full = 1;
        o->dropped += raw;
        return;
    }

    memcpy(o->data + o->len, p, n);
    o->len += n;
}


static int
sandbox_output_reserve(sandbox_output_t *o, size_t n)
{
    u_char  *data;
    size_t   size;

    if (o->size - o->len >= n) {
        return SANDBOX_OK;
    }

    size = o->size ? o->size : SANDBOX_OUTPUT_FIRST;

    while (size - o->len < n) {
        size *= 2;
    }

    data = realloc(o->data, size);
    if (data == NULL) {
        return SANDBOX_ERROR;
    }

    o->data = data;
    o->size = size;

    return SANDBOX_OK;
}
