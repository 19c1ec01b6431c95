# Tries: to use up what the kernel counts for a user on the whole host, and all
# sandboxes are one user: inotify, pending signals, pipes, queues, epoll.
# Stopped by: no other sandbox needs them in order to run code; most of it is
# charged to the sandbox as well.
# Seen to get through with nothing: the numbers are the host's.
# Says: "stopped: ..." and how far it came.  The test runs code in another
# session meanwhile.


def handler(event):
    import fcntl

    counts = {}
    kept = []

    def exhaust(name, call):
        number = 0

        try:
            while number < 20000:
                kept.append(call())
                number += 1
        except (OSError, ValueError) as e:
            name += " " + errno.errorcode.get(getattr(e, "errno", 0), "")

        counts[name] = number

    def inotify():
        fd = libc.inotify_init()

        if fd == -1:
            raise OSError(ctypes.get_errno(), "inotify")

        return fd

    def pending():
        if libc.sigqueue(os.getpid(), signal.SIGRTMIN, None) == -1:
            raise OSError(ctypes.get_errno(), "sigqueue")

    def queue():
        name = b"/%d" % len(kept)

        if libc.mq_open(name, os.O_CREAT | os.O_RDWR, 0o600, None) == -1:
            raise OSError(ctypes.get_errno(), "mq_open")

    def pipes():
        r, w = os.pipe()
        kept.append((r, w))
        fcntl.fcntl(w, 1031, 1 << 20)

    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMIN])
    exhaust("inotify", inotify)
    exhaust("signals", pending)
    exhaust("queues", queue)
    exhaust("pipes", pipes)
    time.sleep(event["seconds"])
    return "stopped: " + str(counts)
