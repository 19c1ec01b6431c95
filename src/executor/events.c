
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The log of an execution's output.  In the ring a record is its length and
 * stream in four bytes, then its text; positions only grow, so a reader whose
 * position is behind the tail was overtaken, whatever happened meanwhile.  The
 * writer never looks at readers.
 */


#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "executor.h"
#include "events.h"


#define SANDBOX_EVENTS_RING_FIRST  4096
#define SANDBOX_EVENTS_HEAD        4
#define SANDBOX_EVENTS_FRAME_MAX   (SANDBOX_EVENTS_RECORD_MAX + 64)

/* records that were dropped, and of which the length is still known */
#define SANDBOX_EVENTS_LENGTHS     65536
#define SANDBOX_EVENTS_STREAM_BIT  15


static int sandbox_events_make_room(sandbox_events_t *ev, size_t n);
static int sandbox_events_grow(sandbox_events_t *ev);
static void sandbox_events_drop_oldest(sandbox_events_t *ev);
static void sandbox_events_lose(sandbox_events_t *ev, unsigned stream,
    size_t len);
static void sandbox_events_empty(sandbox_events_t *ev);
static size_t sandbox_events_size(const sandbox_events_t *ev);
static void sandbox_events_write(sandbox_events_t *ev, const void *p,
    size_t n);
static size_t sandbox_events_head(const sandbox_events_t *ev, uint64_t at,
    unsigned *ret_stream);
static size_t sandbox_events_piece(const sandbox_events_t *ev, uint64_t at,
    size_t n, u_char **ret_p);
static void sandbox_events_seek_lost(const sandbox_events_t *ev,
    sandbox_events_cursor_t *c);
static int sandbox_events_read_gaps(const sandbox_events_t *ev,
    sandbox_events_cursor_t *c, struct evbuffer *out);
static int sandbox_events_read_record(const sandbox_events_t *ev,
    sandbox_events_cursor_t *c, struct evbuffer *out);


sandbox_events_t *
sandbox_events_create(void)
{
    sandbox_events_t  *ev;

    ev = calloc(1, sizeof(sandbox_events_t));
    if (ev == NULL) {
        return NULL;
    }

    ev->refs = 1;

    TAILQ_INIT(&ev->watchers);

    return ev;
}


void
sandbox_events_hold(sandbox_events_t *ev)
{
    ev->refs++;
}


void
sandbox_events_release(sandbox_events_t *ev)
{
    if (--ev->refs) {
        return;
    }

    if (ev->ended != NULL) {
        ev->ended->bytes -= sandbox_events_size(ev);
        TAILQ_REMOVE(&ev->ended->logs, ev, link);
    }

    sandbox_shape_free(&ev->shape);

    free(ev->lengths);
    free(ev->ring);
    free(ev);
}


void
sandbox_events_add(sandbox_events_t *ev, unsigned stream, const u_char *text,
    size_t len, int kept)
{
    uint32_t                   head;
    sandbox_events_watcher_t  *w;

    sandbox_shape_add(&ev->shape, stream, len, kept);

    ev->last++;
    ev->bytes[stream] += len;

    if (sandbox_events_make_room(ev, SANDBOX_EVENTS_HEAD + len)
        == SANDBOX_OK)
    {
        head = len | (uint32_t) stream << SANDBOX_EVENTS_STREAM_BIT;

        sandbox_events_write(ev, &head, SANDBOX_EVENTS_HEAD);
        sandbox_events_write(ev, text, len);

    } else {
        sandbox_events_lose(ev, stream, len);
    }

    TAILQ_FOREACH(w, &ev->watchers, link) {
        w->wake(w->data);
    }
}


/* SANDBOX_ERROR: no memory, and the ring is empty */

static int
sandbox_events_make_room(sandbox_events_t *ev, size_t n)
{
    while (ev->size - (ev->head - ev->tail) < n) {

        if (ev->size < SANDBOX_EVENTS_RING_MAX
            && sandbox_events_grow(ev) == SANDBOX_OK)
        {
            continue;
        }

        if (ev->head == ev->tail) {
            return SANDBOX_ERROR;
        }

        sandbox_events_drop_oldest(ev);
    }

    return SANDBOX_OK;
}


