# Tries: to write a return value for another execution, into its descriptor 4.
# Stopped by: each execution has a Landlock domain of its own.
# Seen to get through with: no Landlock domain: the victim returned what was
# forged.
# Says: "stopped: ..."; "through: ..." if it could write.  The test looks at
# what the other one has returned.


def handler(event):
    frame = b'value 8\n"forged"'

    for pid in others():
        path = "/proc/%d/fd/4" % pid
        attempt("open", write, path, frame)
        attempt("dup", lambda: os.write(
            syscall("pidfd_getfd", syscall("pidfd_open", pid, 0), 4, 0),
            frame))

    return verdict()
