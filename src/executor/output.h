
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_OUTPUT_H_INCLUDED_
#define _SANDBOX_OUTPUT_H_INCLUDED_


#include <stdint.h>
#include <event2/event.h>
#include "events.h"
#include "utf8.h"


/*
 * One pipe that the code writes to, and what is kept of it.  The pipe is
 * always drained, so the code never waits for us; beyond "limit" bytes are
 * dropped and counted.  Text is made valid UTF-8 on its way in; all of it goes
 * to the log, if there is one, also what is not kept.
 */
typedef struct {
    u_char            *data;
    size_t             len;
    size_t             size;        /* allocated */
    size_t             limit;
    uint64_t           dropped;     /* bytes as they were written */
    uint64_t           replaced;    /* bytes that were no UTF-8, kept ones */
    sandbox_utf8_t     utf8;
    struct event      *event;
    sandbox_events_t  *log;         /* not owned; NULL: none */
    unsigned           stream;      /* of the log */
    int                fd;          /* -1: closed */
    unsigned           text:1;
    unsigned           full:1;
} sandbox_output_t;


/* no memory is taken before there is something to keep */
void sandbox_output_init(sandbox_output_t *o, size_t limit, unsigned text);

void sandbox_output_log(sandbox_output_t *o, sandbox_events_t *log,
    unsigned stream);

/* takes over the descriptor, also when it fails */
int sandbox_output_open(sandbox_output_t *o, struct event_base *base, int fd);

/* takes what is in the pipe now, without waiting, and closes it */
void sandbox_output_finish(sandbox_output_t *o);

void sandbox_output_free(sandbox_output_t *o);

/* what the pipe's bytes go through; _flush() ends a cut character */
void sandbox_output_feed(sandbox_output_t *o, const u_char *p, size_t n);
void sandbox_output_flush(sandbox_output_t *o);


#endif /* _SANDBOX_OUTPUT_H_INCLUDED_ */
