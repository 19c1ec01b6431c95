# Tries: to reach the interpreter that is kept ready for the next execution:
# signals, tracing, its memory, the pipe that it waits on.
# Stopped by: it has a Landlock domain of its own, since its start.
# Seen to get through with: no Landlock domain.
# Says: "stopped: ..."; "through: ..." and what worked.  The test runs something
# in it afterwards.


def handler(event):
    end = time.monotonic() + 2

    while not others() and time.monotonic() < end:
        time.sleep(0.01)

    for pid in others():
        for number in 3, 4, 5, 6:
            path = "/proc/%d/fd/%d" % (pid, number)
            attempt("open", os.open, path, os.O_RDWR | os.O_NONBLOCK)
            attempt("write", os.open, path, os.O_WRONLY | os.O_NONBLOCK)

        attempt("seize", syscall, "ptrace", 0x4206, pid, 0, 0)
        attempt("memory", os.open, "/proc/%d/mem" % pid, os.O_RDWR)
        attempt("stop", os.kill, pid, signal.SIGSTOP)
        attempt("kill", os.kill, pid, signal.SIGKILL)

    return verdict()
