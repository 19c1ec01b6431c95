# Tries: to reach the files of another execution through /proc: its request,
# its standard input, its pipes, its folders, its environment.
# Stopped by: each execution has a Landlock domain of its own, and the kernel
# lets nobody look into another one.
# Seen to get through with: no Landlock domain.
# Says: "stopped: ..."; "through: ..." and what could be opened.


def handler(event):
    for pid in others():
        for number in range(7):
            path = "/proc/%d/fd/%d" % (pid, number)
            attempt("fd", os.open, path, os.O_RDONLY | os.O_NONBLOCK)
            attempt("link of fd", os.readlink, path)

        for name in "environ", "maps", "mem", "auxv", "stack", "syscall":
            attempt(name, read, "/proc/%d/%s" % (pid, name), 16)

        for name in "cwd", "root", "map_files":
            attempt(name, os.listdir, "/proc/%d/%s" % (pid, name))

        pidfd = syscall("pidfd_open", pid, 0)

        for number in range(7):
            attempt("pidfd_getfd", syscall, "pidfd_getfd", pidfd, number, 0)

    return verdict()
