# Tries: to fill the workspace, with more than its size, and with a file that
# only claims to be large.
# Stopped by: it is a tmpfs with a size; a file may not be larger than it.
# Seen to get through with: no RLIMIT_FSIZE (the sparse file), a larger tmpfs.
# Says: "stopped: ..." and how much it took; "through: ..." beyond the size.


def fill(path, limit):
    written = 0

    with open(path, "wb", 0) as file:
        while written <= limit:
            written += file.write(b"x" * (1 << 20))

    return written


def sparse(path):
    with open(path, "wb", 0) as file:
        file.truncate(1 << 40)


def handler(event):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limit = event["mib"] << 20

    try:
        for number in range(3):
            attempt("full", fill, "/workspace/full-%d" % number, limit)

        attempt("sparse", sparse, "/workspace/sparse")
        size = sum(os.path.getsize(path)
                   for path in glob.glob("/workspace/full-*"))

    finally:
        for path in glob.glob("/workspace/*"):
            os.unlink(path)

    if size > limit:
        successes.append("%d bytes" % size)

    reasons.append("%d MiB" % (size >> 20))
    return verdict()
