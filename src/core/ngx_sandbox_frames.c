
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The frames of an output, out of a sandbox: each has a bounded head, a bounded
 * text that is UTF-8, and a number above that of the one before.  What is
 * anything else ends the stream; nothing is skipped, since behind a frame that
 * lies there is no telling where the next one begins.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_frames.h"
#include "ngx_sandbox_utf8.h"


static ngx_int_t ngx_sandbox_frames_head(u_char *p, u_char *last,
    ngx_sandbox_frame_t *frame, uint64_t *ret_len, u_char **ret_text);
static u_char *ngx_sandbox_frames_number(u_char *p, u_char *last,
    uint64_t max, uint64_t *ret);
static ngx_int_t ngx_sandbox_frames_check(ngx_sandbox_frames_t *frames,
    ngx_sandbox_frame_t *frame);


ngx_int_t
ngx_sandbox_frames_answer(u_char **pos, u_char *last, ngx_uint_t *ret_status)
{
    u_char     *p, *start, *end;
    ngx_int_t   status;

    start = *pos;
    end = NULL;

    for (p = start; p < last && end == NULL; p++) {

        if (p - start >= NGX_SANDBOX_FRAMES_ANSWER_MAX) {
            return NGX_ERROR;
        }

        if (*p == LF && p - start >= 3
            && (p[-1] == LF || (p[-1] == CR && p[-2] == LF)))
        {
            end = p + 1;
        }
    }

    if (end == NULL) {
        return NGX_AGAIN;
    }

    /* "HTTP/1.0 200 OK" */

    if (end - start < (ptrdiff_t) sizeof("HTTP/1.0 200\n\n") - 1
        || ngx_memcmp(start, "HTTP/1.", 7) != 0
        || start[7] < '0' || start[7] > '9'
        || start[8] != ' '
        || (start[12] != ' ' && start[12] != CR && start[12] != LF))
    {
        return NGX_ERROR;
    }

    status = ngx_atoi(start + 9, 3);

    if (status < 100) {
        return NGX_ERROR;
    }

    *ret_status = status;
    *pos = end;

    return NGX_OK;
}


ngx_int_t
ngx_sandbox_frames_next(ngx_sandbox_frames_t *frames, u_char **pos,
    u_char *last, ngx_sandbox_frame_t *ret)
{
    u_char               *text;
    uint64_t              len;
    ngx_int_t             rc;
    ngx_sandbox_frame_t   frame;

    frames->need = NGX_SANDBOX_FRAME_HEAD_MAX;

    if (frames->ended) {
        return (*pos == last) ? NGX_AGAIN : NGX_ERROR;
    }

    rc = ngx_sandbox_frames_head(*pos, last, &frame, &len, &text);

    if (rc != NGX_OK) {
        return rc;
    }

    if ((uint64_t) (last - text) < len + 1) {
        frames->need = text - *pos + len + 1;
        return NGX_AGAIN;
    }

    if (text[len] != LF) {
        return NGX_ERROR;
    }

    frame.text.data = text;
    frame.text.len = len;

    if (ngx_sandbox_frames_check(frames, &frame) != NGX_OK) {
        return NGX_ERROR;
    }

    *pos = text + len + 1;
    *ret = frame;

    return NGX_OK;
}


/* "o 17 5\n"; what cannot become one is refused before all of it is there */

static ngx_int_t
ngx_sandbox_frames_head(u_char *p, u_char *last, ngx_sandbox_frame_t *frame,
    uint64_t *ret_len, u_char **ret_text)
{
    u_char  *end;

    if (p == last) {
        return NGX_AGAIN;
    }

    switch (*p) {

    case 'o':
    case 'e':
    case 'O':
    case 'E':
    case 'h':
    case 'z':
        break;

    default:
        return NGX_ERROR;
    }

    end = ngx_strlchr(p, ngx_min(last, p + NGX_SANDBOX_FRAME_HEAD_MAX), LF);

    if (end == NULL) {
        return (last - p < NGX_SANDBOX_FRAME_HEAD_MAX) ? NGX_AGAIN
                                                       : NGX_ERROR;
    }

    frame->type = *p++;

    if (*p++ != ' ') {
        return NGX_ERROR;
    }

    p = ngx_sandbox_frames_number(p, end, NGX_SANDBOX_FRAME_NUMBER_MAX,
                                  &frame->number);

    if (p == NULL || p == end || *p++ != ' ') {
        return NGX_ERROR;
    }

    p = ngx_sandbox_frames_number(p, end, NGX_SANDBOX_FRAME_TEXT_MAX,
                                  ret_len);
    if (p != end) {
        return NGX_ERROR;
    }

    *ret_text = end + 1;

    return NGX_OK;
}


/* what follows it; NULL: it is none, or larger than max */

static u_char *
ngx_sandbox_frames_number(u_char *p, u_char *last, uint64_t max, uint64_t *ret)
{
    u_char    *start;
    uint64_t   n;

    start = p;

    for (n = 0; p < last && *p >= '0' && *p <= '9'; p++) {
        n = n * 10 + (*p - '0');

        if (n > max) {
            return NULL;
        }
    }

    *ret = n;

    return (p == start) ? NULL : p;
}


static ngx_int_t
ngx_sandbox_frames_check(ngx_sandbox_frames_t *frames,
    ngx_sandbox_frame_t *frame)
{
    u_char  *end;

    frame->missed = 0;

    if (frame->type == 'h' || frame->type == 'z') {
        frames->ended = (frame->type == 'z');
        return frame->text.len ? NGX_ERROR : NGX_OK;
    }

    if (frame->number <= frames->number || frame->text.len == 0) {
        return NGX_ERROR;
    }

    frames->number = frame->number;

    if (frame->type == 'o' || frame->type == 'e') {
        return ngx_sandbox_utf8_valid(&frame->text) ? NGX_OK : NGX_ERROR;
    }

    end = frame->text.data + frame->text.len;

    return (ngx_sandbox_frames_number(frame->text.data, end,
                                      NGX_SANDBOX_FRAME_NUMBER_MAX * 1000,
                                      &frame->missed)
            == end)
           ? NGX_OK : NGX_ERROR;
}
