# Tries: to open devices that are none of a sandbox.
# Stopped by: the container has the harmless ones only.
# Seen to get through with: user 0 with capabilities.
# Says: "stopped: ..."; "through: ..." and which.

HARMLESS = {"null", "zero", "full", "random", "urandom", "tty", "ptmx",
            "stdin", "stdout", "stderr", "fd", "core", "shm", "mqueue",
            "pts"}


def handler(event):
    import stat

    for name in set(os.listdir("/dev")) - HARMLESS:
        attempt(name, os.open, "/dev/" + name, os.O_RDWR | os.O_NONBLOCK)

    for name in "kvm", "fuse", "net/tun", "sda", "vda", "loop-control", \
                "mem", "vhost-vsock", "console":
        attempt(name, os.open, "/dev/" + name, os.O_RDWR | os.O_NONBLOCK)

    for mode in stat.S_IFCHR, stat.S_IFBLK:
        for folder in "/workspace", "/tmp", "/dev", "/dev/shm":
            attempt("mknod", os.mknod, folder + "/mine", mode | 0o666,
                    os.makedev(10, 229))

    return verdict()
