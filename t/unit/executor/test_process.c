
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Would catch: a stray that is not found, or not with all that descends from
 * it, one that is ours and is killed, and counters that lose an execution's
 * processes or charge it for what was before.
 */


#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "unit.h"
#include "metrics.h"
#include "process.h"


static pid_t  ours;


static int
known(void *data, pid_t pid)
{
    assert_ptr_equal(data, &ours);

    return pid == ours;
}


/* a child with a child of its own, which says its number and sleeps */

static pid_t
family(pid_t *ret_child)
{
    int    fds[2];
    pid_t  pid, child;

    assert_int_equal(pipe(fds), 0);

    pid = fork();

    if (pid == 0) {
        child = fork();

        if (child == 0) {
            (void) setsid();
            child = getpid();

            if (write(fds[1], &child, sizeof(child)) == -1) {
                _exit(1);
            }
        }

        for ( ;; ) {
            pause();
        }
    }

    assert_int_equal(read(fds[0], ret_child, sizeof(pid_t)), sizeof(pid_t));

    close(fds[0]);
    close(fds[1]);

    return pid;
}


static int
is_gone(pid_t pid)
{
    int              i;
    struct timespec  tick = { 0, 1000 * 1000 };

    for (i = 0; i < 2000; i++) {
        if (waitpid(pid, NULL, WNOHANG) == pid) {
            return 1;
        }

        nanosleep(&tick, NULL);
    }

    return 0;
}


static void
test_strays(void **state)
{
    pid_t  stray, its_child, our_child;

    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);

    ours = 0;
    assert_int_equal(sandbox_process_end_strays(known, &ours), 0);

    ours = family(&our_child);
    assert_int_equal(sandbox_process_end_strays(known, &ours), 0);

    stray = family(&its_child);

    assert_int_equal(sandbox_process_end_strays(known, &ours), 2);
    assert_true(is_gone(stray));
    assert_true(is_gone(its_child));

    assert_int_equal(kill(our_child, 0), 0);
    assert_int_equal(sandbox_process_end_strays(known, &ours), 0);

    /* what ours leaves behind is a stray from then on */

    (void) kill(ours, SIGKILL);
    assert_true(is_gone(ours));
    assert_int_equal(sandbox_process_end_strays(known, &ours), 1);
    assert_true(is_gone(our_child));
    assert_int_equal(sandbox_process_end_strays(known, &ours), 0);
}


static void
test_family(void **state)
{
    pid_t  leader, child;

    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);

    leader = family(&child);

    /* one that is stopped is no exception */
    (void) kill(child, SIGSTOP);

    sandbox_process_end_family(leader);

    assert_true(is_gone(leader));
    assert_true(is_gone(child));
}


static void
spin(double seconds)
{
    struct timespec  ts;

    do {
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    } while (ts.tv_sec + ts.tv_nsec / 1e9 < seconds);
}


static void
test_metrics(void **state)
{
    int                 go[2], status;
    char                byte;
    pid_t               pid;
    siginfo_t           si;
    sandbox_metrics_t   m, begin;

    assert_int_equal(pipe(go), 0);

    pid = fork();

    if (pid == 0) {
        spin(0.1);
        kill(getpid(), SIGSTOP);

        if (read(go[0], &byte, 1) != 1) {
            _exit(1);
        }

        spin(0.15);
        _exit(3);
    }

    assert_int_equal(waitid(P_PID, pid, &si, WSTOPPED), 0);

    sandbox_metrics_begin(&begin, pid);
    assert_true(begin.cpu_time_ms >= 90);

    (void) kill(pid, SIGCONT);
    assert_int_equal(write(go[1], "x", 1), 1);
    assert_int_equal(waitid(P_PID, pid, &si, WEXITED|WNOWAIT), 0);

    memset(&m, 0, sizeof(m));
    sandbox_metrics_collect(&m, pid, &status);
    sandbox_metrics_end(&m, &begin);

    assert_int_equal(WEXITSTATUS(status), 3);
    assert_true(m.cpu_time_ms >= 40 && m.cpu_time_ms < 90);
    assert_true(m.peak_memory_mb > 0);

    /* less than before, by the grain of the clocks: nothing, not below */

    m.cpu_time_ms = 1;
    m.io_read_bytes = m.io_write_bytes = 10;
    begin.io_read_bytes = 11;
    begin.io_write_bytes = 4;

    sandbox_metrics_end(&m, &begin);

    assert_true(m.cpu_time_ms == 0);
    assert_int_equal(m.io_read_bytes, 0);
    assert_int_equal(m.io_write_bytes, 6);

    close(go[0]);
    close(go[1]);
}


static void
test_oom(void **state)
{
    int   fds;
    char  path[] = "/tmp/oomXXXXXX";

    assert_int_equal(sandbox_metrics_oom_kills(-1), 0);

    fds = mkstemp(path);
    assert_int_not_equal(fds, -1);
    assert_int_equal(unlink(path), 0);

    assert_int_equal(sandbox_metrics_oom_kills(fds), 0);

    assert_int_equal(dprintf(fds, "oom_kill_disable 9\nunder_oom 8\n"
                             "oom_kill 7\n"), 42);
    assert_int_equal(sandbox_metrics_oom_kills(fds), 7);

    close(fds);
}


static const struct CMUnitTest  tests[] = {
    cmocka_unit_test(test_strays),
    cmocka_unit_test(test_family),
    cmocka_unit_test(test_metrics),
    cmocka_unit_test(test_oom),
};


int
main(void)
{
    return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
