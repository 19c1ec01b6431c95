
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Takes the input as the shape of an output.  Whatever it is, reading it ends;
 * and if it is accepted, reading from any record on gives what a full read has
 * there, and all of it lies in the output.
 */


#include "ngx_sandbox_fuzz.h"
#include "ngx_sandbox.h"
#include "ngx_sandbox_events.h"


#define FUZZ_RECORDS  64


static void
fuzz_one(ngx_pool_t *pool, const ngx_str_t *text)
{
    ngx_int_t              rc;
    ngx_str_t              out;
    ngx_uint_t             n, k, from;
    ngx_sandbox_event_t    all[FUZZ_RECORDS], e;
    ngx_sandbox_events_t   events;

    static u_char  output[NGX_SANDBOX_OUTPUT_MAX];

    out.len = NGX_SANDBOX_OUTPUT_MAX / 2;
    out.data = output;

    rc = ngx_sandbox_events_check(text, &out, &out);

    if (rc != NGX_OK) {
        fuzz_bug(rc != NGX_DECLINED);
        return;
    }

    ngx_sandbox_events_init(&events, text, 0);

    for (n = 0;
         n < FUZZ_RECORDS
         && ngx_sandbox_events_next(&events, &all[n]) == NGX_OK;
         n++)
    {
        fuzz_bug(n && all[n].number <= all[n - 1].number);
        fuzz_bug(!all[n].gap && all[n].len == 0);
        fuzz_bug(!all[n].gap && all[n].offset + all[n].len > out.len);
        fuzz_bug(!all[n].gap && n && all[n].number != all[n - 1].number + 1);
    }

    for (from = 0; from <= n; from++) {
        ngx_sandbox_events_init(&events, text,
                                from ? all[from - 1].number : 0);

        for (k = from; k < n; k++) {
            fuzz_bug(ngx_sandbox_events_next(&events, &e) != NGX_OK);
            fuzz_bug(e.number != all[k].number || e.len != all[k].len);
            fuzz_bug(e.offset != all[k].offset || e.gap != all[k].gap);
            fuzz_bug(e.stream != all[k].stream);
        }

        if (n < FUZZ_RECORDS) {
            fuzz_bug(ngx_sandbox_events_next(&events, &e) != NGX_DONE);
        }
    }
}
