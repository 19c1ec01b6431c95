# Tries: to find System V shared memory, semaphores and messages of an execution
# that runs at the same time.
# Stopped by: bubblewrap, inside of which there are no others.
# Seen to get through with: no bubblewrap.
# Says: as the first of two that it has made them; as the second "stopped: ...";
# "through: ..." and what it has found.

KEY = 0x5151


def make():
    libc.shmget(KEY, 4096, 0o1666)
    libc.semget(KEY, 1, 0o1666)
    libc.msgget(KEY, 0o1666)

    with open("/workspace/sysv", "w"):
        time.sleep(2)

    return "made"


def handler(event):
    if event.get("make"):
        return make()

    while not os.path.exists("/workspace/sysv"):
        time.sleep(0.01)

    os.unlink("/workspace/sysv")
    attempt("shmget", syscall, "shmget", KEY, 0, 0)

    for name in "shm", "sem", "msg":
        lines = read("/proc/sysvipc/" + name).decode().splitlines()[1:]
        successes.extend(name + " " + line.split()[0] for line in lines)

    return verdict()