static int
sandbox_events_grow(sandbox_events_t *ev)
{
    size_t     n, size;
    u_char    *p, *ring;
    uint64_t   at;

    size = ev->size ? ev->size * 2 : SANDBOX_EVENTS_RING_FIRST;

    ring = malloc(size);
    if (ring == NULL) {
        return SANDBOX_ERROR;
    }

    /* what is at a position stays at it; a piece of the half is one of it */

    for (at = ev->tail; at < ev->head; at += n) {
        n = sandbox_events_piece(ev, at, ev->head - at, &p);

        memcpy(ring + (at & (size - 1)), p, n);
    }

    free(ev->ring);

    ev->ring = ring;
    ev->size = size;

    return SANDBOX_OK;
}


static void
sandbox_events_drop_oldest(sandbox_events_t *ev)
{
    size_t    len;
    unsigned  stream;

    len = sandbox_events_head(ev, ev->tail, &stream);

    ev->tail += SANDBOX_EVENTS_HEAD + len;

    sandbox_events_lose(ev, stream, len);
}


/* records are lost in their order */

static void
sandbox_events_lose(sandbox_events_t *ev, unsigned stream, size_t len)
{
    ev->dropped++;
    ev->lost[stream] += len;
    ev->lost_last[stream] = ev->dropped;

    if (ev->lengths == NULL) {
        ev->lengths = calloc(SANDBOX_EVENTS_LENGTHS, sizeof(uint16_t));

        if (ev->lengths == NULL) {
            return;
        }
    }

    ev->lengths[ev->dropped % SANDBOX_EVENTS_LENGTHS] =
                                    len | stream << SANDBOX_EVENTS_STREAM_BIT;
}


void
sandbox_events_end(sandbox_events_t *ev, sandbox_events_ended_t *ended)
{
    sandbox_events_t          *oldest;
    sandbox_events_watcher_t  *w;

    ev->ended = ended;
    ended->bytes += sandbox_events_size(ev);

    TAILQ_INSERT_TAIL(&ended->logs, ev, link);

    TAILQ_FOREACH(oldest, &ended->logs, link) {
        if (ended->bytes <= SANDBOX_EVENTS_ENDED_MAX) {
            break;
        }

        sandbox_events_empty(oldest);
    }

    TAILQ_FOREACH(w, &ev->watchers, link) {
        w->wake(w->data);
    }
}


/* its readers find out that they miss something */

static void
sandbox_events_empty(sandbox_events_t *ev)
{
    ev->ended->bytes -= sandbox_events_size(ev);

    while (ev->tail < ev->head) {
        sandbox_events_drop_oldest(ev);
    }

    free(ev->ring);
    free(ev->lengths);

    ev->ring = NULL;
    ev->lengths = NULL;
    ev->size = 0;
}


static size_t
sandbox_events_size(const sandbox_events_t *ev)
{
    return ev->size
           + (ev->lengths ? SANDBOX_EVENTS_LENGTHS * sizeof(uint16_t) : 0);
}


void
sandbox_events_watch(sandbox_events_t *ev, sandbox_events_watcher_t *w)
{
    TAILQ_INSERT_TAIL(&ev->watchers, w, link);
    ev->watched++;
}


void
sandbox_events_unwatch(sandbox_events_t *ev, sandbox_events_watcher_t *w)
{
    TAILQ_REMOVE(&ev->watchers, w, link);
    ev->watched--;
}


/* the ring: there is room, and there are as many bytes */

static void
sandbox_events_write(sandbox_events_t *ev, const void *p, size_t n)
{
    size_t         piece;
    u_char        *to;
    const u_char  *from = p;

    while (n) {
        piece = sandbox_events_piece(ev, ev->head, n, &to);

        memcpy(to, from, piece);

        ev->head += piece;
        from += piece;
        n -= piece;
    }
}


static size_t
sandbox_events_head(const sandbox_events_t *ev, uint64_t at,
    unsigned *ret_stream)
{
    size_t     n, piece;
    u_char    *from;
    uint32_t   head;

    for (n = 0; n < SANDBOX_EVENTS_HEAD; n += piece) {
        piece = sandbox_events_piece(ev, at + n, SANDBOX_EVENTS_HEAD - n,
                                     &from);

        memcpy((u_char *) &head + n, from, piece);
    }

    *ret_stream = head >> SANDBOX_EVENTS_STREAM_BIT;

    return head & ((1u << SANDBOX_EVENTS_STREAM_BIT) - 1);
}


/* how many of n bytes lie together */

static size_t
sandbox_events_piece(const sandbox_events_t *ev, uint64_t at, size_t n,
    u_char **ret_p)
{
    size_t  offset;

    offset = at & (ev->size - 1);

    *ret_p = ev->ring + offset;

    return n < ev->size - offset ? n : ev->size - offset;
}


