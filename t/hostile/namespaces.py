# Tries: to make namespaces of its own, where it would be root, and to enter
# those of process 1.
# Stopped by: the engine's profile of system calls; the executor's filter, also
# where the profile lets bubblewrap work; process 1 is not dumpable.
# Seen to get through with: the engine's profile off and no filter; a profile
# for bubblewrap and no filter.
# Says: "stopped: ..."; "through: ..." and which.

FLAGS = dict(user=0x10000000, mount=0x20000, pid=0x20000000, net=0x40000000,
             ipc=0x8000000, uts=0x4000000, cgroup=0x2000000, time=0x80)


def cloned(flag):
    pid = syscall("clone", flag | signal.SIGCHLD, 0, 0, 0, 0)

    if pid == 0:
        os._exit(0)

    os.waitpid(pid, 0)
    return pid


def cloned3(flag):
    args = struct.pack("QQQQQQQQ", flag, 0, 0, 0, signal.SIGCHLD, 0, 0, 0)
    pid = syscall("clone3", args, len(args))

    if pid == 0:
        os._exit(0)

    os.waitpid(pid, 0)
    return pid


def handler(event):
    for name, flag in FLAGS.items():
        attempt("unshare " + name, syscall, "unshare", flag)

        if name != "time":
            attempt("clone " + name, cloned, flag)

        attempt("clone3 " + name, cloned3, flag)
        attempt("user and " + name, syscall, "unshare",
                flag | FLAGS["user"])

    for name in os.listdir("/proc/self/ns"):
        attempt("of 1: " + name, os.open, "/proc/1/ns/" + name, os.O_RDONLY)
        own = os.open("/proc/self/ns/" + name, os.O_RDONLY)
        attempt("setns " + name, syscall, "setns", own, 0)

    attempt("setns pidfd", syscall, "setns", syscall("pidfd_open", 1, 0),
            FLAGS["mount"])
    return verdict()
