# Tries: to leave a process behind that is nobody's child, in a session of its
# own, with all descriptors closed.
# Stopped by: the interpreter is the reaper of its orphans, and they are the
# executor's when it has ended: it kills what it does not know.
# Seen to get through with: the end of strays off.
# Says: "stopped: ..."; the test looks for processes.


def handler(event):
    for _ in range(5):
        if os.fork() == 0:
            os.setsid()

            if os.fork() == 0:
                os.setsid()
                os.closerange(0, 1024)

                if os.fork() == 0:
                    time.sleep(3600)

            os._exit(0)

    time.sleep(0.1)
    return "stopped: if nothing is left"
