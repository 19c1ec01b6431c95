# Tries: to make its parent's children: CLONE_PARENT makes the executor the
# parent of what it starts.
# Stopped by: a child of the executor that it did not start is killed.
# Seen to get through with: the end of strays off.
# Says: "stopped: ..."; the test looks for processes.

CLONE_PARENT = 0x8000


def handler(event):
    for number in signal.SIGCHLD, signal.SIGTERM, signal.SIGKILL, 0:
        if syscall("clone", CLONE_PARENT | number, 0, 0, 0, 0) == 0:
            os.setsid()
            time.sleep(3600)

    for _ in range(20):
        if syscall("clone", CLONE_PARENT | signal.SIGCHLD, 0, 0, 0, 0) == 0:
            os._exit(0)

    return "stopped: if nothing is left"
