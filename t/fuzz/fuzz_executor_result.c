
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Takes the input as the end of an execution: why it ended, how its process
 * did, and what came through its three pipes.  Whatever that was, the control
 * plane's own decoder accepts what the executor makes of it, and finds in it
 * what was kept.
 */


#include "ngx_sandbox_fuzz.h"
#include "ngx_sandbox.h"
#include "ngx_sandbox_events.h"
#include "ngx_sandbox_result.h"
#include <sys/wait.h>
#include "executor.h"
#include "result.h"


#define FUZZ_HEAD_MAX  (16 * 1024)


typedef struct {
    u_char  *p;
    u_char  *last;
} fuzz_input_t;


static ngx_uint_t
fuzz_byte(fuzz_input_t *in)
{
    return in->p < in->last ? *in->p++ : 0;
}


/* a pipe: its limit, how long its pieces are, and what is in it */

static void
fuzz_pipe(fuzz_input_t *in, sandbox_output_t *o, size_t limit, unsigned text,
    size_t share, sandbox_events_t *log, unsigned stream)
{
    size_t  n, piece;
    u_char  *p;

    n = fuzz_byte(in);
    piece = 1 + fuzz_byte(in);

    if (n & 1) {
        limit = n * 16;
    }

    sandbox_output_init(o, limit, text);
    sandbox_output_log(o, log, stream);

    n = ngx_min(share, (size_t) (in->last - in->p));
    p = in->p;
    in->p += n;

    for ( /* void */ ; n; p += piece, n -= piece) {
        piece = ngx_min(piece, n);
        sandbox_output_feed(o, p, piece);
    }

    sandbox_output_flush(o);

    /* not a byte more than there is, so that one too far is seen */

    if (o->len) {
        o->data = realloc(o->data, o->len);
        fuzz_bug(o->data == NULL);
    }
}


static void
fuzz_verdict(sandbox_result_t *r, ngx_sandbox_result_t *got)
{
    sandbox_verdict_t  v;

    sandbox_result_judge(&v, r);

    fuzz_bug(v.exit_code < 0 || v.exit_code > 255);
    fuzz_bug((strcmp(v.status, "completed") == 0) != (v.exit_code == 0));
    fuzz_bug((v.exit_code == 0) != (v.message_len == 0));
    fuzz_bug(v.message_len > SANDBOX_MESSAGE_MAX);
    fuzz_bug(v.value && v.exit_code != 0);
    fuzz_bug(v.value && v.value + v.value_len
                        > (char *) r->frame->data + r->frame->len);

    fuzz_bug(got->status_name.len != strlen(v.status)
             || ngx_memcmp(got->status_name.data, v.status,
                           got->status_name.len) != 0);
    fuzz_bug(got->exit_code != v.exit_code);
    fuzz_bug(got->return_value.len != v.value_len);

    /* whoever has ended it, its own word does not change that */

    switch (r->ended) {

    case SANDBOX_ENDED_TIMEOUT:
        fuzz_bug(got->status != NGX_SANDBOX_RESULT_TIMEOUT
                 || v.exit_code != 124);
        return;

    case SANDBOX_ENDED_CANCEL:
        fuzz_bug(got->status != NGX_SANDBOX_RESULT_CANCELLED
                 || v.exit_code != 130);
        return;

    case SANDBOX_ENDED_NOT_STARTED:
        fuzz_bug(got->status != NGX_SANDBOX_RESULT_FAILED
                 || v.exit_code != 126);
        return;

    default:
        break;
    }

    if (WIFSIGNALED(r->wait_status)) {
        fuzz_bug(got->status != NGX_SANDBOX_RESULT_FAILED);
        fuzz_bug(v.exit_code != 128 + WTERMSIG(r->wait_status));
        fuzz_bug(ngx_strstr(v.message, "killed by signal") == NULL);

    } else if (WEXITSTATUS(r->wait_status) != 0) {
        fuzz_bug(v.exit_code != WEXITSTATUS(r->wait_status));

    } else {
        fuzz_bug(v.exit_code > 1);
        fuzz_bug(r->frame->len == 0 && v.exit_code != 0);
    }
}


static void
fuzz_same(ngx_str_t *got, const sandbox_output_t *o)
{
    fuzz_bug(got->len != o->len);
    fuzz_bug(got->len && ngx_memcmp(got->data, o->data, got->len) != 0);
}


/* the shape that arrives is the log's: as many records, and as many bytes */

