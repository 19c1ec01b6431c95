
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_REPORT_H_INCLUDED_
#define _SANDBOX_REPORT_H_INCLUDED_


#include <event2/buffer.h>
#include "executor.h"


typedef struct sandbox_report_s  sandbox_report_t;

/*
 * SANDBOX_OK: stored; SANDBOX_REFUSED: never will be; SANDBOX_ERROR: neither,
 * and there is one attempt only
 */
typedef void (*sandbox_report_done_pt)(void *data, int rc);


typedef struct {
    const char              *path;
    const char              *key;           /* Idempotency-Key; NULL: none */
    const char              *content_type;
    struct evbuffer         *body;          /* not owned, not changed */
    const unsigned          *delays_ms;     /* the last before 0 repeats */
    unsigned                 limit_s;       /* of an attempt; 0: 30 */
    unsigned                 jitter:1;      /* delays differ by a fifth */
    unsigned                 once:1;        /* no other attempt, no delays */
    sandbox_report_done_pt   done;
    void                    *data;
} sandbox_report_conf_t;


extern const unsigned  sandbox_report_result_delays[];
extern const unsigned  sandbox_report_ready_delays[];


/*
 * Posts to the callback socket, the first time at once, until there is a
 * final answer; then calls done() once and is gone.  Strings and body must
 * live until then.  NULL: no memory.
 */
sandbox_report_t *sandbox_report_start(sandbox_executor_t *ex,
    const sandbox_report_conf_t *conf);

/* done() is not called any more */
void sandbox_report_cancel(sandbox_report_t *r);

/*
 * The status of an HTTP/1.x answer's first line; 0: more is needed, -1: it is
 * no such answer.
 */
int sandbox_report_parse_status(const char *p, size_t len);


#endif /* _SANDBOX_REPORT_H_INCLUDED_ */
