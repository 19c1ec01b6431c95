# Tries: to write to what /proc has of other executions: a higher
# oom_score_adj makes the kernel kill them first.
# Stopped by: Landlock lets code write nothing below /proc.
# Seen to get through with: writing below /proc allowed.
# Says: "stopped: ..."; "through: ..." and what could be opened.

NAMES = ("oom_score_adj", "oom_adj", "autogroup", "sched", "clear_refs",
         "coredump_filter", "timerslack_ns", "comm", "mem", "attr/current")


def handler(event):
    for name in NAMES:
        for pid in others():
            attempt(name, os.open, "/proc/%d/%s" % (pid, name), os.O_WRONLY)

    return verdict()
