# Tries: to write to the kernel's switches: everything below /sys and /proc/sys
# and the files beside it, the own control group first.
# Stopped by: the container has them read-only and of another user; Landlock
# lets code write nothing there.
# Seen to get through with: user 0 with capabilities and no Landlock domain: a
# group of its own.
# Says: "stopped: ..."; "through: ..." and what could be opened.


def handler(event):
    count = 0
    paths = ["/proc/sysrq-trigger", "/proc/kmsg", "/proc/mtrr",
             "/proc/timer_list", "/proc/kcore", "/proc/acpi"]

    # not every of some ten thousand devices
    for top in "/sys/fs/cgroup", "/proc/sys", "/sys/kernel", "/sys/module", \
               "/sys/power", "/sys/firmware", "/proc/irq", "/proc/fs":
        for folder, _, names in os.walk(top):
            paths.extend(os.path.join(folder, name) for name in names[:40])

    for path in paths:
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
            successes.append(path)
        except OSError as e:
            reasons.append(errno.errorcode[e.errno])
            count += 1

    for top in "/sys/fs/cgroup", "/sys/fs/cgroup/memory":
        attempt("group", os.mkdir, top + "/mine")

    return verdict() + ", %d files" % count
