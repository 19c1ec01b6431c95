
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Would catch: a frame from a sandbox that is taken although a length, a type,
 * a range or an encoding is wrong, a text that is cut at the wrong byte, a
 * number that breaks the JSON of an answer.
 */


#include "ngx_sandbox_unit.h"
#include "ngx_sandbox.h"
#include "ngx_sandbox_json_valid.h"
#include "ngx_sandbox_result.h"


static ngx_str_t             reason;
static ngx_sandbox_result_t  result;


/* what a good head is made of; a test replaces some of it */

typedef struct {
    char  *execution_id;
    char  *status;
    char  *exit_code;
    char  *error_message;
    char  *out;
    char  *err;
    char  *value;
    char  *dropped;
    char  *duration;
    char  *metrics;
    char  *more;
} head_t;


static ngx_int_t
decode_text(const void *head, size_t len, const void *rest, size_t rest_len)
{
    u_char  *p;

    p = ngx_palloc(unit_pool, len + rest_len + 1);
    assert_non_null(p);

    ngx_memcpy(p, head, len);
    ngx_memcpy(p + len, rest, rest_len);

    ngx_memzero(&result, sizeof(result));
    ngx_str_null(&reason);

    return ngx_sandbox_result_decode(unit_pool, unit_bytes(p, len + rest_len),
                                     &result, &reason);
}


static ngx_int_t
decode(head_t *h, const char *rest)
{
    u_char  buf[32768], *p;

#define member(name, value)  h->name ? h->name : value

    p = ngx_snprintf(buf, sizeof(buf),
                     "{\"execution_id\":%s,\"status\":%s,\"exit_code\":%s,"
                     "\"error_message\":%s,\"stdout_bytes\":%s,"
                     "\"stderr_bytes\":%s,\"return_value_bytes\":%s,"
                     "\"stdout_dropped\":%s,\"stderr_dropped\":0,"
                     "\"duration_ms\":%s,\"metrics\":%s%s}\n",
                     member(execution_id, "\"exec_20261124_abcdefgh\""),
                     member(status, "\"completed\""),
                     member(exit_code, "0"),
                     member(error_message, "null"),
                     member(out, "3"), member(err, "2"), member(value, "4"),
                     member(dropped, "0"),
                     member(duration, "12.3"),
                     member(metrics, "{\"cpu_time_ms\":10,"
                            "\"peak_memory_mb\":9.5,\"io_read_bytes\":0,"
                            "\"io_write_bytes\":7,\"queued_ms\":0.5,"
                            "\"oom_killed\":true,\"stdout_dropped_bytes\":1,"
                            "\"stderr_dropped_bytes\":2,"
                            "\"stdout_replaced_bytes\":3,"
                            "\"stderr_replaced_bytes\":4}"),
                     member(more, ""));

    return decode_text(buf, p - buf, rest, strlen(rest));
}


static void
refused(head_t *h, const char *rest, const char *why)
{
    if (decode(h, rest) != NGX_DECLINED || result.execution_id.len) {
        fail_msg("accepted, instead of: %s", why);
    }

    if (memmem(reason.data, reason.len, why, strlen(why)) == NULL) {
        fail_msg("%.*s, instead of: %s", (int) reason.len, reason.data, why);
    }
}


static void
test_good(void **state)
{
    assert_int_equal(decode(&(head_t) { .err = "3" }, "outerr[41]"), NGX_OK);

    assert_text(&result.execution_id, "exec_20261124_abcdefgh");
    assert_int_equal(result.attempt, 1);
    assert_int_equal(result.status, NGX_SANDBOX_RESULT_COMPLETED);
    assert_text(&result.status_name, "completed");
    assert_int_equal(result.exit_code, 0);
    assert_int_equal(result.has_exit_code, 1);
    assert_null(result.error_message.data);
    assert_text(&result.stdout_text, "out");
    assert_text(&result.stderr_text, "err");
    assert_text(&result.return_value, "[41]");
    assert_int_equal(result.stdout_dropped, 0);
    assert_text(&result.duration_ms, "12.3");
    assert_text(&result.metrics, "{\"duration_ms\":12.3,\"cpu_time_ms\":10.0,"
                "\"peak_memory_mb\":9.5,\"io_read_bytes\":0,"
                "\"io_write_bytes\":7,\"queued_ms\":0.5,"
                "\"oom_killed\":true,\"stdout_dropped_bytes\":1,"
                "\"stderr_dropped_bytes\":2,\"stdout_replaced_bytes\":3,"
                "\"stderr_replaced_bytes\":4}");
}


