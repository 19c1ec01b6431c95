
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * What happened, in the words of the contract.  Pure: it only looks.  What
 * the runner says is the code's own word (the code can reach the runner's
 * descriptor), so it is bounded and checked like everything else.
 */


#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include "executor.h"
#include "json.h"
#include "result.h"


#define SANDBOX_EXIT_TIMEOUT      124
#define SANDBOX_EXIT_NOT_STARTED  126
#define SANDBOX_EXIT_CANCELLED    130
#define SANDBOX_EXIT_SIGNAL       128


typedef enum {
    SANDBOX_FRAME_NONE = 0,
    SANDBOX_FRAME_VALUE,
    SANDBOX_FRAME_ERROR,
    SANDBOX_FRAME_BAD
} sandbox_frame_e;


typedef struct {
    sandbox_frame_e   type;
    const char       *data;
    size_t            len;          /* of data */
    size_t            announced;
} sandbox_frame_t;


static void sandbox_result_judge_signal(sandbox_verdict_t *v, int signo,
    const sandbox_result_t *r);
static void sandbox_result_judge_exit(sandbox_verdict_t *v, int code,
    const sandbox_frame_t *frame);
static void sandbox_result_judge_value(sandbox_verdict_t *v,
    const sandbox_frame_t *frame);
static void sandbox_result_fail(sandbox_verdict_t *v, int code,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void sandbox_result_set_message(sandbox_verdict_t *v, const char *p,
    size_t len);
static void sandbox_result_read_frame(sandbox_frame_t *f,
    const sandbox_output_t *o);
static json_t *sandbox_result_head(const sandbox_result_t *r,
    const sandbox_verdict_t *v);
static json_t *sandbox_result_metrics(const sandbox_result_t *r);
static double sandbox_result_tenths(double value);


void
sandbox_result_judge(sandbox_verdict_t *v, const sandbox_result_t *r)
{
    sandbox_frame_t  frame;

    memset(v, 0, sizeof(sandbox_verdict_t));

    if (r->ended == SANDBOX_ENDED_TIMEOUT) {
        sandbox_result_fail(v, SANDBOX_EXIT_TIMEOUT, "timed out after %g s",
                            r->timeout);
        v->status = "timeout";
        return;
    }

    if (r->ended == SANDBOX_ENDED_NOT_STARTED) {
        sandbox_result_fail(v, SANDBOX_EXIT_NOT_STARTED,
                            "the interpreter cannot be started");
        return;
    }

    if (r->ended == SANDBOX_ENDED_CANCEL) {
        sandbox_result_fail(v, SANDBOX_EXIT_CANCELLED, "cancelled");
        v->status = "cancelled";
        return;
    }

    if (WIFSIGNALED(r->wait_status)) {
        sandbox_result_judge_signal(v, WTERMSIG(r->wait_status), r);
        return;
    }

    sandbox_result_read_frame(&frame, r->frame);
    sandbox_result_judge_exit(v, WEXITSTATUS(r->wait_status), &frame);
}


static void
sandbox_result_judge_signal(sandbox_verdict_t *v, int signo,
    const sandbox_result_t *r)
{
    const char  *name;

    name = sigabbrev_np(signo);

    sandbox_result_fail(v, SANDBOX_EXIT_SIGNAL + signo,
                        "killed by signal %d (%s%s)%s", signo,
                        name ? "SIG" : "", name ? name : "unknown",
                        r->metrics.oom_killed
                        ? ": the sandbox has no memory left" : "");
}


static void
sandbox_result_judge_exit(sandbox_verdict_t *v, int code,
    const sandbox_frame_t *frame)
{
    if (frame->type == SANDBOX_FRAME_ERROR) {
        v->status = "failed";
        v->exit_code = code ? code : 1;
        sandbox_result_set_message(v, frame->data, frame->len);
        return;
    }

    if (code != 0) {
        sandbox_result_fail(v, code, "exited with status %d", code);
        return;
    }

    switch (frame->type) {

    case SANDBOX_FRAME_VALUE:
        sandbox_result_judge_value(v, frame);
        return;

    case SANDBOX_FRAME_BAD:
        sandbox_result_fail(v, 1, "return value is not JSON: "
                            "the runner's pipe holds something else");
        return;

    default:
        v->status = "completed";
    }
}


static void
sandbox_result_judge_value(sandbox_verdict_t *v, const sandbox_frame_t *frame)
{
    const char  *why;

    if (frame->announced > SANDBOX_RETURN_MAX) {
        sandbox_result_fail(v, 1, "return value of %zu bytes is larger than "
                            "%d bytes", frame->announced, SANDBOX_RETURN_MAX);
        return;
    }

    if (frame->announced > frame->len) {
        sandbox_result_fail(v, 1, "return value is not JSON: "
                            "the text ends too early");
        return;
    }

    why = sandbox_json_check(frame->data, frame->data + frame->announced);

    if (why != NULL) {
        sandbox_result_fail(v, 1, "return value is not JSON: %s", why);
        return;
    }

    v->status = "completed";
    v->value = frame->data;
    v->value_len = frame->announced;
}


static void
sandbox_result_fail(sandbox_verdict_t *v, int code, const char *fmt, ...)
{
    va_list  args;

    v->status = "failed";
    v->exit_code = code;

    va_start(args, fmt);
    vsnprintf(v->message, sizeof(v->message), fmt, args);
    va_end(args);

    v->message_len = strlen(v->message);
}


static void
sandbox_result_set_message(sandbox_verdict_t *v, const char *p, size_t len)
{
    sandbox_output_t  text;

    /* valid UTF-8, and cut between two characters: as for an output */

    sandbox_output_init(&text, SANDBOX_MESSAGE_MAX, 1);
    sandbox_output_feed(&text, (const u_char *) p, len);
    sandbox_output_flush(&text);

    if (text.len != 0) {
        memcpy(v->message, text.data, text.len);
        v->message_len = text.len;
    }

    sandbox_output_free(&text);

    if (v->message_len == 0) {
        sandbox_result_fail(v, v->exit_code, "failed without a message");
    }
}


/* "value 12\n" or "error 12\n", then as many bytes */

static void
sandbox_result_read_frame(sandbox_frame_t *f, const sandbox_output_t *o)
{
    size_t       n, i;
    const char  *p;

    memset(f, 0, sizeof(sandbox_frame_t));

    if (o->len == 0) {
        return;
    }

    p = (const char *) o->data;
    f->type = SANDBOX_FRAME_BAD;

    if (o->len < sizeof("value 1\n") - 1
        || (memcmp(p, "value ", 6) != 0 && memcmp(p, "error ", 6) != 0))
    {
        return;
    }

    n = 0;

    /* ten digits: far beyond every limit, and no overflow */

    for (i = 6; i < o->len && i < 16 && p[i] >= '0' && p[i] <= '9'; i++) {
        n = n * 10 + (p[i] - '0');
    }

    if (i == 6 || i == o->len || p[i] != '\n') {
        return;
    }

    f->type = p[0] == 'v' ? SANDBOX_FRAME_VALUE : SANDBOX_FRAME_ERROR;
    f->data = p + i + 1;
    f->len = o->len - i - 1;
    f->announced = n;

    if (f->type == SANDBOX_FRAME_ERROR && f->len > n) {
        f->len = n;
    }
}


struct evbuffer *
sandbox_result_render(const sandbox_result_t *r)
{
    int                 rc;
    char               *text;
    json_t             *head;
    struct evbuffer    *body;
    sandbox_verdict_t   v;

    sandbox_result_judge(&v, r);

    head = sandbox_result_head(r, &v);
    text = json_dumps(head, JSON_COMPACT|JSON_PRESERVE_ORDER
                            |JSON_REAL_PRECISION(12));
    json_decref(head);

    body = evbuffer_new();

    if (text == NULL || body == NULL) {
        rc = -1;

    } else {
        rc = evbuffer_add_printf(body, "%s\n", text) < 0
             || evbuffer_add(body, r->out->data, r->out->len) == -1
             || evbuffer_add(body, r->err->data, r->err->len) == -1
             || evbuffer_add(body, v.value, v.value_len) == -1
             || (r->shape && evbuffer_add(body, r->shape->data, r->shape->len)
                             == -1);
    }

    free(text);

    if (rc != 0 && body != NULL) {
        evbuffer_free(body);
        body = NULL;
    }

    return body;
}


static json_t *
sandbox_result_head(const sandbox_result_t *r, const sandbox_verdict_t *v)
{
    return json_pack("{s:s, s:i, s:s, s:i, s:o, s:I, s:I, s:I, s:I, s:I, s:I,"
                     " s:f, s:o}",
                     "execution_id", r->id,
                     "attempt", (int) r->attempt,
                     "status", v->status,
                     "exit_code", v->exit_code,
                     "error_message",
                     v->message_len ? json_stringn(v->message, v->message_len)
                                    : json_null(),
                     "stdout_bytes", (json_int_t) r->out->len,
                     "stderr_bytes", (json_int_t) r->err->len,
                     "return_value_bytes", (json_int_t) v->value_len,
                     "events_bytes",
                     (json_int_t) (r->shape ? r->shape->len : 0),
                     "stdout_dropped", (json_int_t) r->out->dropped,
                     "stderr_dropped", (json_int_t) r->err->dropped,
                     "duration_ms", sandbox_result_tenths(r->duration_ms),
                     "metrics", sandbox_result_metrics(r));
}


static json_t *
sandbox_result_metrics(const sandbox_result_t *r)
{
    const sandbox_metrics_t  *m;

    m = &r->metrics;

    return json_pack("{s:f, s:f, s:I, s:I, s:f, s:b, s:I, s:I, s:I, s:I}",
                     "cpu_time_ms", sandbox_result_tenths(m->cpu_time_ms),
                     "peak_memory_mb",
                     sandbox_result_tenths(m->peak_memory_mb),
                     "io_read_bytes", (json_int_t) m->io_read_bytes,
                     "io_write_bytes", (json_int_t) m->io_write_bytes,
                     "queued_ms", sandbox_result_tenths(r->queued_ms),
                     "oom_killed", m->oom_killed,
                     "stdout_dropped_bytes", (json_int_t) r->out->dropped,
                     "stderr_dropped_bytes", (json_int_t) r->err->dropped,
                     "stdout_replaced_bytes", (json_int_t) r->out->replaced,
                     "stderr_replaced_bytes", (json_int_t) r->err->replaced);
}


static double
sandbox_result_tenths(double value)
{
    return (json_int_t) (value * 10 + 0.5) / 10.0;
}
