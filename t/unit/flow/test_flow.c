
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The step runner.  Every step here is the same three functions, which do what
 * a script says for their index and leave a trace: "s0 f0 s1 u1 u0 D-1".
 */


#include "ngx_sandbox_unit.h"
#include "ngx_sandbox_flow.h"


#define STEPS_MAX  1001


typedef struct {
    char         start[STEPS_MAX];   /* what a step does when it starts:
                                        'o' OK, 'd' DONE, 'e' ERROR,
                                        'a' AGAIN, 'r' AGAIN, resumed inside */
    char         finish[STEPS_MAX];  /* 'o', 'd', 'e', 'a', or 0: no finish */
    char         undo[STEPS_MAX];    /* 'o', 'e', 'a', 'r', or 0: no undo */
    ngx_uint_t   done;               /* calls of done */
    ngx_uint_t   cancelled;
    ngx_uint_t   depth;              /* of start() inside itself */
    u_char      *stack_min;
    u_char      *stack_max;
    u_char       trace[256];         /* its beginning */
    u_char      *last;
} script_t;


static ngx_sandbox_step_t  steps[STEPS_MAX + 1];
static script_t            script;
static ngx_sandbox_flow_t  flow;
static ngx_log_t           flow_log;
static ngx_connection_t    connection;


static void
trace(char kind, ngx_int_t n)
{
    u_char  here;

    if (script.stack_min == NULL || &here < script.stack_min) {
        script.stack_min = &here;
    }

    if (&here > script.stack_max) {
        script.stack_max = &here;
    }

    if (script.last - script.trace < (ssize_t) sizeof(script.trace) - 16) {
        script.last = ngx_sprintf(script.last, "%c%i ", kind, n);
    }
}


static void
cancel(ngx_sandbox_flow_t *f)
{
    script.cancelled++;
}


static ngx_int_t
act(ngx_sandbox_flow_t *f, char what)
{
    switch (what) {

    case 'o':
        return NGX_OK;

    case 'd':
        return NGX_DONE;

    case 'a':
        return NGX_AGAIN;

    case 'c':
        f->cancel = cancel;
        return NGX_AGAIN;

    case 'r':
        ngx_sandbox_flow_resume(f, NGX_OK);
        return NGX_AGAIN;

    default:
        return ngx_sandbox_flow_fail(f, NGX_SANDBOX_CONFLICT, "step %ui",
                                     f->current);
    }
}


static ngx_int_t
step_start(ngx_sandbox_flow_t *f)
{
    ngx_int_t  rc;

    assert_int_equal(script.depth, 0);
    assert_string_equal(f->log->action, "acting");

    script.depth++;
    trace('s', f->current);
    rc = act(f, script.start[f->current]);
    script.depth--;

    return rc;
}


static ngx_int_t
step_finish(ngx_sandbox_flow_t *f)
{
    trace('f', f->current);

    return act(f, script.finish[f->current]);
}


static ngx_int_t
step_undo(ngx_sandbox_flow_t *f)
{
    trace('u', f->current);

    return act(f, script.undo[f->current]);
}


static void
done(ngx_sandbox_flow_t *f, ngx_int_t rc)
{
    script.done++;
    trace('D', rc);
}


/* each string is a step: start, finish, undo; '-' for none */

static void
run(ngx_uint_t n, char **what)
{
    ngx_uint_t  i;

    ngx_memzero(&script, sizeof(script_t));
    ngx_memzero(&flow, sizeof(ngx_sandbox_flow_t));
    ngx_memzero(steps, sizeof(steps));

    script.last = script.trace;

    for (i = 0; i < n; i++) {
        steps[i].name = "acting";
        steps[i].start = step_start;
        script.start[i] = what[i][0];

        if (what[i][1] != '-') {
            steps[i].finish = step_finish;
            script.finish[i] = what[i][1];
        }

        if (what[i][2] != '-') {
            steps[i].undo = step_undo;
            script.undo[i] = what[i][2];
        }
    }

    flow_log = unit_log;
    flow_log.log_level = NGX_LOG_ALERT;

    flow.steps = steps;
    flow.pool = unit_pool;
    flow.log = &flow_log;
    flow.connection = &connection;
    flow.done = done;

    ngx_sandbox_flow_start(&flow);
}


