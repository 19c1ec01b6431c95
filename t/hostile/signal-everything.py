# Tries: to signal process 1, other executions and interpreters that are kept
# ready: kill, tgkill, a queued signal, pidfd_send_signal, SIGIO for somebody
# else, and all at once.
# Stopped by: Landlock (its version 6) lets signals reach the own domain only.
# Seen to get through with: no Landlock domain: the victim was killed.
# Says: "stopped: ..."; "through: ..." and whom.


def pid_signal(pid):
    return syscall("pidfd_send_signal", syscall("pidfd_open", pid, 0),
                   signal.SIGKILL, None, 0)


def queued(pid):
    info = ctypes.create_string_buffer(128)
    struct.pack_into("iii", info, 0, signal.SIGKILL, 0, -1)
    struct.pack_into("ii", info, 16, os.getpid(), os.getuid())
    return syscall("rt_sigqueueinfo", pid, signal.SIGKILL, info)


def handler(event):
    import fcntl

    them = [1] + others()

    for pid in them:
        for number in 0, signal.SIGCONT, signal.SIGTERM, signal.SIGSTOP, \
                      signal.SIGKILL, signal.SIGRTMIN:
            attempt("kill %d" % pid, os.kill, pid, number)

        if pid != 1:
            attempt("group %d" % pid, os.killpg, pid, signal.SIGKILL)

        attempt("tgkill %d" % pid, syscall, "tgkill", pid, pid,
                signal.SIGKILL)
        attempt("queue %d" % pid, queued, pid)
        attempt("pidfd %d" % pid, pid_signal, pid)

        # it says nothing: whom it does not reach stays alive
        r, w = os.pipe()
        fcntl.fcntl(r, fcntl.F_SETOWN, pid)
        fcntl.fcntl(r, 10, signal.SIGKILL)
        fcntl.fcntl(r, fcntl.F_SETFL, os.O_ASYNC)
        os.write(w, b"x")

    libc.kill(-1, signal.SIGKILL)
    time.sleep(0.05)

    for pid in them:
        if not os.path.exists("/proc/%d" % pid):
            successes.append("%d is gone" % pid)

    return verdict()
