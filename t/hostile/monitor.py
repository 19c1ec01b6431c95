# Tries: to get hold of bubblewrap while it starts another execution, and of our
# own binary inside of it: to stop it, to trace it, to open what it has open.
# Stopped by: each execution has a Landlock domain and a user name space of its
# own, and its monitor is gone before it runs.
# Seen to get through with: no Landlock domain (the signals).
# Says: "stopped: ..."; "through: ..." and which; "nothing was tried" if it has
# never seen one.

END = 1.5


def starting(pid):
    line = read("/proc/%d/cmdline" % pid, 65536).split(b"\0")
    return line[0] == b"bwrap" or b"--confine" in line


def taken(pid, fd):
    pidfd = syscall("pidfd_open", pid, 0)

    try:
        return syscall("pidfd_getfd", pidfd, fd, 0)
    finally:
        os.close(pidfd)


def handler(event):
    end = time.monotonic() + END

    while time.monotonic() < end:
        for pid in others():
            try:
                if not starting(pid):
                    continue
            except OSError:
                continue

            attempt("stop", os.kill, pid, signal.SIGSTOP)
            attempt("trace", syscall, "ptrace", 16, pid, 0, 0)

            for name in "root", "cwd", "mem", "environ", "fd/23", "ns/mnt":
                attempt(name, os.open, "/proc/%d/%s" % (pid, name),
                        os.O_RDONLY)

            attempt("pidfd", taken, pid, 23)

    return verdict()
