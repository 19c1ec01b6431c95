# Tries: to be gone whenever somebody looks: a process that lives just long
# enough to start the next one, in a session of its own.
# Stopped by: everything is stopped, in rounds, before the first is killed.
# Seen to get through with: the end of strays off (stopping first makes it
# quicker, but killing alone gets there as well).
# Says: "stopped: ..."; the test looks for processes.


def run_away():
    while True:
        try:
            if os.fork():
                os._exit(0)
        except OSError:
            # all places are taken: the others fork and end
            continue

        os.setsid()


def handler(event):
    # whoever ends is gone at once, and leaves its place
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)

    for _ in range(20):
        try:
            if os.fork() == 0:
                run_away()
        except OSError:
            break

    time.sleep(0.1)
    return "stopped: if nothing is left"