#define run_steps(...)                                                        \
    run(sizeof((char *[]) { __VA_ARGS__ }) / sizeof(char *),                  \
        (char *[]) { __VA_ARGS__ })

#define assert_trace(text)                                                    \
    do {                                                                      \
        *script.last = '\0';                                                  \
        assert_string_equal(script.trace, text);                              \
    } while (0)


static void
test_synchronous(void **state)
{
    run_steps("o--", "o-o", "o--");
    assert_trace("s0 s1 s2 D0 ");
    assert_null(flow.log->action);
}


static void
test_asynchronous(void **state)
{
    run_steps("ao-", "a--", "o--");
    assert_trace("s0 ");

    ngx_sandbox_flow_resume(&flow, NGX_OK);
    assert_trace("s0 f0 s1 ");

    ngx_sandbox_flow_resume(&flow, NGX_OK);
    assert_trace("s0 f0 s1 s2 D0 ");
}


/* an operation that ends inside start() must not run the loop inside itself */

static void
test_completed_inside_start(void **state)
{
    run_steps("ro-", "r--", "ro-");
    assert_trace("s0 f0 s1 s2 f2 D0 ");
}


/* a step may start one operation after the other */

static void
test_finish_continues(void **state)
{
    run_steps("aa-", "o--");
    ngx_sandbox_flow_resume(&flow, NGX_OK);
    ngx_sandbox_flow_resume(&flow, NGX_OK);
    assert_trace("s0 f0 f0 ");

    script.finish[0] = 'o';
    ngx_sandbox_flow_resume(&flow, NGX_OK);
    assert_trace("s0 f0 f0 f0 s1 D0 ");
}


static void
test_early_end(void **state)
{
    run_steps("o-o", "d-o", "o-o");
    assert_trace("s0 s1 D0 ");

    run_steps("o-o", "ado", "o-o");
    ngx_sandbox_flow_resume(&flow, NGX_OK);
    assert_trace("s0 s1 f1 D0 ");
}


/* every step fails once, in start, in finish, and by its operation */

static void
test_failure_in_each_step(void **state)
{
    run_steps("e-o", "o-o", "o-o");
    assert_trace("s0 u0 D-1 ");

    run_steps("o-o", "e-o", "o-o");
    assert_trace("s0 s1 u1 u0 D-1 ");

    run_steps("o-o", "o-o", "e-o");
    assert_trace("s0 s1 s2 u2 u1 u0 D-1 ");
    assert_int_equal(flow.error.id, NGX_SANDBOX_CONFLICT);
    assert_text(&flow.error.detail, "step 2");

    run_steps("o-o", "aeo", "o-o");
    ngx_sandbox_flow_resume(&flow, NGX_OK);
    assert_trace("s0 s1 f1 u1 u0 D-1 ");

    run_steps("o-o", "a-o", "o-o");
    ngx_sandbox_flow_resume(&flow, NGX_ERROR);
    assert_trace("s0 s1 u1 u0 D-1 ");
    assert_int_equal(flow.error.id, NGX_SANDBOX_INTERNAL_ERROR);
}


static void
test_undo(void **state)
{
    /* without an undo, asynchronous, completed inside, and failing itself */

    run_steps("o-a", "o--", "o-r", "o-e", "e-o");
    assert_trace("s0 s1 s2 s3 s4 u4 u3 u2 u0 ");

    ngx_sandbox_flow_resume(&flow, NGX_OK);
    assert_trace("s0 s1 s2 s3 s4 u4 u3 u2 u0 D-1 ");

    /* what an undo says does not hide the cause */

    assert_text(&flow.error.detail, "step 4");
}


/* a failure that the step dealt with is not the reason of a later one */

static void
test_recovered_failure(void **state)
{
    run_steps("ao-", "a--");
    (void) ngx_sandbox_flow_fail(&flow, NGX_SANDBOX_CONFLICT, "earlier");
    ngx_sandbox_flow_resume(&flow, NGX_ERROR);
    assert_int_equal(flow.error.id, NGX_SANDBOX_NO_ERROR);

    ngx_sandbox_flow_resume(&flow, NGX_ERROR);
    assert_int_equal(flow.error.id, NGX_SANDBOX_INTERNAL_ERROR);
}