void
sandbox_events_seek(const sandbox_events_t *ev, sandbox_events_cursor_t *c,
    uint64_t after)
{
    size_t    len;
    unsigned  stream;

    c->number = after;

    if (after >= ev->last) {
        c->number = ev->last;
        c->at = ev->head;
        memcpy(c->bytes, ev->bytes, sizeof(c->bytes));
        return;
    }

    c->at = ev->tail;
    memcpy(c->bytes, ev->lost, sizeof(c->bytes));

    if (after < ev->dropped) {
        sandbox_events_seek_lost(ev, c);
        return;
    }

    for (c->number = ev->dropped; c->number < after; c->number++) {
        len = sandbox_events_head(ev, c->at, &stream);

        c->at += SANDBOX_EVENTS_HEAD + len;
        c->bytes[stream] += len;
    }
}


/*
 * What came up to a record that is lost is what all lost ones are, without
 * those behind it.  Of one that was lost long ago this is not known any more,
 * and all that was lost counts as missed.
 */

static void
sandbox_events_seek_lost(const sandbox_events_t *ev,
    sandbox_events_cursor_t *c)
{
    uint16_t  length;
    uint64_t  n;

    if (c->number == 0 || ev->lengths == NULL
        || ev->dropped - c->number > SANDBOX_EVENTS_LENGTHS)
    {
        memset(c->bytes, 0, sizeof(c->bytes));
        return;
    }

    for (n = ev->dropped; n > c->number; n--) {
        length = ev->lengths[n % SANDBOX_EVENTS_LENGTHS];

        c->bytes[length >> SANDBOX_EVENTS_STREAM_BIT] -=
                            length & ((1u << SANDBOX_EVENTS_STREAM_BIT) - 1);
    }
}


int
sandbox_events_read(const sandbox_events_t *ev, sandbox_events_cursor_t *c,
    struct evbuffer *out, size_t max)
{
    if (c->number < ev->dropped
        && sandbox_events_read_gaps(ev, c, out) != SANDBOX_OK)
    {
        return SANDBOX_ERROR;
    }

    while (c->number < ev->last) {

        if (sandbox_events_read_record(ev, c, out) != SANDBOX_OK) {
            return SANDBOX_ERROR;
        }

        if (evbuffer_get_length(out) + SANDBOX_EVENTS_FRAME_MAX > max) {
            return c->number < ev->last ? SANDBOX_AGAIN : SANDBOX_OK;
        }
    }

    return SANDBOX_OK;
}


/* in the order of their numbers, as everything else */

static int
sandbox_events_read_gaps(const sandbox_events_t *ev,
    sandbox_events_cursor_t *c, struct evbuffer *out)
{
    int       n;
    char      missed[32];
    unsigned  i, stream, first;

    first = ev->lost_last[SANDBOX_EVENTS_OUT]
            > ev->lost_last[SANDBOX_EVENTS_ERR];

    for (i = 0; i < SANDBOX_EVENTS_STREAMS; i++) {
        stream = i ^ first;

        if (ev->lost[stream] == c->bytes[stream]
            || ev->lost_last[stream] <= c->number)
        {
            continue;
        }

        n = snprintf(missed, sizeof(missed), "%" PRIu64,
                     ev->lost[stream] - c->bytes[stream]);

        if (evbuffer_add_printf(out, "%c %" PRIu64 " %d\n%s\n", "OE"[stream],
                                ev->lost_last[stream], n, missed)
            < 0)
        {
            return SANDBOX_ERROR;
        }
    }

    c->number = ev->dropped;
    c->at = ev->tail;
    memcpy(c->bytes, ev->lost, sizeof(c->bytes));

    return SANDBOX_OK;
}


static int
sandbox_events_read_record(const sandbox_events_t *ev,
    sandbox_events_cursor_t *c, struct evbuffer *out)
{
    size_t     len, n, piece;
    u_char    *from;
    unsigned   stream;

    len = sandbox_events_head(ev, c->at, &stream);

    c->number++;
    c->at += SANDBOX_EVENTS_HEAD;
    c->bytes[stream] += len;

    if (evbuffer_add_printf(out, "%c %" PRIu64 " %zu\n", "oe"[stream],
                            c->number, len)
        < 0)
    {
        return SANDBOX_ERROR;
    }

    for (n = len; n; n -= piece) {
        piece = sandbox_events_piece(ev, c->at, n, &from);

        if (evbuffer_add(out, from, piece) == -1) {
            return SANDBOX_ERROR;
        }

        c->at += piece;
    }

    return evbuffer_add(out, "\n", 1) == -1 ? SANDBOX_ERROR : SANDBOX_OK;
}
