# Tries: to read and to write everything that /proc has of process 1, the
# executor.
# Stopped by: it is not dumpable, so its entries are root's; it is outside of
# the code's Landlock domain.
# Seen to get through with: process 1 dumpable; more of it with no Landlock
# domain.
# Says: "stopped: ..."; "through: ..." and what could be opened beyond what
# every process shows everybody.

# world-readable, and nothing of ours in them
PUBLIC = ("cgroup", "cmdline", "comm", "cpuset", "cpu_resctrl_groups",
          "limits", "loginuid", "mountinfo", "mounts", "oom_adj", "oom_score",
          "oom_score_adj", "sched", "schedstat", "sessionid", "stat", "statm",
          "status", "wchan", "arch_status", "autogroup", "coredump_filter",
          "gid_map", "uid_map", "projid_map", "setgroups", "latency",
          "timens_offsets", "ksm_stat", "ksm_merging_pages", "attr", "net",
          "task")


def handler(event):
    for name in sorted(os.listdir("/proc/1")):
        path = "/proc/1/" + name

        if name not in PUBLIC:
            if os.path.isdir(path) or name in ("cwd", "root"):
                attempt(name, os.listdir, path)
            else:
                attempt(name, read, path, 16)

            attempt("link " + name, os.readlink, path)

        # opening is the whole check, but for the threads' times
        if name != "timerslack_ns" and not os.path.isdir(path):
            attempt("write " + name, os.open, path, os.O_WRONLY)

    attempt("timerslack_ns", write, "/proc/1/timerslack_ns", b"1")

    for name in "executor.sock", "bootstrap.json":
        attempt("root", os.stat, "/proc/1/root/run/sandbox/" + name)

    return verdict()
