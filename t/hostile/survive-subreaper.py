# Tries: to be no reaper of its orphans any more (PR_SET_CHILD_SUBREAPER), so
# that they are the executor's while it runs itself.
# Stopped by: a child of the executor that it did not start is killed, whenever
# it came to it.
# Seen to get through with: the end of strays off.
# Says: "stopped: ..."; the test looks for processes.


def handler(event):
    libc.prctl(36, 0, 0, 0, 0)

    if os.fork() == 0:
        if os.fork() == 0:
            os.setsid()
            time.sleep(3600)

        os._exit(0)

    time.sleep(0.1)
    return "stopped: if nothing is left"