static void
fuzz_events(const ngx_str_t *text, const sandbox_events_t *log)
{
    size_t                 kept[2];
    uint64_t               bytes[2];
    ngx_sandbox_event_t    e;
    ngx_sandbox_events_t   events;

    ngx_memzero(kept, sizeof(kept));
    ngx_memzero(bytes, sizeof(bytes));

    ngx_sandbox_events_init(&events, text, 0);

    while (ngx_sandbox_events_next(&events, &e) == NGX_OK) {
        fuzz_bug(e.stream == NGX_SANDBOX_EVENTS_UNKNOWN);
        fuzz_bug(!e.gap && e.offset != kept[e.stream]);

        kept[e.stream] += e.gap ? 0 : e.len;
        bytes[e.stream] += e.len;
    }

    fuzz_bug(events.number != log->last);
    fuzz_bug(bytes[0] != log->bytes[0] || bytes[1] != log->bytes[1]);
}


static void
fuzz_render(ngx_pool_t *pool, sandbox_result_t *r, sandbox_events_t *log)
{
    u_char                *end;
    ngx_int_t              rc;
    ngx_str_t              text, reason;
    struct evbuffer       *body;
    ngx_sandbox_result_t   got;

    body = sandbox_result_render(r);
    fuzz_bug(body == NULL);

    text.len = evbuffer_get_length(body);
    text.data = evbuffer_pullup(body, -1);

    end = ngx_strlchr(text.data, text.data + text.len, '\n');
    fuzz_bug(end == NULL || end - text.data >= FUZZ_HEAD_MAX);

    rc = ngx_sandbox_result_decode(pool, &text, &got, &reason);

    if (rc == NGX_DECLINED) {
        (void) fprintf(stderr, "%.*s\n", (int) reason.len, reason.data);
    }

    fuzz_bug(rc != NGX_OK);
    fuzz_bug(got.attempt != (ngx_int_t) r->attempt);

    fuzz_same(&got.stdout_text, r->out);
    fuzz_same(&got.stderr_text, r->err);
    fuzz_bug(got.stdout_dropped != r->out->dropped);
    fuzz_bug(got.stderr_dropped != r->err->dropped);

    fuzz_verdict(r, &got);
    fuzz_events(&got.events, log);

    evbuffer_free(body);
}


static void
fuzz_one(ngx_pool_t *pool, const ngx_str_t *text)
{
    size_t             third;
    fuzz_input_t       in;
    sandbox_output_t   out, err, frame;
    sandbox_result_t   r;
    sandbox_events_t  *log;

    in.p = text->data;
    in.last = text->data + text->len;

    memset(&r, 0, sizeof(r));

    r.id = "exec_20260101_fuzz0000";
    r.attempt = 1 + text->len % SANDBOX_ATTEMPT_MAX;
    r.timeout = (fuzz_byte(&in) + 1) / 8.0;

    /* most of the time it is the frame that counts */

    r.ended = fuzz_byte(&in) % 8;

    if (r.ended > SANDBOX_ENDED_NOT_STARTED) {
        r.ended = SANDBOX_ENDED_ITSELF;
    }

    r.wait_status = fuzz_byte(&in);
    r.wait_status = r.wait_status & 1 ? 0
                    : r.wait_status & 2 ? fuzz_byte(&in) << 8
                    : 1 + fuzz_byte(&in) % 64;

    r.duration_ms = fuzz_byte(&in) * 12.34;
    r.queued_ms = r.duration_ms / 3;
    r.metrics.cpu_time_ms = r.duration_ms / 7;
    r.metrics.peak_memory_mb = r.timeout * 3;
    r.metrics.io_read_bytes = r.wait_status;
    r.metrics.oom_killed = fuzz_byte(&in) & 1;

    third = fuzz_byte(&in);

    log = sandbox_events_create();
    fuzz_bug(log == NULL);

    fuzz_pipe(&in, &out, SANDBOX_OUTPUT_MAX, 1, third, log, 0);
    fuzz_pipe(&in, &err, SANDBOX_OUTPUT_MAX, 1, third / 2, log, 1);
    fuzz_pipe(&in, &frame, SANDBOX_RETURN_MAX + SANDBOX_FRAME_MAX, 0,
              text->len, NULL, 0);

    sandbox_shape_finish(&log->shape);

    r.out = &out;
    r.err = &err;
    r.frame = &frame;
    r.shape = &log->shape;

    fuzz_render(pool, &r, log);

    sandbox_output_free(&out);
    sandbox_output_free(&err);
    sandbox_output_free(&frame);
    sandbox_events_release(log);
}
