# Tries: to fill /tmp and /dev/shm.
# Stopped by: both are tmpfs with a size of 64 MiB; /dev/shm is emptied
# afterwards.
# Seen to get through with: a larger tmpfs.
# Says: "stopped: ..." and how much they took; "through: ..." beyond 64 MiB.


def fill(path):
    written = 0

    with open(path, "wb", 0) as file:
        while written <= 64 << 20:
            written += file.write(b"x" * (1 << 20))

    return written


def handler(event):
    for folder in "/tmp", "/dev/shm":
        attempt(folder, fill, folder + "/full")
        reasons.append("%s: %d MiB" % (folder,
                                       os.path.getsize(folder + "/full")
                                       >> 20))

    os.unlink("/tmp/full")
    return verdict()
