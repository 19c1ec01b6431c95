
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The table "what happened" of docs/executor.md, and what a runner (that is,
 * the code) could say instead of the truth.
 */


#include "unit.h"
#include "result.h"


#define EXITED(n)  ((n) << 8)


typedef struct {
    sandbox_result_t  result;
    sandbox_output_t  out;
    sandbox_output_t  err;
    sandbox_output_t  frame;
} fixture_t;


static void
fixture_init(fixture_t *f, int wait_status, const char *frame, size_t len)
{
    memset(f, 0, sizeof(fixture_t));

    sandbox_output_init(&f->out, SANDBOX_OUTPUT_MAX, 1);
    sandbox_output_init(&f->err, SANDBOX_OUTPUT_MAX, 1);
    sandbox_output_init(&f->frame, SANDBOX_RETURN_MAX + SANDBOX_FRAME_MAX, 0);
    sandbox_output_feed(&f->frame, (const u_char *) frame, len);

    f->result.id = "exec_1";
    f->result.attempt = 3;
    f->result.timeout = 2.5;
    f->result.wait_status = wait_status;
    f->result.out = &f->out;
    f->result.err = &f->err;
    f->result.frame = &f->frame;
}


static void
fixture_free(fixture_t *f)
{
    sandbox_output_free(&f->out);
    sandbox_output_free(&f->err);
    sandbox_output_free(&f->frame);
}


static void
judged(int wait_status, const char *frame, const char *status, int code,
    const char *message, const char *value)
{
    fixture_t          f;
    sandbox_verdict_t  v;

    fixture_init(&f, wait_status, frame, strlen(frame));
    sandbox_result_judge(&v, &f.result);

    assert_string_equal(v.status, status);
    assert_int_equal(v.exit_code, code);
    assert_int_equal(v.message_len, strlen(message));
    assert_memory_equal(v.message, message, v.message_len);
    assert_int_equal(v.value_len, strlen(value));
    assert_true(v.value_len == 0
                || memcmp(v.value, value, v.value_len) == 0);

    fixture_free(&f);
}


static void
test_table(void **state)
{
    judged(0, "", "completed", 0, "", "");
    judged(0, "value 1\n0", "completed", 0, "", "0");
    judged(0, "value 4\nnull", "completed", 0, "", "null");
    judged(0, "value 2\n\"\"", "completed", 0, "", "\"\"");
    judged(0, "value 1\n1 and more", "completed", 0, "", "1");

    judged(EXITED(1), "error 13\nValueError: x", "failed", 1,
           "ValueError: x", "");
    judged(EXITED(0), "error 1\nx", "failed", 1, "x", "");
    judged(EXITED(7), "error 1\nx", "failed", 7, "x", "");
    judged(EXITED(3), "", "failed", 3, "exited with status 3", "");
    judged(EXITED(3), "value 1\n1", "failed", 3, "exited with status 3", "");
    judged(9, "", "failed", 137, "killed by signal 9 (SIGKILL)", "");
    judged(15, "value 1\n1", "failed", 143, "killed by signal 15 (SIGTERM)",
           "");
    judged(11|0x80, "", "failed", 139, "killed by signal 11 (SIGSEGV)", "");
    judged(40, "", "failed", 168, "killed by signal 40 (unknown)", "");
}


static void
test_ended(void **state)
{
    fixture_t          f;
    sandbox_verdict_t  v;

    fixture_init(&f, 0, "value 1\n1", 9);

    f.result.ended = SANDBOX_ENDED_TIMEOUT;
    sandbox_result_judge(&v, &f.result);
    assert_string_equal(v.status, "timeout");
    assert_int_equal(v.exit_code, 124);
    assert_string_equal(v.message, "timed out after 2.5 s");
    assert_int_equal(v.value_len, 0);

    f.result.ended = SANDBOX_ENDED_CANCEL;
    sandbox_result_judge(&v, &f.result);
    assert_string_equal(v.status, "cancelled");
    assert_int_equal(v.exit_code, 130);
    assert_int_equal(v.value_len, 0);

    fixture_free(&f);
}


