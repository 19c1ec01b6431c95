
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Reads the shape of an output: where the numbered records that were streamed
 * while it was written begin and end in what is stored of it.  See
 * docs/executor.md, "The shape of the output".
 */


#ifndef _NGX_SANDBOX_EVENTS_H_INCLUDED_
#define _NGX_SANDBOX_EVENTS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_SANDBOX_EVENTS_STDOUT   0
#define NGX_SANDBOX_EVENTS_STDERR   1
#define NGX_SANDBOX_EVENTS_UNKNOWN  2       /* of either, and of any length */


typedef struct {
    uint64_t     number;        /* of a gap: that of its last record */
    ngx_uint_t   stream;
    size_t       offset;        /* in the stored stream; of a gap: 0 */
    uint64_t     len;           /* of a gap: how much is not stored */
    unsigned     gap:1;
} ngx_sandbox_event_t;


/* private, but for number: that of the last record that was given */
typedef struct {
    u_char      *p;
    u_char      *last;
    uint64_t     number;
    uint64_t     after;
    uint64_t     left;          /* records of the token that are to come */
    size_t       len;           /* of each */
    size_t       offset[2];
    ngx_uint_t   stream;
    unsigned     end:1;         /* nothing may follow the token */
} ngx_sandbox_events_t;


/* the records with a number above "after"; the text must live as long */
void ngx_sandbox_events_init(ngx_sandbox_events_t *events,
    const ngx_str_t *text, uint64_t after);

/*
 * NGX_OK:    ret is the next record, or a gap; of a gap that "after" lies in,
 *            all of it is told
 * NGX_DONE:  there are no more
 * NGX_ERROR: the text is none that an executor writes
 */
ngx_int_t ngx_sandbox_events_next(ngx_sandbox_events_t *events,
    ngx_sandbox_event_t *ret);

/*
 * NGX_OK if the text can be read to its end, and all records lie in the
 * outputs and between characters of theirs, else NGX_DECLINED.  Outputs are
 * valid UTF-8.
 */
ngx_int_t ngx_sandbox_events_check(const ngx_str_t *text,
    const ngx_str_t *stdout_text, const ngx_str_t *stderr_text);


#endif /* _NGX_SANDBOX_EVENTS_H_INCLUDED_ */
