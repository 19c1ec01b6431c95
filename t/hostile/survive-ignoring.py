# Tries: to outlive its time: it and its children ignore and block each signal
# that can be.
# Stopped by: SIGKILL two seconds after SIGTERM.
# Seen to get through with: no SIGKILL after SIGTERM.
# Says: "through: ..." if its end comes first; the test looks for processes.


def handler(event):
    for number in range(1, 65):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass

    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))

    for _ in range(3):
        if os.fork() == 0:
            os.setsid()

    end = time.monotonic() + 20

    while time.monotonic() < end:
        time.sleep(1)

    return "through: it had the time"
