
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_EVENTS_H_INCLUDED_
#define _SANDBOX_EVENTS_H_INCLUDED_


#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>
#include <event2/buffer.h>
#include "shape.h"


#define SANDBOX_EVENTS_OUT      0
#define SANDBOX_EVENTS_ERR      1
#define SANDBOX_EVENTS_STREAMS  2

#define SANDBOX_EVENTS_RECORD_MAX  (16 * 1024)          /* bytes of text */
#define SANDBOX_EVENTS_RING_MAX    (1024 * 1024)        /* of one log */
#define SANDBOX_EVENTS_ENDED_MAX   (4 * 1024 * 1024)    /* of all that ended */


typedef struct sandbox_events_s  sandbox_events_t;


/* who wants to know when there is more, or the end */
typedef struct sandbox_events_watcher_s {
    TAILQ_ENTRY(sandbox_events_watcher_s)  link;
    void                                 (*wake)(void *data);
    void                                  *data;
} sandbox_events_watcher_t;


/* the logs that have ended, the oldest first, and what they take */
typedef struct {
    TAILQ_HEAD(, sandbox_events_s)  logs;
    size_t                          bytes;
} sandbox_events_ended_t;


/*
 * The log of what an execution has written: records 1, 2, 3 ... of one stream
 * each, in the order in which they were read.  The newest are kept in a ring;
 * of the others only how many bytes they were.  Owned by all who hold it.
 */
struct sandbox_events_s {
    TAILQ_ENTRY(sandbox_events_s)            link;
    sandbox_events_ended_t                  *ended;     /* NULL: it goes on */
    unsigned                                 refs;

    u_char                                  *ring;
    size_t                                   size;      /* 0, or 2^n */
    uint64_t                                 tail;      /* positions in it, */
    uint64_t                                 head;      /* ever growing */

    uint64_t                                 last;      /* numbers */
    uint64_t                                 dropped;
    uint64_t                                 bytes[SANDBOX_EVENTS_STREAMS];
    uint64_t                                 lost[SANDBOX_EVENTS_STREAMS];
    uint64_t                                 lost_last[SANDBOX_EVENTS_STREAMS];
    uint16_t                                *lengths;   /* of the last lost */

    sandbox_shape_t                          shape;

    TAILQ_HEAD(, sandbox_events_watcher_s)   watchers;
    unsigned                                 watched;   /* how many these are */
};


/* how far somebody has read: the record, and what came up to it */
typedef struct {
    uint64_t  number;
    uint64_t  at;                               /* where the next one is */
    uint64_t  bytes[SANDBOX_EVENTS_STREAMS];
} sandbox_events_cursor_t;


/* held once; NULL: no memory */
sandbox_events_t *sandbox_events_create(void);
void sandbox_events_hold(sandbox_events_t *ev);
void sandbox_events_release(sandbox_events_t *ev);

/* 1 to SANDBOX_EVENTS_RECORD_MAX bytes of UTF-8; "kept" as in shape.h */
void sandbox_events_add(sandbox_events_t *ev, unsigned stream,
    const u_char *text, size_t len, int kept);

/* there will be no more; the oldest in the list may lose their rings */
void sandbox_events_end(sandbox_events_t *ev, sandbox_events_ended_t *ended);

void sandbox_events_watch(sandbox_events_t *ev, sandbox_events_watcher_t *w);
void sandbox_events_unwatch(sandbox_events_t *ev, sandbox_events_watcher_t *w);

/* behind record "after"; behind the last one if there is none of that number */
void sandbox_events_seek(const sandbox_events_t *ev,
    sandbox_events_cursor_t *c, uint64_t after);

/*
 * Adds the next frames to "out": at least one if there are any, then as many
 * as "max" bytes hold.  SANDBOX_AGAIN: there are more; SANDBOX_OK: there are
 * not; SANDBOX_ERROR: no memory, and a frame may be cut.
 */
int sandbox_events_read(const sandbox_events_t *ev,
    sandbox_events_cursor_t *c, struct evbuffer *out, size_t max);


#endif /* _SANDBOX_EVENTS_H_INCLUDED_ */