static void
test_frames(void **state)
{
    size_t              i;
    fixture_t           f;
    sandbox_verdict_t   v;
    const char         *frames[] = {
        "v", "value", "value ", "value 1", "value \n1", "value 1\n",
        "value 2\n1", "value -1\n1", "value +1\n1", "value 1x\n1",
        "value 99999999999999999999\n1", "value 0\n", "value 3\nNaN",
        "value 3\n1,2", "value 1048577\n1", "value 2\n{]", "valuE 1\n1",
        "noise", "\n\n\n\n\n\n\n\n\n", "error", "error x\n",
        "value 3\n\"\xff\"", "value 8\n\"\\ud800\""
    };

    for (i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        fixture_init(&f, 0, frames[i], strlen(frames[i]));
        sandbox_result_judge(&v, &f.result);

        if (strcmp(v.status, "failed") != 0 || v.exit_code != 1
            || v.value_len != 0
            || strncmp(v.message, "return value ", 13) != 0)
        {
            fail_msg("%s: %s %d %s", frames[i], v.status, v.exit_code,
                     v.message);
        }

        fixture_free(&f);
    }
}


static void
test_messages(void **state)
{
    char               frame[20000];
    size_t             n;
    fixture_t          f;
    sandbox_verdict_t  v;

    /* cut between two characters */

    n = sprintf(frame, "error 4000\n");

    for (frame[n++] = 'x'; n < 4011 - 3; n += 3) {
        memcpy(frame + n, "\xe2\x82\xac", 3);
    }

    fixture_init(&f, EXITED(1), frame, n);
    sandbox_result_judge(&v, &f.result);
    assert_int_equal(v.message_len, 1 + 2047 / 3 * 3);
    fixture_free(&f);

    /* no text, too much announced, broken text */

    judged(EXITED(1), "error 0\n", "failed", 1, "failed without a message",
           "");
    judged(EXITED(1), "error 9\nabc", "failed", 1, "abc", "");
    judged(EXITED(1), "error 3\nabcdef", "failed", 1, "abc", "");
    judged(EXITED(1), "error 3\na\xff" "b", "failed", 1,
           "a\xef\xbf\xbd" "b", "");
}


static void
test_render(void **state)
{
    char             *text, *end;
    size_t            i, n;
    json_t           *head;
    fixture_t         f;
    struct evbuffer  *body;

    fixture_init(&f, 0, "value 2\n[]", 10);

    sandbox_output_feed(&f.out, (const u_char *) "out\n", 4);
    sandbox_output_feed(&f.err, (const u_char *) "err", 3);
    f.result.duration_ms = 12.34;
    f.result.metrics.peak_memory_mb = 9.46;

    body = sandbox_result_render(&f.result);
    assert_non_null(body);

    n = evbuffer_get_length(body);
    text = (char *) evbuffer_pullup(body, -1);
    end = memchr(text, '\n', n);
    assert_non_null(end);

    head = json_loadb(text, end - text, 0, NULL);
    assert_non_null(head);
    assert_int_equal(json_object_size(head), 13);
    assert_int_equal(json_integer_value(json_object_get(head, "attempt")),
                     3);
    assert_true(json_is_null(json_object_get(head, "error_message")));
    assert_non_null(memmem(text, n, "\"duration_ms\":12.3,", 19));
    assert_non_null(memmem(text, n, "\"peak_memory_mb\":9.5,", 21));
    json_decref(head);

    assert_int_equal(text + n - end, 1 + 9);
    assert_memory_equal(end, "\nout\nerr[]", 10);

    evbuffer_free(body);
    fixture_free(&f);

    /* the worst message still leaves a head of 16 KiB */

    fixture_init(&f, EXITED(1), "error 9999\n", 11);

    for (i = 0; i < 9999; i++) {
        sandbox_output_feed(&f.frame, (const u_char *) "\x01", 1);
    }

    body = sandbox_result_render(&f.result);
    n = evbuffer_get_length(body);
    assert_true(n > 6 * SANDBOX_MESSAGE_MAX && n <= 16384);

    evbuffer_free(body);
    fixture_free(&f);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_ended),
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_render)
    };

    return cmocka_run_group_tests_name("result", tests, NULL, NULL);
}