static void
test_good_ones(void **state)
{
    /* nothing at all was said */

    assert_int_equal(decode(&(head_t) { .out = "0", .err = "0", .value = "0",
                                        .exit_code = "null",
                                        .metrics = "null", .duration = "0",
                                        .status = "\"cancelled\"" }, ""),
                     NGX_OK);
    assert_int_equal(result.status, NGX_SANDBOX_RESULT_CANCELLED);
    assert_int_equal(result.has_exit_code, 0);
    assert_int_equal(result.stdout_text.len, 0);
    assert_int_equal(result.return_value.len, 0);
    assert_text(&result.duration_ms, "0.0");
    assert_text(&result.metrics, "{\"duration_ms\":0.0,\"cpu_time_ms\":null,"
                "\"peak_memory_mb\":null,\"io_read_bytes\":null,"
                "\"io_write_bytes\":null,\"queued_ms\":null,"
                "\"oom_killed\":null,\"stdout_dropped_bytes\":null,"
                "\"stderr_dropped_bytes\":null,"
                "\"stdout_replaced_bytes\":null,"
                "\"stderr_replaced_bytes\":null}");

    assert_int_equal(decode(&(head_t) { .out = "0", .err = "0", .value = "0",
                                        .status = "\"failed\"",
                                        .exit_code = "255",
                                        .error_message = "\"a \\\"b\\\"\"",
                                        .dropped = "123456789012" }, ""),
                     NGX_OK);
    assert_int_equal(result.status, NGX_SANDBOX_RESULT_FAILED);
    assert_int_equal(result.exit_code, 255);
    assert_text(&result.error_message, "a \"b\"");
    assert_int_equal(result.stdout_dropped, 123456789012);

    assert_int_equal(decode(&(head_t) { .exit_code = "-1", .out = "3",
                                        .err = "0", .value = "0",
                                        .status = "\"timeout\"" },
                            "\xe2\x82\xac"),
                     NGX_OK);
    assert_int_equal(result.status, NGX_SANDBOX_RESULT_TIMEOUT);
    assert_int_equal(result.exit_code, -1);
    assert_text(&result.stdout_text, "\xe2\x82\xac");

    assert_int_equal(decode(&(head_t) { .more = ",\"attempt\":1000" },
                            "outer[41]"),
                     NGX_OK);
    assert_int_equal(result.attempt, 1000);
    assert_int_equal(result.events.len, 0);

    assert_int_equal(decode(&(head_t) { .more = ",\"events_bytes\":8" },
                            "outer[41]o2 e2 o1"),
                     NGX_OK);
    assert_text(&result.return_value, "[41]");
    assert_text(&result.events, "o2 e2 o1");
}


/* "raise ValueError('a\0b')" */

