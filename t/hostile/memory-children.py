# Tries: to use more memory than the sandbox has with many small processes, so
# that another one might be killed: process 1.
# Stopped by: what code has started says that it is to be killed first, which it
# cannot take back.
# Seen to get through with: writing below /proc allowed.
# Says: "stopped: ..."; "through: ..." if it could take it back.


def child():
    kept = []

    while True:
        kept.append(b"x" * (1 << 18))
        time.sleep(0.001)


def handler(event):
    for value in b"0", b"-1000":
        attempt("oom_score_adj", write, "/proc/self/oom_score_adj", value)

    for _ in range(40):
        if os.fork() == 0:
            child()

    end = time.monotonic() + 2

    while time.monotonic() < end:
        try:
            os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            break

        time.sleep(0.01)

    return verdict()
