# Tries: to read what the kernel says of the host: its log, its memory, the
# addresses of its symbols, keys, timers.
# Stopped by: the container masks or refuses them; no capability.
# Seen to get through with: user 0 with capabilities and no filter: files of
# the kernel's memory.
# Says: "stopped: ..."; "through: ..." and what could be read.


def symbols():
    for line in read("/proc/kallsyms", 4096).splitlines():
        if not line.startswith(b"0" * 16):
            return line

    raise OSError(errno.EPERM, "addresses are not shown")


def filled(path):
    data = read(path, 64)

    if not data:
        raise OSError(errno.ENODATA, "empty")

    return data


def handler(event):
    buffer = ctypes.create_string_buffer(4096)

    # all of it, and its size: not what takes it away from others
    for kind in 3, 10:
        attempt("syslog", syscall, "syslog", kind, buffer, 4096)

    for path in ("/dev/kmsg", "/proc/kmsg", "/proc/kcore", "/dev/mem",
                 "/dev/kmem", "/dev/port", "/proc/keys", "/proc/timer_list",
                 "/proc/sched_debug", "/proc/latency_stats",
                 "/proc/vmallocinfo", "/proc/slabinfo", "/proc/kpageflags",
                 "/sys/firmware/dmi/tables/DMI",
                 "/sys/kernel/notes/../debug/tracing/trace",
                 "/sys/kernel/tracing/trace"):
        attempt(path, filled, path)

    attempt("symbols", symbols)
    return verdict()
