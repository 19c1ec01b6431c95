# Tries: to leave System V shared memory, semaphores and messages to the next
# execution, also such as have no mode, at which nobody may look.
# Stopped by: the executor removes them when nothing runs.
# Seen to get through with nothing removed; SHM_STAT instead of SHM_STAT_ANY.
# Says: as the second of two, "stopped: ..."; "through: ..." and what it has
# found.

CREATE = 0o1000


def leave():
    for mode in 0o600, 0:
        for key in 0x4711 + mode, 0:
            libc.shmget(key, 4096, CREATE | mode)
            libc.semget(key, 1, CREATE | mode)
            libc.msgget(key, CREATE | mode)


def handler(event):
    if event["step"] == "leave":
        leave()
        return "stopped: that was the first of two"

    for name in "shm", "sem", "msg":
        lines = read("/proc/sysvipc/" + name).decode().splitlines()[1:]
        successes.extend(name + " " + line.split()[0] for line in lines)

    reasons.append("nothing is left")
    return verdict()
