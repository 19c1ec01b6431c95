# Tries: to trace process 1, other executions and interpreters that are kept
# ready.
# Stopped by: each execution has a Landlock domain of its own; process 1 is not
# dumpable.
# Seen to get through with: no Landlock domain; process 1: and it dumpable.
# Says: "stopped: ..."; "through: ..." and whom.

ATTACH = 16
SEIZE = 0x4206


def handler(event):
    for pid in [1] + others():
        attempt("seize %d" % pid, syscall, "ptrace", SEIZE, pid, 0, 0)
        attempt("attach %d" % pid, syscall, "ptrace", ATTACH, pid, 0, 0)

    return verdict()