static void
test_client_gone(void **state)
{
    run_steps("co-", "o--");
    ngx_sandbox_flow_abort(&flow);
    assert_int_equal(script.cancelled, 1);

    /* what comes too late changes nothing */

    ngx_sandbox_flow_resume(&flow, NGX_OK);
    ngx_sandbox_flow_abort(&flow);
    assert_trace("s0 ");
    assert_int_equal(script.done, 0);
    assert_int_equal(script.cancelled, 1);

    run_steps("o--");
    ngx_sandbox_flow_abort(&flow);
    assert_trace("s0 D0 ");
}


static void
expire(ngx_msec_t passed)
{
    ngx_current_msec += passed;
    ngx_event_expire_timers();
}


static void
test_deadline(void **state)
{
    /* the operation in flight is cancelled */

    run_steps("o-o", "coo", "o-o");
    ngx_sandbox_flow_deadline(&flow, 1000, NGX_SANDBOX_EXEC_TIMEOUT, "late");

    expire(999);
    assert_trace("s0 s1 ");

    expire(2);
    assert_trace("s0 s1 u1 u0 D-1 ");
    assert_int_equal(script.cancelled, 1);
    assert_int_equal(flow.error.id, NGX_SANDBOX_EXEC_TIMEOUT);
    assert_text(&flow.error.detail, "late");

    /* one that cannot be cancelled is awaited, and is too late then */

    run_steps("o-o", "aoo", "o-o");
    ngx_sandbox_flow_deadline(&flow, 1000, NGX_SANDBOX_EXEC_TIMEOUT, "late");

    expire(1001);
    assert_trace("s0 s1 ");

    ngx_sandbox_flow_resume(&flow, NGX_OK);
    assert_trace("s0 s1 u1 u0 D-1 ");

    /* a flow that ended in time has no timer left */

    run_steps("co-", "o--");
    ngx_sandbox_flow_deadline(&flow, 1000, NGX_SANDBOX_EXEC_TIMEOUT, "late");
    ngx_sandbox_flow_resume(&flow, NGX_OK);
    assert_false(flow.timer.timer_set);
    expire(2000);
    assert_trace("s0 f0 s1 D0 ");
}


/* done is called once, whatever comes after it */

static void
test_done_once(void **state)
{
    run_steps("ao-");
    ngx_sandbox_flow_resume(&flow, NGX_OK);
    ngx_sandbox_flow_resume(&flow, NGX_OK);
    assert_trace("s0 f0 D0 ");
    assert_int_equal(script.done, 1);
}


/* forward and backward through 1000 steps: the stack is that of two */

static void
test_no_stack_growth(void **state)
{
    char        *what[STEPS_MAX];
    size_t       two, thousand;
    ngx_uint_t   i;

    for (i = 0; i < STEPS_MAX; i++) {
        what[i] = (i % 2) ? "ror" : "o-o";
    }

    what[1] = "e-o";
    run(2, what);
    two = script.stack_max - script.stack_min;

    what[1] = "ror";
    what[999] = "e-o";
    run(1000, what);
    thousand = script.stack_max - script.stack_min;

    assert_int_equal(script.done, 1);
    assert_true(thousand <= two + 512);
}


static const struct CMUnitTest  tests[] = {
    ngx_sandbox_unit_test(test_synchronous),
    ngx_sandbox_unit_test(test_asynchronous),
    ngx_sandbox_unit_test(test_completed_inside_start),
    ngx_sandbox_unit_test(test_finish_continues),
    ngx_sandbox_unit_test(test_early_end),
    ngx_sandbox_unit_test(test_failure_in_each_step),
    ngx_sandbox_unit_test(test_undo),
    ngx_sandbox_unit_test(test_recovered_failure),
    ngx_sandbox_unit_test(test_client_gone),
    ngx_sandbox_unit_test(test_deadline),
    ngx_sandbox_unit_test(test_done_once),
    ngx_sandbox_unit_test(test_no_stack_growth),
};


static void __attribute__((constructor))
start(void)
{
    ngx_sandbox_unit_init();
    (void) ngx_event_timer_init(&unit_log);
    ngx_sandbox_unit_exit(cmocka_run_group_tests(tests, NULL, NULL));
}
