# Tries: to leave memory that no process has to the next execution, as files:
# plain, in a folder that is closed, deeper than a path can be, and a queue.
# Stopped by: the executor empties /dev/shm and /dev/mqueue when nothing runs.
# Seen to get through with nothing removed; nftw() instead of what moves
# folders up.
# Says: as the second of two, "stopped: ..."; "through: ..." and what it has
# found.

FOLDERS = "/dev/shm", "/dev/mqueue"


def leave():
    write("/dev/shm/plain", b"left")
    os.symlink("/workspace", "/dev/shm/link")
    os.mkfifo("/dev/shm/fifo")

    os.mkdir("/dev/shm/closed")
    write("/dev/shm/closed/inner", b"left")
    os.mkdir("/dev/shm/closed/also")
    write("/dev/shm/closed/also/inner", b"left")
    os.chmod("/dev/shm/closed/also", 0)
    os.chmod("/dev/shm/closed", 0)

    # deeper than 4096 characters, and wide at the end
    os.mkdir("/dev/shm/deep")
    os.chdir("/dev/shm/deep")

    for _ in range(500):
        os.mkdir("d" * 20)
        os.chdir("d" * 20)

    for number in range(50):
        write("wide-%d" % number, b"left")

    os.chdir("/")
    librt = ctypes.CDLL(None, use_errno=True)
    librt.mq_open(b"/queue", os.O_CREAT | os.O_RDWR, 0, None)


def handler(event):
    if event["step"] == "leave":
        leave()
        return "stopped: that was the first of two"

    for folder in FOLDERS:
        successes.extend(os.path.join(folder, name)
                         for name in os.listdir(folder))

    reasons.append("nothing is left")
    return verdict()
