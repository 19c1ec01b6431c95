
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Takes the input as a result of an executor.  What is accepted lies within the
 * body, in order and without a gap, and is what its header promises.
 */


#include "ngx_sandbox_fuzz.h"
#include "ngx_sandbox.h"
#include "ngx_sandbox_id.h"
#include "ngx_sandbox_utf8.h"
#include "ngx_sandbox_events.h"
#include "ngx_sandbox_json_valid.h"
#include "ngx_sandbox_result.h"


static void
fuzz_one(ngx_pool_t *pool, const ngx_str_t *text)
{
    ngx_int_t             rc;
    ngx_str_t             reason;
    ngx_sandbox_result_t  r;

    rc = ngx_sandbox_result_decode(pool, text, &r, &reason);

    fuzz_bug(rc == NGX_ERROR);

    if (rc == NGX_DECLINED) {
        fuzz_bug(reason.len == 0 || !ngx_sandbox_utf8_valid(&reason));
        return;
    }

    fuzz_bug(!ngx_sandbox_id_valid(&r.execution_id));
    fuzz_bug(r.attempt < 1 || r.attempt > NGX_SANDBOX_ATTEMPT_MAX);
    fuzz_bug(r.exit_code < -1 || r.exit_code > 255);
    fuzz_bug(r.error_message.len > NGX_SANDBOX_ERROR_MAX);
    fuzz_bug(!ngx_sandbox_utf8_valid(&r.error_message));

    fuzz_bug(r.stdout_text.data <= text->data);
    fuzz_bug(r.stderr_text.data != r.stdout_text.data + r.stdout_text.len);
    fuzz_bug(r.return_value.data != r.stderr_text.data + r.stderr_text.len);
    fuzz_bug(r.events.data != r.return_value.data + r.return_value.len);
    fuzz_bug(r.events.data + r.events.len != text->data + text->len);
    fuzz_bug(ngx_sandbox_events_check(&r.events, &r.stdout_text,
                                      &r.stderr_text)
             != NGX_OK);

    fuzz_bug(!ngx_sandbox_utf8_valid(&r.stdout_text));
    fuzz_bug(!ngx_sandbox_utf8_valid(&r.stderr_text));
    fuzz_bug(r.return_value.len
             && !ngx_sandbox_json_valid(&r.return_value,
                                        NGX_SANDBOX_JSON_MAX_DEPTH));

    fuzz_bug(!ngx_sandbox_json_valid(&r.metrics, 1));
    fuzz_bug(!ngx_sandbox_json_number_valid(&r.duration_ms));
}