static void
test_nul_in_message(void **state)
{
    size_t  i;

    static const struct {
        char  *message;
        char  *want;
    } cases[] = {
        { "\"a\\u0000b\"", "a?b" },
        { "\"\\u0000\\u0000\"", "??" },
        { "\"\\\\u0000\"", "\\u0000" },
        { "\"\\\\\\u0000\"", "\\?" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(decode(&(head_t) { .err = "3",
                                            .error_message =
                                                cases[i].message },
                                "outerr[41]"),
                         NGX_OK);
        assert_int_equal(result.error_message.len, strlen(cases[i].want));
        assert_memory_equal(result.error_message.data, cases[i].want,
                            strlen(cases[i].want));
    }

    assert_int_equal(decode(&(head_t) { .execution_id = "\"a\\u0000\"" },
                            "outer[41]"),
                     NGX_DECLINED);
}


static void
test_bad_head(void **state)
{
    size_t  i;

    static const struct {
        head_t   head;
        char    *why;
    } cases[] = {
        { { .execution_id = "\"\"" }, "execution_id: must be 1 to 64" },
        { { .execution_id = "\"../../x\"" }, "execution_id: must be 1 to 64" },
        { { .execution_id = "7" }, "execution_id: must be 1 to 64" },
        { { .execution_id = "null" }, "execution_id: must be 1 to 64" },
        { { .status = "\"done\"" }, "status: must be one of completed" },
        { { .status = "\"crashed\"" }, "status: must be one of completed" },
        { { .status = "0" }, "status: must be one of completed" },
        { { .exit_code = "256" }, "exit_code: must be an integer from -1" },
        { { .exit_code = "-2" }, "exit_code: must be an integer from -1" },
        { { .exit_code = "0.5" }, "exit_code: must be an integer from -1" },
        { { .exit_code = "18446744073709551616" }, "a number is too large" },
        { { .error_message = "7" }, "error_message: must be a string" },
        { { .error_message = "\"\\ud800\"" }, "surrogate" },
        { { .error_message = "\"\xff\"" }, "not valid UTF-8" },
        { { .out = "-1" }, "stdout_bytes: must be an integer" },
        { { .out = "1048577" }, "stdout_bytes: must be an integer" },
        { { .out = "\"3\"" }, "stdout_bytes: must be an integer" },
        { { .out = "null" }, "stdout_bytes: must be an integer" },
        { { .out = "9223372036854775807" }, "stdout_bytes: must be" },
        { { .err = "1048577" }, "stderr_bytes: must be an integer" },
        { { .err = "-3" }, "stderr_bytes: must be an integer" },
        { { .value = "1048577" }, "return_value_bytes: must be an integer" },
        { { .value = "-4" }, "return_value_bytes: must be an integer" },
        { { .dropped = "-1" }, "stdout_dropped: must be an integer" },
        { { .dropped = "1e300" }, "stdout_dropped: must be an integer" },
        { { .duration = "-0.1" }, "duration_ms: must be a number" },
        { { .duration = "1e308" }, "duration_ms: must be a number" },
        { { .duration = "1e999" }, "a number is too large" },
        { { .duration = "NaN" }, "a value is expected" },
        { { .duration = "\"1\"" }, "duration_ms: must be a number" },
        { { .metrics = "7" }, "metrics: must be an object" },
        { { .metrics = "{\"cpu_time_ms\":-1}" }, "metrics.cpu_time_ms: must" },
        { { .metrics = "{\"io_read_bytes\":0.5}" }, "metrics.io_read_bytes" },
        { { .metrics = "{\"x\":1}" }, "metrics.x: unknown field" },
        { { .more = ",\"events_bytes\":-1" }, "events_bytes: must be" },
        { { .more = ",\"events_bytes\":262145" }, "events_bytes: must be" },
        { { .more = ",\"events_bytes\":null" }, "events_bytes: must be" },
        { { .more = ",\"attempt\":0" }, "attempt: must be an integer" },
        { { .more = ",\"attempt\":1001" }, "attempt: must be an integer" },
        { { .more = ",\"attempt\":null" }, "attempt: must be an integer" },
        { { .more = ",\"foo\":1" }, "foo: unknown field" },
        { { .more = ",\"status\":\"failed\"" }, "a key is given twice" },
        { { .more = ",\"a\":[[[" }, "a value is expected" },
        { { .more = ",\"a\":[1" }, "a comma or a closing bracket" },
        { { .more = "}" }, "text follows the document" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        refused((head_t *) &cases[i].head, "outer[41]", cases[i].why);
    }

    assert_int_equal(decode_text("{}\n", 3, "", 0), NGX_DECLINED);
    assert_non_null(memmem(reason.data, reason.len, "is required", 11));

    assert_int_equal(decode_text("\n", 1, "", 0), NGX_DECLINED);
    assert_int_equal(decode_text("[]\n", 3, "", 0), NGX_DECLINED);
    assert_int_equal(decode_text("", 0, "", 0), NGX_DECLINED);
    assert_text(&reason, "the head does not end in time");
    assert_int_equal(decode_text("{}", 2, "", 0), NGX_DECLINED);
    assert_text(&reason, "the head does not end in time");
}


static void
test_bad_body(void **state)
{
    head_t  h = { .out = "3", .err = "3", .value = "4" };

    refused(&h, "outerr[41", "lengths do not add up");
    refused(&h, "outerr[41]x", "lengths do not add up");
    refused(&h, "", "lengths do not add up");
    refused(&h, "ou\xff" "err[41]", "stdout is not valid UTF-8");
    refused(&h, "outer\xff[41]", "stderr is not valid UTF-8");

    /* a character that is cut by the border of two texts is none */

    refused(&h, "ou\xc3\xa9rr[41]", "stdout is not valid UTF-8");

    refused(&h, "outerr[4,]", "return value is not valid JSON");
    refused(&h, "outerr NaN", "return value is not valid JSON");
    refused(&h, "outerr    ", "return value is not valid JSON");
    refused(&h, "outerr\"\xff\xff\"", "return value is not valid JSON");

    h.more = ",\"events_bytes\":2";

    refused(&h, "outerr[41]", "lengths do not add up");
    refused(&h, "outerr[41]o3x", "lengths do not add up");
    refused(&h, "outerr[41]o4", "the events do not fit");
    refused(&h, "outerr[41]x3", "the events do not fit");
    refused(&h, "outerr[41]\xc3\xa9", "the events do not fit");
}


static void
test_head_length(void **state)
{
    size_t   len;
    u_char  *buf, *p;

    buf = ngx_palloc(unit_pool, 32768);
    assert_non_null(buf);

    for (len = NGX_SANDBOX_RESULT_HEAD_MAX;
         len <= NGX_SANDBOX_RESULT_HEAD_MAX + 1;
         len++)
    {
        memset(buf, ' ', 32768);
        p = ngx_sprintf(buf, "{\"execution_id\":\"e\",\"status\":\"failed\","
                        "\"exit_code\":1,\"error_message\":null,"
                        "\"stdout_bytes\":0,\"stderr_bytes\":0,"
                        "\"return_value_bytes\":0,\"stdout_dropped\":0,"
                        "\"stderr_dropped\":0,\"duration_ms\":1,"
                        "\"metrics\":null}");
        assert_true((size_t) (p - buf) < len);
        buf[len] = LF;

        assert_int_equal(decode_text(buf, len + 1, "", 0),
                         len == NGX_SANDBOX_RESULT_HEAD_MAX ? NGX_OK
                                                            : NGX_DECLINED);
    }

    assert_text(&reason, "the head does not end in time");
}


static void
test_error_message_length(void **state)
{
    size_t  len;
    char    message[NGX_SANDBOX_ERROR_MAX + 4];

    for (len = NGX_SANDBOX_ERROR_MAX; len <= NGX_SANDBOX_ERROR_MAX + 1; len++)
    {
        memset(message, 'x', sizeof(message));
        message[0] = '"';
        message[len + 1] = '"';
        message[len + 2] = '\0';

        assert_int_equal(decode(&(head_t) { .err = "3",
                                            .error_message = message },
                                "outerr[41]"),
                         len == NGX_SANDBOX_ERROR_MAX ? NGX_OK : NGX_DECLINED);
    }
}


static void
test_largest(void **state)
{
    u_char    *rest, head[1024], *p;
    size_t     n;

    n = 3 * 1024 * 1024;

    rest = ngx_palloc(unit_pool, n);
    assert_non_null(rest);

    memset(rest, 'x', n);
    rest[2 * 1024 * 1024] = '"';
    rest[n - 1] = '"';

    p = ngx_sprintf(head, "{\"execution_id\":\"e\",\"status\":\"failed\","
                    "\"exit_code\":1,\"error_message\":null,"
                    "\"stdout_bytes\":1048576,\"stderr_bytes\":1048576,"
                    "\"return_value_bytes\":1048576,\"stdout_dropped\":1,"
                    "\"stderr_dropped\":2,\"duration_ms\":1,"
                    "\"metrics\":null}\n");

    assert_int_equal(decode_text(head, p - head, rest, n), NGX_OK);
    assert_int_equal(result.stdout_text.len, 1048576);
    assert_int_equal(result.stderr_text.len, 1048576);
    assert_int_equal(result.return_value.len, 1048576);
    assert_int_equal(result.stderr_dropped, 2);
    assert_true((p - head) + n <= NGX_SANDBOX_RESULT_MAX);
}


static void
test_every_truncation(void **state)
{
    size_t  i;

    static const char  frame[] =
        "{\"execution_id\":\"e\",\"status\":\"failed\",\"exit_code\":1,"
        "\"error_message\":null,\"stdout_bytes\":2,\"stderr_bytes\":2,"
        "\"return_value_bytes\":2,\"stdout_dropped\":0,\"stderr_dropped\":0,"
        "\"duration_ms\":1,\"metrics\":{}}\nabcd[]";

    assert_int_equal(decode_text(frame, sizeof(frame) - 1, "", 0), NGX_OK);

    for (i = 0; i < sizeof(frame) - 1; i++) {
        if (decode_text(frame, i, "", 0) != NGX_DECLINED) {
            fail_msg("the first %zu bytes are accepted", i);
        }
    }
}


static const struct CMUnitTest  tests[] = {
    ngx_sandbox_unit_test(test_good),
    ngx_sandbox_unit_test(test_good_ones),
    ngx_sandbox_unit_test(test_nul_in_message),
    ngx_sandbox_unit_test(test_bad_head),
    ngx_sandbox_unit_test(test_bad_body),
    ngx_sandbox_unit_test(test_head_length),
    ngx_sandbox_unit_test(test_error_message_length),
    ngx_sandbox_unit_test(test_largest),
    ngx_sandbox_unit_test(test_every_truncation),
};

ngx_sandbox_unit_main(tests)
