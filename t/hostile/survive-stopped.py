# Tries: to leave processes that do not run: stopped ones, one that is traced by
# another, one that waits for a child of vfork().
# Stopped by: SIGKILL ends what is stopped as well.
# Seen to get through with: the end of strays off.
# Says: "stopped: ..."; the test looks for processes.


def handler(event):
    if os.fork() == 0:
        os.setsid()
        os.kill(os.getpid(), signal.SIGSTOP)
        time.sleep(3600)

    pid = os.fork()

    if pid == 0:
        time.sleep(3600)

    if os.fork() == 0:
        # not its parent, but of the same domain
        libc.ptrace(16, pid, 0, 0)
        time.sleep(3600)

    if os.fork() == 0:
        if libc.vfork() == 0:
            signal.pause()

    time.sleep(0.1)
    return "stopped: if nothing is left"
