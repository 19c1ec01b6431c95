
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Reads what an executor sends of an output while that is written: see
 * docs/executor.md, "The output while it is written".  Nothing is copied: a
 * frame is taken out of the reader's buffer when all of it has come.
 */


#ifndef _NGX_SANDBOX_FRAMES_H_INCLUDED_
#define _NGX_SANDBOX_FRAMES_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_SANDBOX_FRAME_TEXT_MAX    65536
#define NGX_SANDBOX_FRAME_NUMBER_MAX  999999999999ULL

/* the largest frame; a buffer of this size is enough for any */
#define NGX_SANDBOX_FRAME_HEAD_MAX    64
#define NGX_SANDBOX_FRAME_MAX                                                 \
    (NGX_SANDBOX_FRAME_HEAD_MAX + NGX_SANDBOX_FRAME_TEXT_MAX + 1)

/* of the answer that the frames are the body of */
#define NGX_SANDBOX_FRAMES_ANSWER_MAX  4096


typedef struct {
    u_char       type;          /* 'o', 'e', 'O', 'E', 'h' or 'z' */
    uint64_t     number;
    ngx_str_t    text;          /* of 'o' and 'e': UTF-8; in the buffer */
    uint64_t     missed;        /* of 'O' and 'E': bytes */
} ngx_sandbox_frame_t;


typedef struct {
    uint64_t     number;        /* of the last record or gap; 0: none yet */
    size_t       need;          /* after NGX_AGAIN: bytes from *pos on that
                                   the frame takes, as far as is known */
    unsigned     ended:1;       /* there was a 'z' */
} ngx_sandbox_frames_t;


/*
 * The head of an answer.  NGX_OK: *pos is behind it, *ret_status is its status;
 * NGX_AGAIN: it is not all there; NGX_ERROR: it is none, or too long.
 */
ngx_int_t ngx_sandbox_frames_answer(u_char **pos, u_char *last,
    ngx_uint_t *ret_status);

/*
 * The next frame between *pos and last, for a zeroed structure.
 *
 * NGX_OK:    *pos is behind it, and ret is set
 * NGX_AGAIN: it is not all there; *pos stays
 * NGX_ERROR: it is none that an executor sends, or follows the end
 */
ngx_int_t ngx_sandbox_frames_next(ngx_sandbox_frames_t *frames, u_char **pos,
    u_char *last, ngx_sandbox_frame_t *ret);


#endif /* _NGX_SANDBOX_FRAMES_H_INCLUDED_ */
