
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Takes the input as an executor's answer: a head, then frames.  Wherever it is
 * cut on its way, the same frames come out and the same end; what the parser
 * says that it needs is bounded; and numbers rise.
 */


#include "ngx_sandbox_fuzz.h"
#include "ngx_sandbox_frames.h"
#include "ngx_sandbox_utf8.h"


typedef struct {
    ngx_int_t    rc;
    ngx_uint_t   n;
    size_t       used;
    uint64_t     number;
} fuzz_end_t;


static void
fuzz_read(const ngx_str_t *text, size_t step, fuzz_end_t *end)
{
    size_t                 have;
    u_char                *p, *last;
    uint64_t               number;
    ngx_int_t              rc;
    ngx_sandbox_frame_t    f;
    ngx_sandbox_frames_t   frames;

    ngx_memzero(&frames, sizeof(ngx_sandbox_frames_t));
    ngx_memzero(end, sizeof(fuzz_end_t));

    p = text->data;
    last = text->data + text->len;
    have = 0;
    number = 0;

    for ( ;; ) {
        rc = ngx_sandbox_frames_next(&frames, &p, text->data + have, &f);

        if (rc == NGX_AGAIN && have < text->len) {
            fuzz_bug(frames.need > NGX_SANDBOX_FRAME_MAX);
            fuzz_bug(!frames.ended
                     && frames.need <= (size_t) (text->data + have - p));
            have = ngx_min(have + step, text->len);
            continue;
        }

        if (rc != NGX_OK) {
            break;
        }

        fuzz_bug(p > last || f.text.data + f.text.len >= p);
        fuzz_bug(f.number > NGX_SANDBOX_FRAME_NUMBER_MAX);

        if (f.type == 'o' || f.type == 'e') {
            fuzz_bug(f.text.len == 0 || !ngx_sandbox_utf8_valid(&f.text));
        }

        if (f.type != 'h' && f.type != 'z') {
            fuzz_bug(f.number <= number);
            number = f.number;
        }

        end->n++;
    }

    end->rc = rc;
    end->used = p - text->data;
    end->number = frames.number;
}


static void
fuzz_one(ngx_pool_t *pool, const ngx_str_t *text)
{
    size_t      step;
    u_char     *p;
    ngx_int_t   rc;
    ngx_str_t   rest;
    ngx_uint_t  status;
    fuzz_end_t  whole, parts;

    rest = *text;
    p = text->data;

    rc = ngx_sandbox_frames_answer(&p, text->data + text->len, &status);

    if (rc == NGX_OK) {
        fuzz_bug(status < 100 || status > 999);
        rest.len -= p - text->data;
        rest.data = p;
    }

    fuzz_read(&rest, rest.len + 1, &whole);

    for (step = 1; step < 20; step += 6) {
        fuzz_read(&rest, step, &parts);

        fuzz_bug(parts.n != whole.n || parts.rc != whole.rc);
        fuzz_bug(parts.used != whole.used || parts.number != whole.number);
    }
}
