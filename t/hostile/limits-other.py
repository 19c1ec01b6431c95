# Tries: to set limits, priorities and processors of process 1, of other
# executions and of interpreters that are kept ready.  The kernel asks only
# whether the user is the same, and process 1 ends at a limit of processor time.
# Stopped by: the filter of system calls lets code name nobody but itself.
# Seen to get through with: the filter off: the sandbox ended.
# Says: "stopped: ..."; "through: ..." and what was set.


def handler(event):
    for pid in others() + [1]:
        attempt("affinity", os.sched_setaffinity, pid, {0})
        attempt("nice", os.setpriority, os.PRIO_PROCESS, pid, 1)
        attempt("group", os.setpriority, os.PRIO_PGRP, pid, 1)
        attempt("idle", os.sched_setscheduler, pid, os.SCHED_IDLE,
                os.sched_param(0))
        attempt("ioprio", syscall, "ioprio_set", 1, pid, 3 << 13)
        attempt("files", resource.prlimit, pid, resource.RLIMIT_NOFILE,
                (64, 64))

    attempt("user", os.setpriority, os.PRIO_USER, 0, 1)
    attempt("user's ioprio", syscall, "ioprio_set", 3, 0, 3 << 13)
    attempt("time", resource.prlimit, 1, resource.RLIMIT_CPU, (0, 0))

    # what is its own it may
    os.nice(1)
    resource.setrlimit(resource.RLIMIT_CPU, (100, 100))
    os.sched_setaffinity(0, os.sched_getaffinity(0))
    return verdict()
